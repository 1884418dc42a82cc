// A count of memory that several parts share, so that together they stay within what there is.
#pragma once

#include <cstddef>
#include <utility>

namespace millrace {

class MemoryBudget {
 public:
  explicit MemoryBudget(size_t bytes) : free_bytes_(bytes) {}
  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;

  size_t free_bytes() const { return free_bytes_; }

 private:
  friend class MemoryShare;
  size_t free_bytes_;
};

// What one part takes of a budget, given back when it goes. The budget must outlive it.
class MemoryShare {
 public:
  explicit MemoryShare(MemoryBudget& budget) : budget_(&budget) {}
  MemoryShare(MemoryShare&& other) noexcept
      : budget_(other.budget_), bytes_(std::exchange(other.bytes_, 0)) {}
  MemoryShare& operator=(MemoryShare&& other) noexcept {
    std::swap(budget_, other.budget_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~MemoryShare() { budget_->free_bytes_ += bytes_; }

  size_t bytes() const { return bytes_; }
  // Takes `bytes` in all from now on. Less than before always works; more only where `reserve`
  // bytes of the budget stay free. Errors: false, and nothing has changed.
  bool Resize(size_t bytes, size_t reserve = 0) {
    const bool grows = bytes > bytes_;
    if (grows && bytes - bytes_ + reserve > budget_->free_bytes_) return false;
    budget_->free_bytes_ = budget_->free_bytes_ + bytes_ - bytes;
    bytes_ = bytes;
    return true;
  }

 private:
  MemoryBudget* budget_;
  size_t bytes_ = 0;
};

}  // namespace millrace
