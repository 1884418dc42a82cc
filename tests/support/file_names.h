// The promises about cleaned names, for tests with random names and for the fuzzer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "support/random.h"

namespace millrace::testing {

// The promise of CleanName that `name` breaks, for people; empty where none is broken. `name` is
// well-formed UTF-8 without '/'.
std::string BrokenNamePromise(std::string_view name);

// The same for CleanPath and any well-formed UTF-8.
std::string BrokenPathPromise(std::string_view path);

// Code points from which names are made that go wrong: one for each number, over and over.
uint32_t TrickyCodePoint(uint64_t number);

// Up to 400 bytes, mostly of tricky code points.
std::string RandomName(Random& random);

}  // namespace millrace::testing
