#include "receive/file_path.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace millrace {
namespace {

constexpr size_t kMaxPartBytes = 255;
constexpr size_t kMaxParts = 32;
// A name that grew a number has to stay within kMaxPartBytes.
constexpr size_t kRoomForNumber = 8;
constexpr std::string_view kUnnamed = "unnamed";

// The code point at `at` of well-formed UTF-8, and its length.
struct CodePoint {
  uint32_t value;
  size_t length;
};

CodePoint Decode(std::string_view text, size_t at) {
  const auto byte = [&text, at](size_t i) { return static_cast<uint8_t>(text[at + i]); };
  const auto rest = [&byte](size_t i) { return static_cast<uint32_t>(byte(i) & 0x3f); };
  if (byte(0) < 0x80) return {byte(0), 1};
  if (byte(0) < 0xe0) return {(byte(0) & 0x1fu) << 6 | rest(1), 2};
  if (byte(0) < 0xf0) return {(byte(0) & 0x0fu) << 12 | rest(1) << 6 | rest(2), 3};
  return {(byte(0) & 0x07u) << 18 | rest(1) << 12 | rest(2) << 6 | rest(3), 4};
}

// Control characters (C0, DEL, C1), zero-width and bidirectional marks (Unicode TR 36, TR 9), line
// separators, and the byte order mark: unseen, or apt to make a name look like another.
bool IsUnseen(uint32_t c) {
  return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x061c || (c >= 0x200b && c <= 0x200f) ||
         (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff;
}

// What Windows does not allow in a name.
bool IsReserved(uint32_t c) {
  return c < 0x80 &&
         std::string_view("<>:\"|?*").find(static_cast<char>(c)) != std::string_view::npos;
}

char Fold(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string Folded(std::string_view text) {
  std::string folded(text);
  for (char& c : folded) c = Fold(c);
  return folded;
}

// CON, PRN, AUX, NUL, COM0–9, LPT0–9, with any extension.
bool IsDevice(std::string_view part) {
  const std::string stem = Folded(part.substr(0, part.find('.')));
  constexpr std::array<std::string_view, 4> kNames = {"con", "prn", "aux", "nul"};
  for (const std::string_view name : kNames) {
    if (stem == name) return true;
  }
  const bool port = stem.size() == 4 && (stem.substr(0, 3) == "com" || stem.substr(0, 3) == "lpt");
  return port && stem[3] >= '0' && stem[3] <= '9';
}

// The longest beginning of at most `limit` bytes that ends between characters.
std::string_view Truncate(std::string_view text, size_t limit) {
  if (text.size() <= limit) return text;
  while (limit > 0 && (static_cast<uint8_t>(text[limit]) >> 6) == 0b10) --limit;
  return text.substr(0, limit);
}

// Longer than any extension that means something.
constexpr size_t kMaxExtensionBytes = 32;

// Where the extension begins: the last dot that is not the first character; the end where there is
// none.
size_t ExtensionStart(std::string_view name) {
  const size_t dot = name.rfind('.');
  const bool none = dot == std::string_view::npos || dot == 0;
  return none || name.size() - dot > kMaxExtensionBytes ? name.size() : dot;
}

std::string Shorten(const std::string& part) {
  if (part.size() <= kMaxPartBytes) return part;
  const size_t dot = ExtensionStart(part);
  const std::string extension = part.substr(dot);
  return std::string(Truncate(part, kMaxPartBytes - extension.size())) + extension;
}

std::string CleanPart(std::string_view raw) {
  std::string part;
  for (size_t at = 0; at < raw.size();) {
    const CodePoint c = Decode(raw, at);
    if (IsReserved(c.value)) {
      part += '_';
    } else if (!IsUnseen(c.value)) {
      part += raw.substr(at, c.length);
    }
    at += c.length;
  }
  part = Shorten(part);
  while (!part.empty() && (part.back() == '.' || part.back() == ' ')) part.pop_back();
  const size_t first = part.find_first_not_of(' ');
  if (first == std::string::npos) return "";
  part.erase(0, first);
  if (IsDevice(part)) part.insert(0, 1, '_');
  return part;
}

// FNV-1a.
uint64_t HashOf(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(Fold(c))) * 0x100000001b3u;
  return hash;
}

// Calls `visit` with each folder on the way to `path`, outermost first, until it answers true;
// answers whether it did.
template <typename Visit>
bool AnyFolder(std::string_view path, Visit visit) {
  for (size_t at = path.find('/'); at != std::string_view::npos; at = path.find('/', at + 1)) {
    if (visit(path.substr(0, at))) return true;
  }
  return false;
}

}  // namespace

std::string CleanPath(std::string_view path) {
  std::string clean;
  size_t parts = 0;
  while (!path.empty()) {
    const size_t end = path.find_first_of("/\\");
    const std::string part = CleanPart(path.substr(0, end));
    path = end == std::string_view::npos ? std::string_view() : path.substr(end + 1);
    if (part.empty()) continue;
    // Too deep: the innermost part is the name and stays.
    if (++parts > kMaxParts) clean.erase(clean.rfind('/'));
    if (!clean.empty()) clean += '/';
    clean += part;
  }
  return clean.empty() ? std::string(kUnnamed) : clean;
}

bool PathSet::Free(const std::string& path) const {
  const uint64_t hash = HashOf(path);
  if (files_.count(hash) > 0 || folders_.count(hash) > 0) return false;
  return !AnyFolder(path,
                    [this](std::string_view folder) { return files_.count(HashOf(folder)) > 0; });
}

size_t PathSet::NumberedEnd(std::string_view path) const {
  size_t end = path.size();
  AnyFolder(path, [this, &end](std::string_view folder) {
    if (files_.count(HashOf(folder)) == 0) return false;
    end = folder.size();
    return true;
  });
  return end;
}

std::string PathSet::MakeUnique(const std::string& path) {
  std::string unique = path;
  if (!Free(path)) {
    const size_t end = NumberedEnd(path);
    const size_t slash = path.rfind('/', end == path.size() ? std::string::npos : end - 1);
    const size_t start = slash == std::string::npos ? 0 : slash + 1;
    const std::string_view name = std::string_view(path).substr(start, end - start);
    const size_t dot = ExtensionStart(name);
    const std::string_view extension = name.substr(dot);
    const size_t room = kMaxPartBytes - kRoomForNumber - extension.size();
    const std::string before =
        path.substr(0, start) + std::string(Truncate(name.substr(0, dot), room));
    const std::string after = std::string(extension) + path.substr(end);
    uint64_t& number = numbers_[HashOf(before + std::string(extension))];
    number = std::max<uint64_t>(number, 2);
    while (!Free(unique = before + " (" + std::to_string(number) + ")" + after)) ++number;
  }
  files_.insert(HashOf(unique));
  AnyFolder(unique, [this](std::string_view folder) {
    folders_.insert(HashOf(folder));
    return false;
  });
  return unique;
}

}  // namespace millrace
