#include "crypto/secret.h"

#include <sodium.h>

namespace millrace {
namespace {

// The deepest calls are those of the key encapsulation: some 30 KiB.
constexpr size_t kStackBytes = 48 * 1024;

}  // namespace

bool InitializeCrypto() { return sodium_init() >= 0; }

void Wipe(std::span<uint8_t> bytes) { sodium_memzero(bytes.data(), bytes.size()); }

__attribute__((noinline)) void WipeStack() {
  std::array<uint8_t, kStackBytes> left;
  sodium_memzero(left.data(), left.size());
}

bool EqualSecrets(std::span<const uint8_t> a, std::span<const uint8_t> b) {
  return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace millrace
