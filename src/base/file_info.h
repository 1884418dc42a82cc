// A file as an offer describes it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace millrace {

struct FileInfo {
  std::optional<uint64_t> size;  // Nothing for a stream whose end is not known yet.
  uint64_t last_modified_ms = 0;
  std::string path;  // UTF-8, separated by '/'; the last part is the name.
  std::string type;  // MIME type or empty.
};

}  // namespace millrace
