// BLAKE2b (RFC 7693) in steps, for inputs that must leave no trace: the state is wiped.
#pragma once

#include <sodium.h>

#include "base/bytes.h"
#include "crypto/secret.h"

namespace millrace {

class Blake2b {
 public:
  // `bytes`: of the hash, 16 to 64. `key`: none, or 16 to 64 bytes.
  explicit Blake2b(size_t bytes, ByteView key = {}) : bytes_(bytes) {
    crypto_generichash_init(&state_, key.data(), key.size(), bytes);
  }
  ~Blake2b() { sodium_memzero(&state_, sizeof(state_)); }
  Blake2b(const Blake2b&) = delete;
  Blake2b& operator=(const Blake2b&) = delete;

  Blake2b& Add(ByteView input) {
    crypto_generichash_update(&state_, input.data(), input.size());
    return *this;
  }
  Blake2b& Add(std::string_view text) { return Add(AsBytes(text)); }
  // With its length (2 bytes) before it, so that neighbours can not be told apart in two ways.
  // `input` is shorter than 65,536 bytes.
  Blake2b& AddPrefixed(ByteView input) {
    const uint8_t length[] = {static_cast<uint8_t>(input.size() >> 8),
                              static_cast<uint8_t>(input.size())};
    return Add(length).Add(input);
  }
  // Once, at the end.
  void Finish(MutableByteView out) { crypto_generichash_final(&state_, out.data(), bytes_); }

 private:
  size_t bytes_;
  crypto_generichash_state state_;
};

}  // namespace millrace
