// Published test vectors are written in hexadecimal.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace millrace::testing {

// An even number of hexadecimal digits.
inline std::vector<uint8_t> FromHex(std::string_view text) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; };
  std::vector<uint8_t> bytes(text.size() / 2);
  for (size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<uint8_t>(digit(text[2 * i]) << 4 | digit(text[2 * i + 1]));
  }
  return bytes;
}

template <size_t kSize>
std::array<uint8_t, kSize> ArrayFromHex(std::string_view text) {
  const std::vector<uint8_t> bytes = FromHex(text);
  std::array<uint8_t, kSize> array{};
  std::copy_n(bytes.begin(), std::min(kSize, bytes.size()), array.begin());
  return array;
}

}  // namespace millrace::testing
