// Bytes that must not outlive their use.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace millrace {

// Makes libsodium choose its implementations; must have answered true once before anything else of
// this folder is used. Cost: microseconds; later calls do nothing.
bool InitializeCrypto();

// Overwrites `bytes` in a way that the compiler keeps.
void Wipe(std::span<uint8_t> bytes);

// A fixed number of secret bytes, wiped when they go or are moved from.
template <size_t kSize>
class Secret {
 public:
  Secret() = default;
  Secret(Secret&& other) noexcept { *this = static_cast<Secret&&>(other); }
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      bytes_ = other.bytes_;
      Wipe(other.bytes_);
    }
    return *this;
  }
  ~Secret() { Wipe(bytes_); }

  // Copies are made by name only.
  Secret Copy() const {
    Secret copy;
    copy.bytes_ = bytes_;
    return copy;
  }

  std::span<uint8_t, kSize> bytes() { return bytes_; }
  std::span<const uint8_t, kSize> bytes() const { return bytes_; }

 private:
  std::array<uint8_t, kSize> bytes_{};
};

using SecretKey = Secret<32>;

}  // namespace millrace
