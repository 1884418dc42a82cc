// A 256-bit hash value and its text form.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace millrace {

using Digest = std::array<uint8_t, 32>;

// Lower-case hexadecimal, 64 characters.
inline std::string ToHex(const Digest& digest) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(digest.size() * 2);
  for (const uint8_t byte : digest) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

}  // namespace millrace
