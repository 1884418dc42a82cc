// A file as an offer describes it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace millrace {

struct FileInfo {
  std::optional<uint64_t> size;  // Nothing for a stream whose end is not known yet.
  uint64_t last_modified_ms = 0;
  std::string path;  // UTF-8, separated by '/'; the last part is the name.
  std::string type;  // MIME type or empty.
};

// Files to offer, asked for one at a time: as objects, 20,000 of them would take memory that there
// may not be.
struct FileList {
  FileList(size_t files, std::function<FileInfo(size_t)> at) : count(files), file(std::move(at)) {}
  // `files` must outlive the list.
  explicit FileList(const std::vector<FileInfo>& files)
      : FileList(files.size(), [&files](size_t i) { return files[i]; }) {}

  size_t count;
  std::function<FileInfo(size_t)> file;  // File `i` < count; the same each time.
};

}  // namespace millrace
