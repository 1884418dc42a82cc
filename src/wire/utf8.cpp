#include "wire/utf8.h"

#include <cstddef>
#include <cstdint>

namespace millrace {
namespace {

// Length of the sequence that `lead` opens, 0 where it opens none, and the smallest code point of
// that length.
struct Lead {
  size_t length;
  uint32_t bits;
  uint32_t smallest;
};

Lead ReadLead(uint8_t lead) {
  if (lead < 0x80) return {1, lead, 0};
  if (lead >> 5 == 0b110) return {2, lead & 0x1fu, 0x80};
  if (lead >> 4 == 0b1110) return {3, lead & 0x0fu, 0x800};
  if (lead >> 3 == 0b11110) return {4, lead & 0x07u, 0x10000};
  return {0, 0, 0};
}

}  // namespace

bool IsUtf8(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    const Lead lead = ReadLead(static_cast<uint8_t>(text[at]));
    if (lead.length == 0 || text.size() - at < lead.length) return false;
    uint32_t code_point = lead.bits;
    for (size_t i = 1; i < lead.length; ++i) {
      const auto byte = static_cast<uint8_t>(text[at + i]);
      if (byte >> 6 != 0b10) return false;
      code_point = code_point << 6 | (byte & 0x3fu);
    }
    if (code_point < lead.smallest || code_point > 0x10ffff) return false;
    if (code_point >= 0xd800 && code_point <= 0xdfff) return false;
    at += lead.length;
  }
  return true;
}

std::string_view ClipUtf8(std::string_view text, size_t most_bytes) {
  if (text.size() <= most_bytes) return text;
  size_t length = most_bytes;
  // A continuation byte behind the cut belongs to a sequence that began before it.
  while (length > 0 && static_cast<uint8_t>(text[length]) >> 6 == 0b10) --length;
  return text.substr(0, length);
}

}  // namespace millrace
