#include "support/allocations.h"

#include <cstdint>
#include <cstdlib>
#include <new>

#if defined(__SANITIZE_ADDRESS__)
#define MILLRACE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MILLRACE_ASAN 1
#endif
#endif

namespace {

size_t allocations = 0;

}  // namespace

#ifdef MILLRACE_ASAN

#include <sanitizer/allocator_interface.h>

size_t millrace::testing::CountAllocations() {
  static const int installed = __sanitizer_install_malloc_and_free_hooks(
      [](const volatile void*, size_t) { ++allocations; }, [](const volatile void*) {});
  return installed > 0 ? allocations : SIZE_MAX;
}

#else

// Replaces those of the library in every program that links this file.
void* operator new(size_t bytes) {
  ++allocations;
  void* memory = std::malloc(bytes > 0 ? bytes : 1);
  if (memory == nullptr) std::abort();
  return memory;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

size_t millrace::testing::CountAllocations() { return allocations; }

#endif
