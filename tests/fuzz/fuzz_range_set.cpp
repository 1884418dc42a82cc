// A RangeSet against a std::set, over a universe small enough that ranges touch and melt all the
// time.

#include <cstddef>
#include <cstdint>
#include <set>

#include "base/bytes.h"
#include "base/range_set.h"
#include "fuzz/check.h"

namespace millrace {
namespace {

using testing::Check;

using Numbers = std::set<uint64_t>;

void CheckSame(const RangeSet& ranges, const Numbers& numbers) {
  Check(ranges.count() == numbers.size());
  Check(ranges.empty() == numbers.empty());
  uint64_t covered = 0;
  for (size_t i = 0; i < ranges.ranges().size(); ++i) {
    const Range& range = ranges.ranges()[i];
    Check(range.begin < range.end);
    Check(i == 0 || ranges.ranges()[i - 1].end < range.begin);
    for (uint64_t number = range.begin; number < range.end; ++number) {
      Check(numbers.count(number) == 1);
    }
    covered += range.length();
  }
  Check(covered == numbers.size());
}

void CheckInsert(RangeSet& ranges, Numbers& numbers, uint64_t begin, uint64_t end) {
  const size_t before = numbers.size();
  for (uint64_t number = begin; number < end; ++number) numbers.insert(number);
  Check(ranges.Insert(begin, end) == numbers.size() - before);
}

void CheckFirstMissing(const RangeSet& ranges, const Numbers& numbers, uint64_t begin,
                       uint64_t end) {
  const Range missing = ranges.FirstMissing(begin, end);
  uint64_t first = begin;
  while (first < end && numbers.count(first) == 1) ++first;
  uint64_t last = first;
  while (last < end && numbers.count(last) == 0) ++last;
  if (first >= end) {
    Check(missing.begin == missing.end);
  } else {
    Check(missing == Range{first, last});
  }
}

void Run(ByteReader& input) {
  RangeSet ranges;
  Numbers numbers;
  while (!input.AtEnd()) {
    const uint8_t operation = input.U8();
    const uint64_t begin = input.U8();
    const uint64_t end = begin + input.U8() % 32;
    switch (operation % 4) {
      case 0:
      case 1:
        CheckInsert(ranges, numbers, begin, end);
        break;
      case 2:
        CheckFirstMissing(ranges, numbers, begin, end);
        Check(ranges.Contains(begin) == (numbers.count(begin) == 1));
        break;
      default:
        ranges.RemoveBelow(begin);
        numbers.erase(numbers.begin(), numbers.lower_bound(begin));
    }
    CheckSame(ranges, numbers);
  }
}

}  // namespace
}  // namespace millrace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 4096) return 0;
  millrace::ByteReader input(millrace::ByteView(data, size));
  millrace::Run(input);
  return 0;
}
