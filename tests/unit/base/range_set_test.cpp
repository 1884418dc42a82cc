#include "base/range_set.h"

#include <catch2/catch_test_macros.hpp>
#include <set>

#include "support/random.h"

namespace millrace {
namespace {

TEST_CASE("ranges that touch or overlap melt into one") {
  RangeSet set;
  CHECK(set.Insert(10, 20) == 10);
  CHECK(set.Insert(30, 40) == 10);
  CHECK(set.Insert(20, 30) == 10);
  REQUIRE(set.ranges().size() == 1);
  CHECK(set.ranges()[0] == Range{10, 40});
  CHECK(set.Insert(5, 45) == 10);
  CHECK(set.Insert(5, 45) == 0);
  CHECK(set.count() == 40);
  CHECK(set.Insert(7, 7) == 0);
}

TEST_CASE("the first missing part is found before, between and after ranges") {
  RangeSet set;
  set.Insert(10, 20);
  set.Insert(30, 40);
  CHECK(set.FirstMissing(0, 5) == Range{0, 5});
  CHECK(set.FirstMissing(0, 15) == Range{0, 10});
  CHECK(set.FirstMissing(10, 35) == Range{20, 30});
  CHECK(set.FirstMissing(12, 18) == Range{18, 18});
  CHECK(set.FirstMissing(35, 50) == Range{40, 50});
  CHECK(set.FirstMissing(50, 60) == Range{50, 60});
}

TEST_CASE("random operations agree with a plain set of numbers") {
  testing::Random random(7);
  for (int run = 0; run < 200; ++run) {
    RangeSet set;
    std::set<uint64_t> model;
    for (int step = 0; step < 60; ++step) {
      const uint64_t begin = random.Below(100);
      const uint64_t end = begin + random.Below(12);
      if (random.Chance(0.05)) {
        set.RemoveBelow(begin);
        model.erase(model.begin(), model.lower_bound(begin));
        continue;
      }
      uint64_t added = 0;
      for (uint64_t n = begin; n < end; ++n) added += model.insert(n).second ? 1 : 0;
      REQUIRE(set.Insert(begin, end) == added);
      REQUIRE(set.count() == model.size());
      const uint64_t probe = random.Below(112);
      REQUIRE(set.Contains(probe) == (model.count(probe) == 1));
      for (size_t i = 1; i < set.ranges().size(); ++i) {
        REQUIRE(set.ranges()[i - 1].end < set.ranges()[i].begin);
      }
    }
  }
}

}  // namespace
}  // namespace millrace
