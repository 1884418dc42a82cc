/*
 * Replaces libsodium's runtime.c and its random device in the WebAssembly build.
 *
 * WebAssembly has no CPUID: which instructions may be used is known when the code is compiled, so the answers are
 * constants. "ssse3" selects the ChaCha20 that is compiled with -msimd128 -mssse3; everything else stays scalar because
 * that is faster there (see libsodium.cmake).
 */
#include "sodium_wasm_platform.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "private/common.h"
#include "runtime.h"

int _sodium_runtime_get_cpu_features(void) { return 0; }

int sodium_runtime_has_ssse3(void) { return 1; }

int sodium_runtime_has_neon(void) { return 0; }
int sodium_runtime_has_armcrypto(void) { return 0; }
int sodium_runtime_has_sse2(void) { return 0; }
int sodium_runtime_has_sse3(void) { return 0; }
int sodium_runtime_has_sse41(void) { return 0; }
int sodium_runtime_has_avx(void) { return 0; }
int sodium_runtime_has_avx2(void) { return 0; }
int sodium_runtime_has_avx512f(void) { return 0; }
int sodium_runtime_has_pclmul(void) { return 0; }
int sodium_runtime_has_aesni(void) { return 0; }
int sodium_runtime_has_rdrand(void) { return 0; }

/* getentropy() is crypto.getRandomValues(); it answers at most 256 bytes at a time. */
static void WasmRandomBuffer(void *const buffer, const size_t size) {
  unsigned char *out = (unsigned char *)buffer;
  size_t left = size;
  while (left > 0) {
    const size_t step = left < 256 ? left : 256;
    if (getentropy(out, step) != 0) {
      abort(); /* As libsodium's own devices do: no key may be made without randomness. */
    }
    out += step;
    left -= step;
  }
}

static uint32_t WasmRandom(void) {
  uint32_t value;
  WasmRandomBuffer(&value, sizeof value);
  return value;
}

static const char *WasmRandomName(void) { return "wasm-getentropy"; }

struct randombytes_implementation millrace_wasm_randombytes = {
    .implementation_name = WasmRandomName,
    .random = WasmRandom,
    .stir = NULL,
    .uniform = NULL,
    .buf = WasmRandomBuffer,
    .close = NULL,
};
