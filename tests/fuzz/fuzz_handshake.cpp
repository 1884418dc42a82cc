// Any bytes as the peer's hello: a typed error or secrets, never anything else.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "crypto/x25519_handshake.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace millrace;
  static const bool ready = InitializeCrypto();
  if (!ready) std::abort();
  X25519Handshake handshake(std::array<uint8_t, 64>{1, 2, 3});
  const Status status = handshake.HandleMessage(ByteView(data, size));
  if (status.ok() != handshake.TakeSecrets().has_value()) std::abort();
  if (!status.ok() && status.error().code != ErrorCode::kHandshakeFailed) std::abort();
  return 0;
}
