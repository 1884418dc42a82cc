// A file as an offer describes it.
#pragma once

#include <cstdint>
#include <string>

namespace millrace {

struct FileInfo {
  uint64_t size = 0;
  uint64_t last_modified_ms = 0;
  std::string path;  // UTF-8, separated by '/'; the last part is the name.
  std::string type;  // MIME type or empty.
};

}  // namespace millrace
