// Paths of the peer made fit for any sink: what a person sees and what a disk gets.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

namespace millrace {

// A relative path of parts separated by '/', each of which every common file system takes and that
// leads nowhere but down: no empty part, no '.' or '..', no separators, control or bidirectional
// characters, none that Windows reserves, no trailing dots or spaces, no device names, at most 255
// bytes a part and 32 parts. What is left empty is called "unnamed". `path` is UTF-8. Cost: linear.
std::string CleanPath(std::string_view path);

// Tells the files of a transfer apart, without regard to case, and folders from files.
class PathSet {
 public:
  // `path`, or where it is taken (by a file, by a folder of that name, or because a file has the
  // name of one of its folders) the same with " (2)", " (3)" … before its extension. Cost: linear
  // in the path, over all paths.
  std::string MakeUnique(const std::string& path);

  // Different folders so far.
  size_t folders() const { return folders_.size(); }

 private:
  bool Free(const std::string& path) const;
  // Where the part of a taken path that gets a number ends: a folder that has the name of a file,
  // so that what belongs together stays together, or else the file's own name.
  size_t NumberedEnd(std::string_view path) const;

  // Hashes of folded paths: two that collide only cost a needless number.
  std::unordered_set<uint64_t> files_;
  std::unordered_set<uint64_t> folders_;
  // By what stands around a number, the last one given there: a thousand names that want the same
  // number, equal ones or cut to the same length, are not a million tries.
  std::unordered_map<uint64_t, uint64_t> numbers_;
};

}  // namespace millrace
