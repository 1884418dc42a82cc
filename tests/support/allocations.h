// How often the program has taken memory from the heap, for tests of code that must not.
#pragma once

#include <cstddef>

namespace millrace::testing {

// Allocations since the program began, or since the first call with a sanitizer.
size_t CountAllocations();

}  // namespace millrace::testing
