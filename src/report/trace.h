// A log of what happened in a session, for someone who wants to know why a transfer went as it did.
// docs/trace.md lists the types of entries and their fields. A session keeps a log only on request,
// and of at most kMostEntries: where nobody takes them, the oldest are dropped and counted.
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

// `name` and `text` are literals. The value is `text` unless that is empty, else `number`.
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

  // No-op where there are kMostFields.
  void Add(const TraceField& field) {
    if (count_ < kMostFields) fields_[count_++] = field;
  }
  // No-op for an unknown number.
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
  // Ten samples per second and other events, for the longest time between two polls; about 150 KB.
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

  // The oldest entry. Where entries before it were dropped, a "gap" comes first, with their number
  // in `entries`.
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
