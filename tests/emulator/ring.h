// A queue of fixed capacity whose memory is taken once.
#pragma once

#include <cstddef>
#include <vector>

namespace millrace::emulator {

template <typename T>
class Ring {
 public:
  explicit Ring(size_t capacity) : slots_(capacity) {}

  bool empty() const { return size_ == 0; }
  bool full() const { return size_ == slots_.size(); }
  size_t size() const { return size_; }

  // The ring is not full.
  void Push(const T& value) {
    slots_[(first_ + size_) % slots_.size()] = value;
    ++size_;
  }
  // The ring is not empty.
  const T& front() const { return slots_[first_]; }
  // The ring is not empty.
  void Pop() {
    first_ = (first_ + 1) % slots_.size();
    --size_;
  }

 private:
  std::vector<T> slots_;
  size_t first_ = 0;
  size_t size_ = 0;
};

}  // namespace millrace::emulator
