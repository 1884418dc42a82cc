// Values with numbers, in memory that is used again: the number of a freed slot is given once more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace millrace {

template <typename T>
class SlotList {
 public:
  // The number of a slot that is free: the one freed last, else a new one. Its value is the one
  // that was left there. Cost: memory only for a new slot.
  uint32_t Take() {
    if (free_.empty()) {
      free_.push_back(static_cast<uint32_t>(slots_.size()));
      slots_.emplace_back();
    }
    const uint32_t number = free_.back();
    free_.pop_back();
    return number;
  }
  // The slot was taken, and is not free yet.
  void Free(uint32_t number) { free_.push_back(number); }

  T& operator[](size_t number) { return slots_[number]; }
  const T& operator[](size_t number) const { return slots_[number]; }
  // Slots, whether free or not; numbers are below it.
  size_t size() const { return slots_.size(); }

 private:
  std::vector<T> slots_;
  std::vector<uint32_t> free_;
};

}  // namespace millrace
