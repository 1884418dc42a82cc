#include "base/unicode.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "base/unicode_data.h"

namespace millrace {
namespace {

constexpr uint32_t kZeroWidthJoiner = 0x200d;
constexpr uint32_t kFirstRegionalIndicator = 0x1f1e6;
constexpr uint32_t kLastRegionalIndicator = 0x1f1ff;

// Reads the varints of a table.
class TableReader {
 public:
  TableReader(const uint8_t* data, size_t size) : at_(data), end_(data + size) {}

  bool AtEnd() const { return at_ == end_; }

  uint32_t Number() {
    uint32_t value = 0;
    for (int shift = 0;; shift += 7) {
      const uint8_t byte = *at_++;
      value |= uint32_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return value;
    }
  }

  // Where negative numbers are the odd ones.
  int32_t Signed() {
    const uint32_t value = Number();
    const auto half = static_cast<int32_t>(value >> 1);
    return value % 2 == 0 ? half : -half - 1;
  }

 private:
  const uint8_t* at_;
  const uint8_t* end_;
};

// A set of code points, from a table of gaps and lengths.
class CodePointSet {
 public:
  template <size_t kSize>
  explicit CodePointSet(const uint8_t (&table)[kSize]) {
    uint32_t bound = 0;
    for (TableReader reader(table, kSize); !reader.AtEnd();) {
      bounds_.push_back(bound += reader.Number());
      bounds_.push_back(bound += reader.Number());
    }
  }

  bool Contains(uint32_t code_point) const {
    const auto next = std::upper_bound(bounds_.begin(), bounds_.end(), code_point);
    return (next - bounds_.begin()) % 2 == 1;
  }

 private:
  // Where ranges begin and end, in turn.
  std::vector<uint32_t> bounds_;
};

// What a code point is folded to: `length` code points of a common array, from `start` on.
struct Folding {
  uint32_t code_point;
  uint16_t start;
  uint16_t length;
};

class Foldings {
 public:
  Foldings() {
    TableReader reader(unicode_data::kFoldings, std::size(unicode_data::kFoldings));
    uint32_t next = 0;
    int32_t first = 0;
    while (!reader.AtEnd()) {
      const uint32_t head = reader.Number();
      const uint32_t code_point = next + head / 4;
      const uint32_t others = head % 4;
      foldings_.push_back(
          {code_point, static_cast<uint16_t>(results_.size()), static_cast<uint16_t>(1 + others)});
      first += reader.Signed();
      results_.push_back(static_cast<uint32_t>(first));
      for (uint32_t i = 0; i < others; ++i) {
        results_.push_back(static_cast<uint32_t>(0x300 + reader.Signed()));
      }
      next = code_point + 1;
    }
  }

  void Append(std::vector<uint32_t>& text, uint32_t code_point) const {
    const auto found =
        std::lower_bound(foldings_.begin(), foldings_.end(), code_point,
                         [](const Folding& folding, uint32_t c) { return folding.code_point < c; });
    if (found == foldings_.end() || found->code_point != code_point) {
      text.push_back(code_point);
    } else {
      for (uint32_t i = 0; i < found->length; ++i) text.push_back(results_[found->start + i]);
    }
  }

 private:
  std::vector<Folding> foldings_;
  std::vector<uint32_t> results_;
};

// Syllables are made of these by arithmetic (Unicode 3.12).
constexpr uint32_t kFirstSyllable = 0xac00;
constexpr uint32_t kSyllables = 11'172;
constexpr uint32_t kFirstLead = 0x1100;
constexpr uint32_t kFirstVowel = 0x1161;
constexpr uint32_t kVowels = 21;
constexpr uint32_t kBeforeTrail = 0x11a7;
constexpr uint32_t kTrails = 28;

bool AppendSyllable(std::vector<uint32_t>& text, uint32_t code_point) {
  const uint32_t index = code_point - kFirstSyllable;
  if (index >= kSyllables) return false;
  text.push_back(kFirstLead + index / (kVowels * kTrails));
  text.push_back(kFirstVowel + index / kTrails % kVowels);
  if (index % kTrails != 0) text.push_back(kBeforeTrail + index % kTrails);
  return true;
}

// A letter has fewer marks (Unicode TR 15, stream-safe text); those of a hostile text stay
// unsorted.
constexpr size_t kMostMarks = 30;

// By insertion: most letters have one or two.
void SortMarks(std::vector<uint32_t>& text) {
  const auto is_mark = [](uint32_t c) { return c >= 0x300 && ExtendsCharacter(c); };
  for (size_t i = 1; i < text.size(); ++i) {
    if (!is_mark(text[i])) continue;
    const size_t first = i < kMostMarks ? 0 : i - kMostMarks;
    for (size_t at = i; at > first && text[at - 1] > text[at] && is_mark(text[at - 1]); --at) {
      std::swap(text[at - 1], text[at]);
    }
  }
}

bool IsRegionalIndicator(uint32_t code_point) {
  return code_point >= kFirstRegionalIndicator && code_point <= kLastRegionalIndicator;
}

}  // namespace

CodePoint DecodeCodePoint(std::string_view text, size_t at) {
  const auto byte = [&text, at](size_t i) { return static_cast<uint8_t>(text[at + i]); };
  const auto rest = [&byte](size_t i) { return static_cast<uint32_t>(byte(i) & 0x3f); };
  if (byte(0) < 0x80) return {byte(0), 1};
  if (byte(0) < 0xe0) return {(byte(0) & 0x1fu) << 6 | rest(1), 2};
  if (byte(0) < 0xf0) return {(byte(0) & 0x0fu) << 12 | rest(1) << 6 | rest(2), 3};
  return {(byte(0) & 0x07u) << 18 | rest(1) << 12 | rest(2) << 6 | rest(3), 4};
}

void AppendCodePoint(std::string& text, uint32_t code_point) {
  const auto rest = [code_point](int shift) {
    return static_cast<char>(0x80 | (code_point >> shift & 0x3f));
  };
  if (code_point < 0x80) {
    text += static_cast<char>(code_point);
  } else if (code_point < 0x800) {
    text += {static_cast<char>(0xc0 | code_point >> 6), rest(0)};
  } else if (code_point < 0x10000) {
    text += {static_cast<char>(0xe0 | code_point >> 12), rest(6), rest(0)};
  } else {
    text += {static_cast<char>(0xf0 | code_point >> 18), rest(12), rest(6), rest(0)};
  }
}

bool IsInvisible(uint32_t code_point) {
  static const CodePointSet set(unicode_data::kInvisible);
  return set.Contains(code_point);
}

bool UsesJoiners(uint32_t code_point) {
  static const CodePointSet set(unicode_data::kJoinerScripts);
  return set.Contains(code_point);
}

bool IsPictographic(uint32_t code_point) {
  static const CodePointSet set(unicode_data::kPictographic);
  return set.Contains(code_point);
}

bool ExtendsCharacter(uint32_t code_point) {
  static const CodePointSet set(unicode_data::kExtending);
  return set.Contains(code_point);
}

std::string_view ClipCharacters(std::string_view text, size_t most_bytes) {
  if (text.size() <= most_bytes) return text;
  size_t character = 0;
  size_t at = 0;
  uint32_t before = 0;
  bool half_flag = false;
  while (true) {
    const CodePoint c = DecodeCodePoint(text, at);
    const bool ends_flag = half_flag && IsRegionalIndicator(c.value);
    const bool joined = before == kZeroWidthJoiner && IsPictographic(c.value);
    if (!ends_flag && !joined && !ExtendsCharacter(c.value)) character = at;
    if (at + c.length > most_bytes) break;
    half_flag = IsRegionalIndicator(c.value) && !ends_flag;
    before = c.value;
    at += c.length;
  }
  return text.substr(0, character > 0 ? character : at);
}

std::vector<uint32_t> FoldText(std::string_view text) {
  static const Foldings foldings;
  std::vector<uint32_t> folded;
  folded.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = DecodeCodePoint(text, at);
    at += c.length;
    if (c.value < 0x80) {
      const bool is_upper = c.value >= 'A' && c.value <= 'Z';
      folded.push_back(is_upper ? c.value - 'A' + 'a' : c.value);
    } else if (!AppendSyllable(folded, c.value)) {
      foldings.Append(folded, c.value);
    }
  }
  SortMarks(folded);
  return folded;
}

}  // namespace millrace
