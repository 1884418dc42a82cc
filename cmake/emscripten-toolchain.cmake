# Finds the emscripten that is on the PATH (an emsdk, or Debian's package) and hands over to its own toolchain file.

find_program(MILLRACE_EM_CONFIG em-config)
if(NOT MILLRACE_EM_CONFIG)
  message(FATAL_ERROR "emscripten is not on the PATH: activate an emsdk, or run scripts/setup.sh wasm")
endif()
execute_process(
  COMMAND "${MILLRACE_EM_CONFIG}" EMSCRIPTEN_ROOT
  OUTPUT_VARIABLE millrace_emscripten_root
  OUTPUT_STRIP_TRAILING_WHITESPACE
  COMMAND_ERROR_IS_FATAL ANY)

# Debian's emcc runs the acorn of Debian's Node.js packages; another Node.js does not look for it there by itself.
if(NOT EXISTS "${millrace_emscripten_root}/node_modules/acorn" AND EXISTS "/usr/share/nodejs/acorn")
  set(CMAKE_C_LINKER_LAUNCHER "${CMAKE_COMMAND};-E;env;NODE_PATH=/usr/share/nodejs")
  set(CMAKE_CXX_LINKER_LAUNCHER "${CMAKE_C_LINKER_LAUNCHER}")
endif()

include("${millrace_emscripten_root}/cmake/Modules/Platform/Emscripten.cmake")
