// The linker's --wrap sends the session's calls of libsodium here (tests/CMakeLists.txt), so that
// sealing, opening and hashing are measured where they happen, inside the session's own calls.
#include <sodium.h>

#include "bench/step_timer.h"

using millrace::bench::NowNanos;
using millrace::bench::Step;
using millrace::bench::StepTimer;

namespace {

// Within a call that is measured: libsodium's own calls of its parts are not counted again.
bool inside = false;

template <typename Call>
int Timed(Step step, Call call) {
  StepTimer* timer = StepTimer::Running();
  if (timer == nullptr || inside) return call();
  inside = true;
  const double begin = NowNanos();
  const int result = call();
  timer->AddNested(step, begin, NowNanos());
  inside = false;
  return result;
}

}  // namespace

extern "C" {

decltype(crypto_aead_xchacha20poly1305_ietf_encrypt_detached)
    __real_crypto_aead_xchacha20poly1305_ietf_encrypt_detached;
decltype(crypto_aead_xchacha20poly1305_ietf_decrypt_detached)
    __real_crypto_aead_xchacha20poly1305_ietf_decrypt_detached;
decltype(crypto_stream_chacha20_ietf_xor_ic) __real_crypto_stream_chacha20_ietf_xor_ic;
decltype(crypto_onetimeauth_poly1305_update) __real_crypto_onetimeauth_poly1305_update;
decltype(crypto_generichash_blake2b_salt_personal) __real_crypto_generichash_blake2b_salt_personal;

int __wrap_crypto_aead_xchacha20poly1305_ietf_encrypt_detached(
    unsigned char* c, unsigned char* mac, unsigned long long* mac_length, const unsigned char* m,
    unsigned long long m_length, const unsigned char* ad, unsigned long long ad_length,
    const unsigned char* secret_nonce, const unsigned char* nonce, const unsigned char* key) {
  return Timed(Step::kSeal, [&] {
    return __real_crypto_aead_xchacha20poly1305_ietf_encrypt_detached(
        c, mac, mac_length, m, m_length, ad, ad_length, secret_nonce, nonce, key);
  });
}

int __wrap_crypto_aead_xchacha20poly1305_ietf_decrypt_detached(
    unsigned char* m, unsigned char* secret_nonce, const unsigned char* c,
    unsigned long long c_length, const unsigned char* mac, const unsigned char* ad,
    unsigned long long ad_length, const unsigned char* nonce, const unsigned char* key) {
  return Timed(Step::kOpen, [&] {
    return __real_crypto_aead_xchacha20poly1305_ietf_decrypt_detached(
        m, secret_nonce, c, c_length, mac, ad, ad_length, nonce, key);
  });
}

// Bulk is sealed with the parts of the cipher (crypto/record_protection.cpp).
int __wrap_crypto_stream_chacha20_ietf_xor_ic(unsigned char* c, const unsigned char* m,
                                              unsigned long long m_length,
                                              const unsigned char* nonce, uint32_t block,
                                              const unsigned char* key) {
  return Timed(Step::kSeal, [&] {
    return __real_crypto_stream_chacha20_ietf_xor_ic(c, m, m_length, nonce, block, key);
  });
}

int __wrap_crypto_onetimeauth_poly1305_update(crypto_onetimeauth_poly1305_state* state,
                                              const unsigned char* in,
                                              unsigned long long in_length) {
  return Timed(Step::kSeal,
               [&] { return __real_crypto_onetimeauth_poly1305_update(state, in, in_length); });
}

int __wrap_crypto_generichash_blake2b_salt_personal(unsigned char* out, size_t out_length,
                                                    const unsigned char* in,
                                                    unsigned long long in_length,
                                                    const unsigned char* key, size_t key_length,
                                                    const unsigned char* salt,
                                                    const unsigned char* personal) {
  return Timed(Step::kHash, [&] {
    return __real_crypto_generichash_blake2b_salt_personal(out, out_length, in, in_length, key,
                                                           key_length, salt, personal);
  });
}

}  // extern "C"
