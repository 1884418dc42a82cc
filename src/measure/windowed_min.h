// The smallest value of the recent past, in fixed memory.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>

#include "base/time.h"

namespace millrace {

class WindowedMin {
 public:
  // Values count for between seven and eight eighths of `window`.
  explicit WindowedMin(Duration window) : slot_length_(window / kSlots) {}

  void Add(Duration value, Timestamp now) {
    MoveTo(now);
    std::optional<Duration>& slot = slots_[newest_];
    slot = slot ? std::min(*slot, value) : value;
  }

  // The smallest value within the window before the last Add; nothing before the first Add.
  std::optional<Duration> Get() const {
    std::optional<Duration> least;
    for (const std::optional<Duration>& slot : slots_) {
      if (slot && (!least || *slot < *least)) least = slot;
    }
    return least;
  }

 private:
  static constexpr size_t kSlots = 8;

  void MoveTo(Timestamp now) {
    if (now - slot_begin_ >= slot_length_ * kSlots) slots_ = {};
    for (size_t i = 0; i < kSlots && now - slot_begin_ >= slot_length_; ++i) {
      slot_begin_ = slot_begin_ + slot_length_;
      newest_ = (newest_ + 1) % kSlots;
      slots_[newest_].reset();
    }
    if (now - slot_begin_ >= slot_length_) slot_begin_ = now;
  }

  Duration slot_length_;
  std::array<std::optional<Duration>, kSlots> slots_;
  size_t newest_ = 0;
  Timestamp slot_begin_;
};

}  // namespace millrace
