// Paths of the peer: UTF-8 as it is, and otherwise code points that the bytes choose.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>

#include "base/unicode.h"
#include "fuzz/check.h"
#include "support/file_names.h"
#include "wire/utf8.h"

namespace millrace {
namespace {

void CheckNone(const std::string& problem) {
  if (!problem.empty()) std::fprintf(stderr, "%s\n", problem.c_str());
  testing::Check(problem.empty());
}

std::string ToPath(const uint8_t* data, size_t size) {
  std::string path(reinterpret_cast<const char*>(data), size);
  if (IsUtf8(path)) return path;
  path.clear();
  for (size_t i = 0; i < size; ++i) {
    if (data[i] == '/') {
      path += '/';
    } else {
      AppendCodePoint(path, testing::TrickyCodePoint(data[i]));
    }
  }
  return path;
}

}  // namespace
}  // namespace millrace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 2048) return 0;
  const std::string path = millrace::ToPath(data, size);
  millrace::CheckNone(millrace::testing::BrokenPathPromise(path));
  if (path.find('/') == std::string::npos) {
    millrace::CheckNone(millrace::testing::BrokenNamePromise(path));
  }
  return 0;
}
