// A set of 64-bit numbers, kept as disjoint half-open ranges: what has arrived, what was
// acknowledged.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace millrace {

// [begin, end)
struct Range {
  uint64_t begin = 0;
  uint64_t end = 0;

  uint64_t length() const { return end - begin; }
  bool operator==(const Range&) const = default;
};

class RangeSet {
 public:
  // Adds [begin, end) and answers how many numbers were new. An empty range adds nothing.
  // Cost: a binary search; a move of the later ranges where the number of ranges changes.
  uint64_t Insert(uint64_t begin, uint64_t end);

  bool Contains(uint64_t number) const;

  // The first part of [begin, end) that is not in the set; empty (begin == end) where nothing is
  // missing.
  Range FirstMissing(uint64_t begin, uint64_t end) const;

  // Forgets every number below `floor`.
  void RemoveBelow(uint64_t floor);

  bool empty() const { return ranges_.empty(); }
  // How many numbers are in the set.
  uint64_t count() const { return count_; }
  // Between the first and the last number.
  size_t gaps() const { return ranges_.empty() ? 0 : ranges_.size() - 1; }
  // Ascending, disjoint, not touching.
  std::span<const Range> ranges() const { return ranges_; }

 private:
  // The first range that ends after `number`, as an index.
  size_t FirstEndingAfter(uint64_t number) const;

  std::vector<Range> ranges_;
  uint64_t count_ = 0;
};

}  // namespace millrace
