#include "lanes/lane_load.h"

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

namespace millrace {
namespace {

using Catch::Approx;

constexpr Duration kRoundTrip = Duration::Millis(50);
constexpr Duration kBacklog = Duration::Millis(20);
constexpr size_t kRecord = 16'384;

// A lane that delivers `bytes_per_ms` for so long.
Timestamp Deliver(LaneLoad& load, size_t bytes_per_ms, bool busy, Timestamp now, Duration span) {
  for (const Timestamp end = now + span; now < end; now = now + Duration::Millis(4)) {
    load.OnAcked(4 * bytes_per_ms, busy, kRoundTrip, now);
  }
  return now;
}

TEST_CASE("a fresh lane is taken for a first window in a round trip") {
  const LaneLoad load;
  CHECK(load.BytesPerSecond(kRoundTrip) == Approx(11'600 / 0.05));
  // Round trips of nothing divide nothing by zero.
  CHECK(load.BytesPerSecond(Duration()) < 1e8);
  CHECK(load.HasRoom(0, 0, kRecord, Duration(), kBacklog));
}

TEST_CASE("a busy lane carries what it is seen to carry, also when that falls") {
  LaneLoad load;
  Timestamp now = Deliver(load, 1000, true, Timestamp::FromMicros(1'000'000), Duration::Seconds(1));
  CHECK(load.BytesPerSecond(kRoundTrip) == Approx(1e6).epsilon(0.05));
  now = Deliver(load, 100, true, now, Duration::Seconds(1));
  CHECK(load.BytesPerSecond(kRoundTrip) == Approx(1e5).epsilon(0.05));
  CHECK(load.Completion(100'000 - kRecord, kRecord, kRoundTrip).seconds() ==
        Approx(1.05).epsilon(0.05));
}

TEST_CASE("a lane that was not busy is not taken for slow") {
  LaneLoad load;
  Timestamp now = Deliver(load, 1000, true, Timestamp::FromMicros(1'000'000), Duration::Seconds(1));
  now = Deliver(load, 10, false, now, Duration::Seconds(5));
  CHECK(load.BytesPerSecond(kRoundTrip) >= 0.95e6);
  Deliver(load, 2000, false, now, Duration::Seconds(1));
  CHECK(load.BytesPerSecond(kRoundTrip) >= 2e6);
}

TEST_CASE("a lane gets no more than keeps its window full") {
  LaneLoad load;
  Deliver(load, 1000, true, Timestamp::FromMicros(1'000'000), Duration::Seconds(1));
  // 50 kB in the window, 20 kB before it.
  CHECK(load.HasRoom(0, 60'000, kRecord, kRoundTrip, kBacklog));
  CHECK(load.HasRoom(18'000, 68'000, kRecord, kRoundTrip, kBacklog));
  CHECK_FALSE(load.HasRoom(22'000, 72'000, kRecord, kRoundTrip, kBacklog));
  // What a browser says is in the buffer, and no longer is.
  CHECK(load.HasRoom(100'000, 30'000, kRecord, kRoundTrip, kBacklog));
}

}  // namespace
}  // namespace millrace
