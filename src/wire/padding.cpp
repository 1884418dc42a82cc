#include "wire/padding.h"

#include <bit>

namespace millrace {

size_t PaddedControlBytes(size_t bytes) {
  for (size_t bucket = 256; bucket < kMaxControlRecordBytes; bucket *= 4) {
    if (bytes <= bucket) return bucket;
  }
  return kMaxControlRecordBytes;
}

uint64_t PaddedTotal(uint64_t count) {
  if (count < 2) return count;
  // Whatever integer type the library answers.
  const auto exponent = static_cast<uint64_t>(std::bit_width(count)) - 1;
  const auto kept = static_cast<uint64_t>(std::bit_width(exponent));
  const uint64_t mask = (uint64_t{1} << (exponent - kept)) - 1;
  return (count + mask) & ~mask;
}

}  // namespace millrace
