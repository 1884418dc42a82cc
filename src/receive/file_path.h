// Paths of the peer made fit for any sink: what a person sees and what a disk gets.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace millrace {

// A relative path of names by CleanName, separated by '/', which leads nowhere but down: no empty
// part, no '.' or '..', at most 32 parts. A folder of which nothing is left is skipped, and a file
// is called "unnamed". `path` is UTF-8. Cost: linear.
std::string CleanPath(std::string_view path);

// Tells the files of a transfer apart, and files from folders, as file systems do that regard
// neither case nor normalisation.
class PathSet {
 public:
  // `path`, or where it is taken (by a file, by a folder of that name, or because a file has the
  // name of one of its folders) the same with " (2)", " (3)" … before its extension. `path` is
  // clean. Cost: linear in the path, over all paths.
  std::string MakeUnique(const std::string& path);

  // Different folders so far.
  size_t folders() const { return folders_.size(); }

 private:
  struct Hashes;

  bool Free(const Hashes& hashes) const;
  // How many folders of a path come before the first that has the name of a file; all where none
  // has.
  size_t FoldersBeforeFile(const Hashes& hashes) const;
  // Where the part of a taken path that gets a number begins and ends: a folder that has the name
  // of a file, so that what belongs together stays together, or else the file's own name.
  std::pair<size_t, size_t> NumberedPart(std::string_view path, const Hashes& hashes) const;

  // Hashes of folded paths: two that collide only cost a needless number.
  std::unordered_set<uint64_t> files_;
  std::unordered_set<uint64_t> folders_;
  // By what stands around a number, the last one given there: a thousand names that want the same
  // number, equal ones or cut to the same length, are not a million tries.
  std::unordered_map<uint64_t, uint64_t> numbers_;
};

}  // namespace millrace
