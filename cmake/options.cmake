# Compile options of our own code, as interface targets: what is third-party links none of them.

# What watches our code while tests run. Every object in a program has to agree on AddressSanitizer, also those of libsodium
# and Catch2.
add_library(millrace_instrumentation INTERFACE)
add_library(millrace_address_sanitizer INTERFACE)
set(MILLRACE_SANITIZER_KEY "none")
if(MILLRACE_SANITIZE)
  set(MILLRACE_SANITIZER_KEY "address")
  target_compile_options(millrace_address_sanitizer INTERFACE -fsanitize=address -fno-omit-frame-pointer)
  target_link_options(millrace_address_sanitizer INTERFACE -fsanitize=address)
  target_compile_options(millrace_instrumentation INTERFACE
    -fsanitize=address,undefined -fno-sanitize=vptr -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(millrace_instrumentation INTERFACE -fsanitize=address,undefined -fno-sanitize=vptr)
endif()
if(MILLRACE_FUZZ)
  # Feedback for libFuzzer; its main() is linked into the fuzz targets only.
  target_compile_options(millrace_instrumentation INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(MILLRACE_COVERAGE)
  # The tests too: what a header defines may run in their objects alone.
  target_compile_options(millrace_instrumentation INTERFACE -fprofile-instr-generate -fcoverage-mapping)
  target_link_options(millrace_instrumentation INTERFACE -fprofile-instr-generate)
endif()

if(NOT EMSCRIPTEN)
  # -O1 keeps the sanitized tests quick and their stack traces honest.
  set(CMAKE_C_FLAGS_DEBUG "-O1 -g")
  set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g")
  # Natively the core runs in tests only: without NDEBUG, what they assert stays.
  set(CMAKE_C_FLAGS_RELEASE "-O3")
  set(CMAKE_CXX_FLAGS_RELEASE "-O3")
else()
  # Fast before small: -Oz saves 6 kB (gzip) and made transfers a tenth slower where the processors limit. C is libsodium alone,
  # which says for itself (libsodium.cmake): emcc 3.1.6 mixes two levels when it is given both.
  set(CMAKE_C_FLAGS_RELEASE "-DNDEBUG")
  set(CMAKE_CXX_FLAGS_RELEASE "-O3 -DNDEBUG")
  set(CMAKE_EXE_LINKER_FLAGS_RELEASE "-O3")
endif()

add_library(millrace_warnings INTERFACE)
target_compile_options(millrace_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Werror)

# What src/ and wasm/ are compiled with: no exceptions and no RTTI, so that neither can be relied upon.
add_library(millrace_core_options INTERFACE)
target_link_libraries(millrace_core_options INTERFACE millrace_warnings millrace_instrumentation)
target_compile_options(millrace_core_options INTERFACE -ffunction-sections -fdata-sections
  $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions> $<$<COMPILE_LANGUAGE:CXX>:-fno-rtti>)
