// What a fuzz target asserts: a broken promise ends the process, in every build.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace millrace::testing {

inline void Check(bool holds, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  if (holds) return;
  std::fprintf(stderr, "%s:%d: broken\n", file, line);
  std::abort();
}

}  // namespace millrace::testing
