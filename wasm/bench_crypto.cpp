// The primitives of libsodium on pointers, and what the core makes of them, for
// scripts/bench-crypto.mjs only (Node.js). Not part of the package.

#include <emscripten/emscripten.h>
#include <sodium.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "crypto/cpace.h"
#include "crypto/handshake.h"
#include "crypto/hash_tree.h"

namespace millrace {
namespace {

// Two sides shake hands; answers whether both have come to secrets.
bool ShakeHands(SecretKind kind, ByteView secret) {
  std::array<uint8_t, Handshake::kEntropyBytes> entropy;
  entropy.fill(1);
  Handshake a(entropy, {kind}, secret);
  entropy.fill(2);
  Handshake b(entropy, {kind}, secret);
  if (!a.Begin("a", "b").ok() || !b.Begin("b", "a").ok()) return false;
  std::array<uint8_t, Handshake::kMaxMessageBytes> message;
  for (bool busy = true; busy;) {
    busy = false;
    while (const size_t length = a.PollMessage(message)) {
      busy = true;
      if (!b.HandleMessage(ByteView(message).first(length)).ok()) return false;
    }
    while (const size_t length = b.PollMessage(message)) {
      busy = true;
      if (!a.HandleMessage(ByteView(message).first(length)).ok()) return false;
    }
  }
  return a.TakeSecrets().has_value() && b.TakeSecrets().has_value();
}

}  // namespace
}  // namespace millrace

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

// Writes the 32-byte root of the hash tree over `size` bytes at `message` to `root`. 0: done.
EMSCRIPTEN_KEEPALIVE int BenchHashTree(uint8_t* root, const uint8_t* message, size_t size) {
  millrace::HashTree tree;
  tree.AddBytes(0, {message, size});
  const millrace::Digest digest = tree.Root(size);
  for (size_t i = 0; i < digest.size(); ++i) root[i] = digest[i];
  return 0;
}

// X-Wing on pointers, as libsodium has it. 0: done.
EMSCRIPTEN_KEEPALIVE int BenchKemKeypair(uint8_t* public_key, uint8_t* secret_key,
                                         const uint8_t* seed) {
  return crypto_kem_xwing_seed_keypair(public_key, secret_key, seed);
}
EMSCRIPTEN_KEEPALIVE int BenchKemEncapsulate(uint8_t* ciphertext, uint8_t* secret,
                                             const uint8_t* public_key, const uint8_t* seed) {
  return crypto_kem_xwing_enc_deterministic(ciphertext, secret, public_key, seed);
}
EMSCRIPTEN_KEEPALIVE int BenchKemDecapsulate(uint8_t* secret, const uint8_t* ciphertext,
                                             const uint8_t* secret_key) {
  return crypto_kem_xwing_dec(secret, ciphertext, secret_key);
}

// All that one side of a CPace run computes. 0: done.
EMSCRIPTEN_KEEPALIVE int BenchCpace() {
  const millrace::CpaceContext context{millrace::AsBytes("channel"), {}};
  millrace::SecretKey scalar;
  scalar.bytes()[0] = 7;
  const auto share = millrace::CpaceBegin(millrace::AsBytes("7-crossover"), context, scalar);
  if (!share) return -1;
  return millrace::CpaceFinish(scalar, context, {*share, {}}, {*share, {}}) ? 0 : -1;
}

// A handshake, both sides of it. 0: done.
EMSCRIPTEN_KEEPALIVE int BenchHandshake(int with_code) {
  const auto kind = with_code ? millrace::SecretKind::kCode : millrace::SecretKind::kNone;
  const millrace::ByteView code = millrace::AsBytes("7-crossover");
  return millrace::ShakeHands(kind, with_code ? code : millrace::ByteView()) ? 0 : -1;
}

}  // extern "C"
