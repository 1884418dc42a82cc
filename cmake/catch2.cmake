# Catch2 3 with its main(), as `millrace_catch2`: the headers one by one, the library from the amalgamated file, which
# compiles several times faster than the hundred files it is made of.

millrace_find_source(catch2_dir MILLRACE_CATCH2_SOURCE "Catch2-3*" "extras/catch_amalgamated.cpp")
file(SHA256 "${catch2_dir}/extras/catch_amalgamated.cpp" catch2_hash)

set(CATCH_CONFIG_DEFAULT_REPORTER console)
set(CATCH_CONFIG_CONSOLE_WIDTH 80)
configure_file("${catch2_dir}/src/catch2/catch_user_config.hpp.in"
  "${CMAKE_CURRENT_BINARY_DIR}/catch2/catch2/catch_user_config.hpp")

millrace_add_cached_library(millrace_catch2 "catch2 ${catch2_hash} -fexceptions -O1 -g0"
  "${catch2_dir}/extras/catch_amalgamated.cpp")
target_include_directories(millrace_catch2 SYSTEM INTERFACE
  "${catch2_dir}/src" "${CMAKE_CURRENT_BINARY_DIR}/catch2")
get_target_property(catch2_imported millrace_catch2 IMPORTED)
if(NOT catch2_imported)
  # Nobody steps through Catch2, and no test's time is spent in it.
  target_compile_options(millrace_catch2 PRIVATE -w -O1 -g0)
  if(EMSCRIPTEN)
    target_compile_options(millrace_catch2 PRIVATE -fexceptions)
  endif()
endif()
