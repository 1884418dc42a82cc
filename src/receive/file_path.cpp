#include "receive/file_path.h"

#include <algorithm>
#include <cstddef>

#include "base/unicode.h"
#include "receive/file_name.h"

namespace millrace {
namespace {

constexpr size_t kMaxParts = 32;
// A name that grew a number has to stay within kMaxNameBytes.
constexpr size_t kRoomForNumber = 8;
constexpr std::string_view kUnnamed = "unnamed";

// FNV-1a.
constexpr uint64_t kNoText = 0xcbf29ce484222325u;
uint64_t HashOn(uint64_t hash, uint32_t code_point) {
  for (int shift = 0; shift < 24; shift += 8) {
    hash = (hash ^ (code_point >> shift & 0xff)) * 0x100000001b3u;
  }
  return hash;
}

}  // namespace

std::string CleanPath(std::string_view path) {
  std::string clean;
  size_t parts = 0;
  bool has_name = false;
  while (!path.empty()) {
    const size_t end = path.find_first_of("/\\");
    const std::string_view raw = path.substr(0, end);
    path = end == std::string_view::npos ? std::string_view() : path.substr(end + 1);
    const std::string part = CleanName(raw);
    if (!raw.empty()) has_name = !part.empty();
    if (part.empty()) continue;
    // Too deep: the innermost part is the name and stays.
    if (++parts > kMaxParts) clean.erase(clean.rfind('/'));
    if (!clean.empty()) clean += '/';
    clean += part;
  }
  if (has_name) return clean;
  if (parts >= kMaxParts) clean.erase(clean.rfind('/'));
  return clean.empty() ? std::string(kUnnamed) : clean + '/' + std::string(kUnnamed);
}

// The hashes of a path and of the folders on the way to it, outermost first.
struct PathSet::Hashes {
  explicit Hashes(std::string_view path) {
    for (const uint32_t c : FoldText(path)) {
      if (c == '/') folders.push_back(whole);
      whole = HashOn(whole, c);
    }
  }

  std::vector<uint64_t> folders;
  uint64_t whole = kNoText;
};

size_t PathSet::FoldersBeforeFile(const Hashes& hashes) const {
  const auto found = std::find_if(hashes.folders.begin(), hashes.folders.end(),
                                  [this](uint64_t folder) { return files_.count(folder) > 0; });
  return static_cast<size_t>(found - hashes.folders.begin());
}

bool PathSet::Free(const Hashes& hashes) const {
  if (files_.count(hashes.whole) > 0 || folders_.count(hashes.whole) > 0) return false;
  return FoldersBeforeFile(hashes) == hashes.folders.size();
}

std::string PathSet::MakeUnique(const std::string& path) {
  Hashes hashes(path);
  std::string unique = path;
  if (!Free(hashes)) {
    const auto [start, end] = NumberedPart(path, hashes);
    const std::string_view name = std::string_view(path).substr(start, end - start);
    const size_t dot = ExtensionStart(name);
    const std::string_view extension = name.substr(dot);
    const size_t room = kMaxNameBytes - kRoomForNumber - extension.size();
    const std::string before =
        path.substr(0, start) + std::string(ClipCharacters(name.substr(0, dot), room));
    const std::string after = std::string(extension) + path.substr(end);
    uint64_t& number = numbers_[Hashes(before + std::string(extension)).whole];
    number = std::max<uint64_t>(number, 2);
    for (;; ++number) {
      unique = before + " (" + std::to_string(number) + ")" + after;
      hashes = Hashes(unique);
      if (Free(hashes)) break;
    }
  }
  files_.insert(hashes.whole);
  folders_.insert(hashes.folders.begin(), hashes.folders.end());
  return unique;
}

std::pair<size_t, size_t> PathSet::NumberedPart(std::string_view path, const Hashes& hashes) const {
  size_t start = 0;
  for (size_t folder = FoldersBeforeFile(hashes); folder > 0; --folder) {
    start = path.find('/', start) + 1;
  }
  return {start, std::min(path.find('/', start), path.size())};
}

}  // namespace millrace
