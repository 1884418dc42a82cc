// What happened in a session, entry by entry, for whoever wants to know why a transfer went as it
// did; docs/trace.md has the types and their fields. Kept only where it is asked for, and never
// more than kMostEntries: where nobody takes them, the oldest go and are counted.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <initializer_list>
#include <optional>
#include <string_view>

#include "base/time.h"

namespace millrace {

// `name` and `text` are literals. Where there is a text, it is the value.
struct TraceField {
  std::string_view name;
  double number = 0;
  std::string_view text{};
};

class TraceEntry {
 public:
  static constexpr size_t kMostFields = 24;

  TraceEntry() = default;
  TraceEntry(std::string_view type, Timestamp at) : type_(type), at_(at) {}

  // No-op from kMostFields on.
  void Add(const TraceField& field) {
    if (count_ < kMostFields) fields_[count_++] = field;
  }
  // What is not known has no field.
  void Add(std::string_view name, std::optional<double> number) {
    if (number) Add(TraceField{name, *number});
  }

  std::string_view type() const { return type_; }
  Timestamp at() const { return at_; }
  const TraceField* begin() const { return fields_.data(); }
  const TraceField* end() const { return fields_.data() + count_; }

 private:
  std::string_view type_;
  Timestamp at_;
  std::array<TraceField, kMostFields> fields_;
  size_t count_ = 0;
};

class Trace {
 public:
  // Ten a second and what happens besides, for the longest time between two polls; about 150 KB.
  static constexpr size_t kMostEntries = 256;

  void Push(const TraceEntry& entry) {
    if (entries_.size() == kMostEntries) {
      entries_.pop_front();
      ++dropped_;
    }
    entries_.push_back(entry);
  }
  void Push(std::string_view type, Timestamp at, std::initializer_list<TraceField> fields) {
    TraceEntry entry(type, at);
    for (const TraceField& field : fields) entry.Add(field);
    Push(entry);
  }

  // The oldest one; where some before it are gone, first a "gap" that says how many `entries`.
  std::optional<TraceEntry> Poll() {
    if (entries_.empty()) return std::nullopt;
    TraceEntry entry = entries_.front();
    if (dropped_ > 0) {
      TraceEntry gap("gap", entry.at());
      gap.Add("entries", static_cast<double>(dropped_));
      dropped_ = 0;
      return gap;
    }
    entries_.pop_front();
    return entry;
  }

 private:
  std::deque<TraceEntry> entries_;
  uint64_t dropped_ = 0;
};

}  // namespace millrace
