#ifndef MILLRACE_CMAKE_SODIUM_WASM_SPLAT_H_
#define MILLRACE_CMAKE_SODIUM_WASM_SPLAT_H_

/*
 * Included in front of libsodium's SSSE3 ChaCha20 in the WebAssembly build.
 *
 * LLVM 14 (emscripten 3.1.6) turns "load a word, spread it over a vector" into v128.load*_splat and loses the order of
 * that load against later stores. In u4.h the block counter is spread and then advanced in memory: the load moved behind
 * the store, and every run of 256 bytes was encrypted with the counter of the next one. The empty asm keeps the value in a
 * register, so that the two are never merged; it costs nothing that can be measured.
 */
#include <emmintrin.h>
#include <stdint.h>
#include <tmmintrin.h>

static inline __m128i millrace_splat_32(int32_t value) {
  __asm__("" : "+r"(value));
  return (__m128i)wasm_i32x4_splat(value);
}

static inline __m128i millrace_splat_64(int64_t value) {
  __asm__("" : "+r"(value));
  return (__m128i)wasm_i64x2_splat(value);
}

#define _mm_set1_epi32(value) millrace_splat_32((int32_t)(value))
#define _mm_set1_epi64x(value) millrace_splat_64((int64_t)(value))

#endif
