#include "receive/file_name.h"

#include <array>
#include <cstdint>

#include "base/unicode.h"

namespace millrace {
namespace {

// Longer than any extension that means something.
constexpr size_t kMaxExtensionBytes = 32;

constexpr uint32_t kNonJoiner = 0x200c;
constexpr uint32_t kJoiner = 0x200d;
constexpr uint32_t kReplacement = 0xfffd;

// Tags spell the region of a flag: digits and small letters, then an end (Unicode TR 51, ED-14a).
constexpr uint32_t kFirstTag = 0xe0020;
constexpr uint32_t kEndTag = 0xe007f;
constexpr size_t kTagBytes = 4;
constexpr size_t kMostTags = 30;

bool IsTag(uint32_t c) { return c >= kFirstTag && c <= kEndTag; }

bool IsRegionTag(uint32_t c) {
  return (c >= 0xe0030 && c <= 0xe0039) || (c >= 0xe0061 && c <= 0xe007a);
}

bool IsNoncharacter(uint32_t c) { return (c & 0xfffe) == 0xfffe || (c >= 0xfdd0 && c <= 0xfdef); }

bool IsReserved(uint32_t c) {
  return c < 0x80 &&
         std::string_view("<>:\"|?*\\").find(static_cast<char>(c)) != std::string_view::npos;
}

// One pass over the characters of a name.
class CharacterCleaner {
 public:
  explicit CharacterCleaner(std::string_view name) : name_(name) {}

  std::string Clean() {
    while (at_ < name_.size()) {
      const CodePoint c = DecodeCodePoint(name_, at_);
      at_ += c.length;
      if (IsReserved(c.value)) {
        Keep('_');
      } else if (IsNoncharacter(c.value)) {
        Keep(kReplacement);
      } else if (c.value == kJoiner || c.value == kNonJoiner) {
        if (JoinerMatters(c.value)) Keep(c.value);
      } else if (IsTag(c.value)) {
        KeepFlag();
      } else if (!IsInvisible(c.value)) {
        Keep(c.value);
      }
    }
    return clean_;
  }

 private:
  void Keep(uint32_t c) {
    AppendCodePoint(clean_, c);
    if (!ExtendsCharacter(c)) base_ = c;
    before_ = c;
  }

  // Beside a letter of a script that uses joiners, or within an emoji. A second one after the first
  // changes nothing.
  bool JoinerMatters(uint32_t joiner) const {
    if (before_ == joiner) return false;
    const uint32_t next = at_ < name_.size() ? DecodeCodePoint(name_, at_).value : 0;
    if (UsesJoiners(base_) || UsesJoiners(next)) return true;
    return joiner == kJoiner && IsPictographic(base_) && IsPictographic(next);
  }

  // The tag before `at_` begins those of a flag: keeps them all. Otherwise drops this one.
  void KeepFlag() {
    if (!IsPictographic(base_) || IsTag(before_)) return;
    size_t end = at_ - kTagBytes;
    size_t tags = 0;
    while (end < name_.size() && IsRegionTag(DecodeCodePoint(name_, end).value)) {
      end += kTagBytes;
      if (++tags > kMostTags) return;
    }
    if (tags == 0 || end >= name_.size() || DecodeCodePoint(name_, end).value != kEndTag) return;
    end += kTagBytes;
    for (at_ -= kTagBytes; at_ < end; at_ += kTagBytes) Keep(DecodeCodePoint(name_, at_).value);
  }

  std::string_view name_;
  size_t at_ = 0;
  std::string clean_;
  uint32_t before_ = 0;  // The last code point that was kept.
  uint32_t base_ = 0;    // The same, without those that extend a character.
};

// Windows takes them off.
std::string_view TrimEnd(std::string_view name) {
  const size_t last = name.find_last_not_of(". ");
  return last == std::string_view::npos ? std::string_view() : name.substr(0, last + 1);
}

std::string Lowercase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return lower;
}

// COM0 to COM9 and LPT0 to LPT9, and with a superscript digit, which Windows takes for a digit.
bool IsPort(std::string_view stem) {
  if (!stem.starts_with("com") && !stem.starts_with("lpt")) return false;
  const std::string_view number = stem.substr(3);
  if (number.size() == 1) return number[0] >= '0' && number[0] <= '9';
  return number == "\xc2\xb9" || number == "\xc2\xb2" || number == "\xc2\xb3";
}

// With any extension, and with spaces before it.
bool IsDevice(std::string_view name) {
  const std::string stem = Lowercase(TrimEnd(name.substr(0, name.find('.'))));
  constexpr std::array<std::string_view, 6> kNames = {"con", "prn",    "aux",
                                                      "nul", "conin$", "conout$"};
  for (const std::string_view device : kNames) {
    if (stem == device) return true;
  }
  return IsPort(stem);
}

std::string Shorten(const std::string& name) {
  if (name.size() <= kMaxNameBytes) return name;
  const size_t dot = ExtensionStart(name);
  const std::string extension = name.substr(dot);
  const std::string_view stem = std::string_view(name).substr(0, dot);
  return std::string(ClipCharacters(stem, kMaxNameBytes - extension.size())) + extension;
}

std::string CleanOnce(std::string_view name) {
  std::string clean(TrimEnd(CharacterCleaner(name).Clean()));
  if (IsDevice(clean)) clean.insert(0, 1, '_');
  return Shorten(clean);
}

}  // namespace

std::string CleanName(std::string_view name) {
  // A cut can leave what has to be cleaned again: half a flag, a space, the name of a device.
  std::string clean = CleanOnce(name);
  for (std::string again = CleanOnce(clean); again != clean; again = CleanOnce(clean)) {
    clean = again;
  }
  return clean;
}

size_t ExtensionStart(std::string_view name) {
  const size_t dot = name.rfind('.');
  const bool none = dot == std::string_view::npos || dot == 0;
  return none || name.size() - dot > kMaxExtensionBytes ? name.size() : dot;
}

}  // namespace millrace
