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

// Overwrites what functions that have returned left on the stack: libsodium wipes what it holds by
// name, but not every copy that a compiler made. Called at the end of each step of a handshake.
// Cost: 48 KiB of memory, some microseconds.
void WipeStack();

// Whether two secrets of one length are equal, in a time that tells nothing of where they differ.
bool EqualSecrets(std::span<const uint8_t> a, std::span<const uint8_t> b);

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
