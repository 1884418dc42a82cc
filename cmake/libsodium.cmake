# libsodium as the static library `sodium`, natively and for WebAssembly, from the same fetched source and without
# autotools. Each SIMD file guards itself with HAVE_*_H macros, so all files are always listed; the macros choose.

millrace_find_source(MILLRACE_LIBSODIUM_DIR MILLRACE_LIBSODIUM_SOURCE "libsodium-*" "src/libsodium/sodium/core.c")
set(sodium_root "${MILLRACE_LIBSODIUM_DIR}/src/libsodium")

# version.h is the only generated header; its numbers stand in configure.ac.
file(READ "${MILLRACE_LIBSODIUM_DIR}/configure.ac" sodium_configure)
string(REGEX MATCH "AC_INIT\\(\\[libsodium\\],\\[([0-9.]+)\\]" _ "${sodium_configure}")
set(VERSION "${CMAKE_MATCH_1}")
string(REGEX MATCH "SODIUM_LIBRARY_VERSION_MAJOR=([0-9]+)" _ "${sodium_configure}")
set(SODIUM_LIBRARY_VERSION_MAJOR "${CMAKE_MATCH_1}")
string(REGEX MATCH "SODIUM_LIBRARY_VERSION_MINOR=([0-9]+)" _ "${sodium_configure}")
set(SODIUM_LIBRARY_VERSION_MINOR "${CMAKE_MATCH_1}")
set(SODIUM_LIBRARY_MINIMAL_DEF "")
if(VERSION VERSION_LESS "1.0.22")
  message(FATAL_ERROR "libsodium ${VERSION} in ${MILLRACE_LIBSODIUM_DIR} is too old: 1.0.22 brought crypto_kem_xwing")
endif()
set(sodium_generated "${CMAKE_CURRENT_BINARY_DIR}/libsodium/include")
configure_file("${sodium_root}/include/sodium/version.h.in" "${sodium_generated}/sodium/version.h" @ONLY)
configure_file("${sodium_root}/include/sodium/export.h" "${sodium_generated}/sodium/export.h" COPYONLY)

file(GLOB_RECURSE sodium_sources "${sodium_root}/*.c")
set(sodium_definitions
  CONFIGURED=1 SODIUM_STATIC=1 NATIVE_LITTLE_ENDIAN=1 HAVE_C11_MEMORY_FENCES=1 HAVE_GCC_MEMORY_FENCES=1
  HAVE_INTTYPES_H=1 HAVE_STDINT_H=1 HAVE_WEAK_SYMBOLS=1)

if(EMSCRIPTEN)
  list(REMOVE_ITEM sodium_sources
    "${sodium_root}/sodium/runtime.c"
    "${sodium_root}/randombytes/sysrandom/randombytes_sysrandom.c"
    "${sodium_root}/randombytes/internal/randombytes_internal_random.c")
  list(APPEND sodium_sources "${CMAKE_CURRENT_LIST_DIR}/sodium_wasm_platform.c")
  # Measured in Node 20 (64 KiB, MB/s): SSSE3 ChaCha20 1700 against 705 scalar, but SIMD BLAKE2b 715 against 940 scalar;
  # Poly1305 is the same either way. Hence SIMD for ChaCha20 alone, and a runtime.c that answers accordingly.
  set_source_files_properties(
    "${sodium_root}/crypto_stream/chacha20/stream_chacha20.c"
    "${sodium_root}/crypto_stream/chacha20/dolbeau/chacha20_dolbeau-ssse3.c"
    PROPERTIES COMPILE_OPTIONS "-msimd128;-mssse3;-DHAVE_EMMINTRIN_H=1;-DHAVE_TMMINTRIN_H=1;\
-include;${CMAKE_CURRENT_LIST_DIR}/sodium_wasm_splat.h")
  # Without __EMSCRIPTEN__ this file takes its bytes from RANDOMBYTES_DEFAULT_IMPLEMENTATION instead of inline JavaScript.
  set_source_files_properties("${sodium_root}/randombytes/randombytes.c" PROPERTIES COMPILE_OPTIONS
    "-U__EMSCRIPTEN__;-DRANDOMBYTES_CUSTOM_IMPLEMENTATION=1;-include;${CMAKE_CURRENT_LIST_DIR}/sodium_wasm_platform.h")
else()
  list(APPEND sodium_definitions
    _GNU_SOURCE=1 HAVE_TI_MODE=1 HAVE_CPUID=1 HAVE_INLINE_ASM=1 HAVE_ATOMIC_OPS=1 HAVE_PTHREAD=1 HAVE_GETPID=1
    HAVE_MADVISE=1 HAVE_MLOCK=1 HAVE_MMAP=1 HAVE_MPROTECT=1 HAVE_NANOSLEEP=1 HAVE_POSIX_MEMALIGN=1 HAVE_RAISE=1
    HAVE_SYSCONF=1 HAVE_SYS_AUXV_H=1 HAVE_SYS_MMAN_H=1 HAVE_SYS_PARAM_H=1 HAVE_SYS_RANDOM_H=1 HAVE_CLOCK_GETTIME=1
    TLS=_Thread_local)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    list(APPEND sodium_definitions HAVE_MMINTRIN_H=1 HAVE_EMMINTRIN_H=1 HAVE_PMMINTRIN_H=1 HAVE_TMMINTRIN_H=1
      HAVE_SMMINTRIN_H=1 HAVE_AVXINTRIN_H=1 HAVE_AVX2INTRIN_H=1)
  endif()
endif()

file(GLOB sodium_recipe "${CMAKE_CURRENT_LIST_DIR}/sodium_wasm_*")
set(sodium_key "libsodium ${VERSION}")
foreach(file "${CMAKE_CURRENT_LIST_FILE}" ${sodium_recipe})
  file(SHA256 "${file}" hash)
  string(APPEND sodium_key " ${hash}")
endforeach()

# millrace_add_sodium(name sources… OPTIONS options…): the library with the compile options `options`.
function(millrace_add_sodium name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "OPTIONS")
  millrace_add_cached_library(${name} "${sodium_key} ${arg_OPTIONS}" ${arg_UNPARSED_ARGUMENTS})
  target_include_directories(${name} SYSTEM INTERFACE "${sodium_root}/include" "${sodium_generated}")
  target_compile_definitions(${name} INTERFACE SODIUM_STATIC=1)
  get_target_property(imported ${name} IMPORTED)
  if(NOT imported)
    target_include_directories(${name} PRIVATE "${sodium_root}" "${sodium_root}/include/sodium"
      "${sodium_generated}/sodium")
    target_compile_definitions(${name} PRIVATE ${sodium_definitions})
    target_compile_options(${name} PRIVATE -w -fno-strict-aliasing -ffunction-sections -fdata-sections ${arg_OPTIONS})
  endif()
endfunction()

if(EMSCRIPTEN)
  # `millrace/sodium`: every function quick.
  millrace_add_sodium(sodium_package ${sodium_sources} OPTIONS -O3)
  # The core: small, but for what every byte of a transfer goes through, which it takes from that one.
  foreach(file
      sodium/core.c
      crypto_core/keccak1600/ref/keccak1600_ref.c
      crypto_scalarmult/curve25519/ref10/x25519_ref10.c
      crypto_generichash/blake2b/ref/blake2b-compress-ref.c
      crypto_generichash/blake2b/ref/blake2b-ref.c
      crypto_onetimeauth/poly1305/donna/poly1305_donna.c
      crypto_stream/chacha20/dolbeau/chacha20_dolbeau-ssse3.c)
    list(REMOVE_ITEM sodium_sources "${sodium_root}/${file}")
  endforeach()
  foreach(part core keccak x25519)
    list(APPEND sodium_sources "${CMAKE_CURRENT_LIST_DIR}/sodium_wasm_${part}.c")
  endforeach()
  millrace_add_sodium(sodium ${sodium_sources} OPTIONS -Oz)
  target_link_libraries(sodium INTERFACE sodium_package)
else()
  millrace_add_sodium(sodium ${sodium_sources} OPTIONS -O3)
endif()
