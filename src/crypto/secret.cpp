#include "crypto/secret.h"

#include <sodium.h>

namespace millrace {

bool InitializeCrypto() { return sodium_init() >= 0; }

void Wipe(std::span<uint8_t> bytes) { sodium_memzero(bytes.data(), bytes.size()); }

}  // namespace millrace
