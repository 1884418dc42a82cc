#ifndef MILLRACE_CMAKE_SODIUM_WASM_PLATFORM_H_
#define MILLRACE_CMAKE_SODIUM_WASM_PLATFORM_H_

/* Included in front of libsodium's randombytes.c in the WebAssembly build (see libsodium.cmake). */
#include "randombytes.h"

extern struct randombytes_implementation millrace_wasm_randombytes;

#define RANDOMBYTES_DEFAULT_IMPLEMENTATION &millrace_wasm_randombytes

#endif
