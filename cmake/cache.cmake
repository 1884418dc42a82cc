# The cache folder: third-party sources (put there by scripts/setup.sh) and what was compiled from them, shared by all
# clones on the machine. Nothing in it is needed to be kept.

if(DEFINED ENV{MILLRACE_CACHE})
  set(MILLRACE_CACHE "$ENV{MILLRACE_CACHE}")
elseif(DEFINED ENV{XDG_CACHE_HOME})
  set(MILLRACE_CACHE "$ENV{XDG_CACHE_HOME}/millrace")
else()
  set(MILLRACE_CACHE "$ENV{HOME}/.cache/millrace")
endif()

# Finds the folder of a third-party source: the environment variable `override`, else the newest `pattern` in the cache.
function(millrace_find_source result override pattern probe)
  if(DEFINED ENV{${override}})
    set(found "$ENV{${override}}")
  else()
    file(GLOB candidates LIST_DIRECTORIES true "${MILLRACE_CACHE}/src/${pattern}")
    list(SORT candidates COMPARE NATURAL ORDER DESCENDING)
    list(GET candidates 0 found)
  endif()
  if(NOT EXISTS "${found}/${probe}")
    message(FATAL_ERROR
      "No source of ${pattern} (looked for ${probe} in '${found}'). Run scripts/setup.sh native, or set ${override}.")
  endif()
  set(${result} "${found}" PARENT_SCOPE)
endfunction()

# Adds the third-party static library `name` from `sources`, or takes the archive that an earlier build with the same
# compiler, flags and `key` left in the cache. Sets `${name}_CACHED` where the caller's per-file flags no longer matter.
# The archive is published by a rename, so clones that build at once do not disturb each other.
function(millrace_add_cached_library name key)
  string(TOUPPER "${CMAKE_BUILD_TYPE}" config)
  string(SHA256 hash
    "${key};${CMAKE_SYSTEM_NAME};${CMAKE_SYSTEM_PROCESSOR};${EMSCRIPTEN_VERSION};${CMAKE_C_COMPILER_ID};\
${CMAKE_C_COMPILER_VERSION};${CMAKE_CXX_COMPILER_VERSION};${CMAKE_C_FLAGS};${CMAKE_CXX_FLAGS};\
${CMAKE_C_FLAGS_${config}};${CMAKE_CXX_FLAGS_${config}};${MILLRACE_SANITIZER_KEY}")
  string(SUBSTRING "${hash}" 0 16 hash)
  set(archive "${MILLRACE_CACHE}/lib/lib${name}-${hash}.a")
  if(EXISTS "${archive}")
    add_library(${name} STATIC IMPORTED GLOBAL)
    set_target_properties(${name} PROPERTIES IMPORTED_LOCATION "${archive}")
  else()
    add_library(${name} STATIC EXCLUDE_FROM_ALL ${ARGN})
    target_link_libraries(${name} PRIVATE millrace_address_sanitizer)
    file(MAKE_DIRECTORY "${MILLRACE_CACHE}/lib")
    string(RANDOM LENGTH 8 nonce)
    add_custom_command(TARGET ${name} POST_BUILD
      COMMAND "${CMAKE_COMMAND}" -E copy "$<TARGET_FILE:${name}>" "${archive}.${nonce}"
      COMMAND "${CMAKE_COMMAND}" -E rename "${archive}.${nonce}" "${archive}"
      VERBATIM)
  endif()
endfunction()
