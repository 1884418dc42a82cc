// A 256-bit hash value, and the text form of bytes.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>

namespace millrace {

using Digest = std::array<uint8_t, 32>;

// Lower-case hexadecimal, two characters a byte.
inline std::string ToHex(std::span<const uint8_t> bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const uint8_t byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

}  // namespace millrace
