// The primitives of libsodium on pointers, for scripts/bench-crypto.mjs only (Node.js). Not part of
// the package.

#include <emscripten/emscripten.h>
#include <sodium.h>

#include <cstddef>
#include <cstdint>

extern "C" {

// Sets libsodium up. 0 or 1: ready; -1: failed.
EMSCRIPTEN_KEEPALIVE int BenchInit() { return sodium_init(); }

EMSCRIPTEN_KEEPALIVE const char* BenchSodiumVersion() { return sodium_version_string(); }

// What was compiled in: 1 when ChaCha20 takes the SSSE3 path (on WebAssembly SIMD), 0 for the
// scalar one.
EMSCRIPTEN_KEEPALIVE int BenchHasSimdChaCha() { return sodium_runtime_has_ssse3(); }

// Seals `size` bytes at `message` in place: `size` + 16 bytes are written back. 0: done.
EMSCRIPTEN_KEEPALIVE int BenchSeal(uint8_t* message, size_t size, const uint8_t* nonce,
                                   const uint8_t* key) {
  return crypto_aead_xchacha20poly1305_ietf_encrypt(message, nullptr, message, size, nullptr, 0,
                                                    nullptr, nonce, key);
}

// Opens `size` bytes (tag included) at `sealed` in place: `size` - 16 bytes remain. -1: forged.
EMSCRIPTEN_KEEPALIVE int BenchOpen(uint8_t* sealed, size_t size, const uint8_t* nonce,
                                   const uint8_t* key) {
  return crypto_aead_xchacha20poly1305_ietf_decrypt(sealed, nullptr, nullptr, sealed, size, nullptr,
                                                    0, nonce, key);
}

// Writes the 32-byte BLAKE2b hash of `size` bytes at `message` to `hash`. 0: done.
EMSCRIPTEN_KEEPALIVE int BenchHash(uint8_t* hash, const uint8_t* message, size_t size) {
  return crypto_generichash(hash, crypto_generichash_BYTES, message, size, nullptr, 0);
}

}  // extern "C"
