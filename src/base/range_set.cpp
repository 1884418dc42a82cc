#include "base/range_set.h"

#include <algorithm>

namespace millrace {

size_t RangeSet::FirstEndingAfter(uint64_t number) const {
  const auto it = std::partition_point(ranges_.begin(), ranges_.end(),
                                       [number](const Range& r) { return r.end <= number; });
  return static_cast<size_t>(it - ranges_.begin());
}

uint64_t RangeSet::Insert(uint64_t begin, uint64_t end) {
  if (begin >= end) return 0;
  // Ranges [first, last) touch or overlap the new one and melt into it.
  size_t first = FirstEndingAfter(begin);
  if (first > 0 && ranges_[first - 1].end == begin) --first;
  size_t last = first;
  uint64_t swallowed = 0;
  Range merged{begin, end};
  while (last < ranges_.size() && ranges_[last].begin <= end) {
    merged.begin = std::min(merged.begin, ranges_[last].begin);
    merged.end = std::max(merged.end, ranges_[last].end);
    swallowed += ranges_[last].length();
    ++last;
  }
  const auto at = ranges_.begin() + static_cast<std::ptrdiff_t>(first);
  if (first == last) {
    ranges_.insert(at, merged);
  } else {
    *at = merged;
    ranges_.erase(at + 1, ranges_.begin() + static_cast<std::ptrdiff_t>(last));
  }
  const uint64_t added = merged.length() - swallowed;
  count_ += added;
  return added;
}

bool RangeSet::Contains(uint64_t number) const {
  const size_t index = FirstEndingAfter(number);
  return index < ranges_.size() && ranges_[index].begin <= number;
}

Range RangeSet::FirstMissing(uint64_t begin, uint64_t end) const {
  size_t index = FirstEndingAfter(begin);
  if (index < ranges_.size() && ranges_[index].begin <= begin) begin = ranges_[index++].end;
  if (begin >= end) return Range{end, end};
  if (index < ranges_.size()) end = std::min(end, ranges_[index].begin);
  return Range{begin, end};
}

void RangeSet::RemoveBelow(uint64_t floor) {
  const size_t keep = FirstEndingAfter(floor);
  for (size_t i = 0; i < keep; ++i) count_ -= ranges_[i].length();
  ranges_.erase(ranges_.begin(), ranges_.begin() + static_cast<std::ptrdiff_t>(keep));
  if (!ranges_.empty() && ranges_.front().begin < floor) {
    count_ -= floor - ranges_.front().begin;
    ranges_.front().begin = floor;
  }
}

}  // namespace millrace
