#include "support/file_names.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "base/unicode.h"
#include "receive/file_name.h"
#include "receive/file_path.h"
#include "wire/utf8.h"

namespace millrace::testing {
namespace {

constexpr uint32_t kTricky[] = {
    '.',     '.',     ' ',     ' ',     ':',     '\\',    '?',     '*',     '\t',    0x7f,
    0x85,    'c',     'o',     'n',     'm',     'a',     'u',     'x',     '1',     '$',
    0xb9,    0xe9,    0xad,    0x301,   0x34f,   0x61c,   0x628,   0x647,   0x64b,   0x915,
    0x94d,   0x937,   0x17b4,  0x1160,  0x180b,  0x180e,  0x1880,  0x200b,  0x200c,  0x200c,
    0x200d,  0x200d,  0x202e,  0x2060,  0x2066,  0x2800,  0x2764,  0x3000,  0xac00,  0x11a8,
    0xfe0f,  0xfeff,  0xffff,  0xfdd0,  0xfffd,  0x1f3f4, 0x1f1e9, 0x1f1ea, 0x1f3fd, 0x1f468,
    0x1f467, 0x1f308, 0xe0067, 0xe0062, 0xe0041, 0xe007f,
};

bool IsJoinerOrTag(uint32_t c) {
  return c == 0x200c || c == 0x200d || (c >= 0xe0000 && c <= 0xe007f);
}

// Nothing that Windows reserves, and nothing unseen; told apart from the code under test.
bool HasHarmlessCharacters(std::string_view name) {
  for (size_t at = 0; at < name.size();) {
    const CodePoint c = DecodeCodePoint(name, at);
    at += c.length;
    if (c.value < 0x20 ||
        (c.value < 0x80 && std::string_view("<>:\"/\\|?*").find(static_cast<char>(c.value)) !=
                               std::string_view::npos)) {
      return false;
    }
    if (IsInvisible(c.value) || IsJoinerOrTag(c.value) || (c.value & 0xfffe) == 0xfffe ||
        (c.value >= 0xfdd0 && c.value <= 0xfdef)) {
      return false;
    }
  }
  return true;
}

bool IsDeviceName(std::string_view name) {
  std::string stem(name.substr(0, name.find('.')));
  while (stem.ends_with(' ')) stem.pop_back();
  std::transform(stem.begin(), stem.end(), stem.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  for (const std::string_view device : {"con", "prn", "aux", "nul", "conin$", "conout$"}) {
    if (stem == device) return true;
  }
  for (const std::string_view digit :
       {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "\xc2\xb9", "\xc2\xb2", "\xc2\xb3"}) {
    if (stem == "com" + std::string(digit) || stem == "lpt" + std::string(digit)) return true;
  }
  return false;
}

bool IsHarmless(std::string_view name) {
  return !name.empty() && name.size() <= kMaxNameBytes && name.back() != '.' &&
         name.back() != ' ' && HasHarmlessCharacters(name) && !IsDeviceName(name);
}

std::string ProblemOfResult(std::string_view clean) {
  if (!IsUtf8(clean)) return "no UTF-8";
  if (clean.size() > kMaxNameBytes) return "too long";
  if (clean.ends_with('.') || clean.ends_with(' ')) return "ends with a dot or space";
  if (IsDeviceName(clean)) return "the name of a device";
  for (size_t at = 0; at < clean.size();) {
    const CodePoint c = DecodeCodePoint(clean, at);
    if (!IsJoinerOrTag(c.value) && !HasHarmlessCharacters(clean.substr(at, c.length))) {
      return "a character that does harm";
    }
    at += c.length;
  }
  return "";
}

}  // namespace

std::string BrokenNamePromise(std::string_view name) {
  const std::string clean = CleanName(name);
  const std::string problem = ProblemOfResult(clean);
  if (!problem.empty()) return problem;
  if (CleanName(clean) != clean) return "cleaning again changes it";
  if (IsHarmless(name) && clean != name) return "a harmless name was changed";
  return "";
}

std::string BrokenPathPromise(std::string_view path) {
  const std::string clean = CleanPath(path);
  if (CleanPath(clean) != clean) return "cleaning the path again changes it";
  PathSet paths;
  if (paths.MakeUnique(clean) != clean) return "the first path got a number";
  const std::string second = paths.MakeUnique(clean);
  if (FoldText(second) == FoldText(clean)) return "the same path twice";
  for (const std::string& whole : {clean, second}) {
    std::string_view rest = whole;
    while (true) {
      const std::string_view part = rest.substr(0, rest.find('/'));
      if (part.empty()) return "an empty part";
      const std::string problem = ProblemOfResult(part);
      if (!problem.empty()) return problem;
      if (part.size() == rest.size()) break;
      rest.remove_prefix(part.size() + 1);
    }
  }
  return "";
}

uint32_t TrickyCodePoint(uint64_t number) { return kTricky[number % std::size(kTricky)]; }

std::string RandomName(Random& random) {
  std::string name;
  const uint64_t most_bytes = random.Chance(0.3) ? random.Between(240, 400) : random.Between(0, 24);
  const bool repeats = random.Chance(0.3);
  uint32_t c = TrickyCodePoint(random.Next());
  while (name.size() < most_bytes) {
    if (!repeats || random.Chance(0.05)) c = TrickyCodePoint(random.Next());
    AppendCodePoint(name, c);
  }
  return name;
}

}  // namespace millrace::testing
