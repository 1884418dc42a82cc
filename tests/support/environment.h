// What whoever runs a test program asks for.
#pragma once

#include <cstdint>
#include <cstdlib>

namespace millrace::testing {

inline uint64_t NumberFromEnvironment(const char* name, uint64_t fallback) {
  const char* text = std::getenv(name);
  return text == nullptr ? fallback : std::strtoull(text, nullptr, 10);
}

}  // namespace millrace::testing
