#include "report/trace.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>

namespace millrace {
namespace {

Timestamp At(int64_t millis) { return Timestamp() + Duration::Millis(millis); }

TEST_CASE("entries come back in their order, with their fields") {
  Trace trace;
  CHECK_FALSE(trace.Poll());
  trace.Push("lane", At(1), {{"lane", 3}, {"state", 0, "open"}});
  trace.Push("chunk", At(2), {{"bytes", 65536}});
  const TraceEntry lane = *trace.Poll();
  CHECK(lane.type() == "lane");
  CHECK(lane.at() == At(1));
  REQUIRE(lane.end() - lane.begin() == 2);
  CHECK(lane.begin()->number == 3);
  CHECK((lane.begin() + 1)->text == "open");
  CHECK(trace.Poll()->type() == "chunk");
  CHECK_FALSE(trace.Poll());
}

TEST_CASE("what nobody takes goes, the oldest first, and is counted") {
  Trace trace;
  for (size_t i = 0; i < Trace::kMostEntries + 3; ++i) {
    trace.Push("chunk", At(static_cast<int64_t>(i)), {});
  }
  const TraceEntry gap = *trace.Poll();
  CHECK(gap.type() == "gap");
  CHECK(gap.begin()->number == 3);
  size_t count = 0;
  Timestamp first = Timestamp::Never();
  while (const auto entry = trace.Poll()) {
    first = std::min(first, entry->at());
    ++count;
  }
  CHECK(count == Trace::kMostEntries);
  CHECK(first == At(3));
}

TEST_CASE("an entry takes so many fields and no more, and none that is not known") {
  TraceEntry entry("link", At(0));
  entry.Add("rtt", std::nullopt);
  CHECK(entry.begin() == entry.end());
  for (size_t i = 0; i < TraceEntry::kMostFields + 5; ++i) entry.Add("sent", 1.0);
  CHECK(entry.end() - entry.begin() == TraceEntry::kMostFields);
}

}  // namespace
}  // namespace millrace
