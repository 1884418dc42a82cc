#include "control/flow_control.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <utility>

#include "base/leaf.h"

namespace millrace {
namespace {

PingSample Took(Duration round_trip) { return {round_trip, round_trip / 2}; }

TEST_CASE("records fit the link: a packet at first, larger on faster links, never too large") {
  FlowControl flow{LaneLimits()};
  CHECK(flow.RecordPayload(128 * 1024) == kGrainBytes);
  // A round trip of 0.1 ms lets a start be fast: 93 Mbit/s.
  flow.OnPong(Took(Duration::Micros(100)), 1, 0, Timestamp::FromMicros(1'000'000));
  for (int i = 0; i < 400; ++i) {
    const Timestamp now = Timestamp::FromMicros(1'000'000 + i * 10'000);
    const auto bytes = static_cast<size_t>(flow.rate().pacing_bytes_per_second() / 100);
    flow.OnSent(bytes, now);
    flow.OnAcked(bytes, now, now, now);
    flow.OnPong(Took(Duration::Micros(100)), 1, 0, now);
    CHECK(flow.RecordPayload(128 * 1024) % kGrainBytes == 0);
  }
  CHECK(flow.RecordPayload(128 * 1024) == 128 * 1024);
  CHECK(flow.RecordPayload(48 * 1024) == 48 * 1024);
}

TEST_CASE("before the first answer records leave at the first rate, or at the user's limit") {
  for (const double most : {1e9, 125'000.0, 25'000.0}) {
    FlowControl flow{LaneLimits()};
    flow.SetMostBytesPerSecond(most, Timestamp());
    const Timestamp now = Timestamp::FromMicros(1'000'000);
    const double rate = std::min(most, RateController::kInitialBytesPerSecond);
    REQUIRE(flow.MaySend(0, now));
    flow.OnSent(static_cast<size_t>(rate * (Pacer::kMostBurst.seconds() + 0.05)), now);
    CHECK(flow.ready_at() == now + Duration::Millis(50));
  }
}

TEST_CASE("records are smaller where many lanes share the rate") {
  for (const size_t lanes : {0u, 1u, 4u, 16u}) {
    CAPTURE(lanes);
    FlowControl flow{LaneLimits()};
    for (int i = 0; i < 400; ++i) {
      const Timestamp now = Timestamp::FromMicros(1'000'000 + i * 10'000);
      flow.OnSent(100'000, now);
      flow.OnAcked(100'000, now, now, now);
      flow.OnPong(Took(Duration::Millis(20)), lanes, 0, now);
    }
    // 80 Mbit/s, in a start: 40 kB in 4 ms, or 37 kB of one lane of sixteen in 60 ms.
    const size_t payload = flow.RecordPayload(128 * 1024);
    CHECK(payload == (lanes == 16 ? 36 : 39) * kGrainBytes);
  }
}

TEST_CASE("lanes are planned once the round trip is known") {
  FlowControl flow{LaneLimits()};
  for (int i = 0; i < 4; ++i) {
    CHECK(!flow.KnowsRoundTrip());
    CHECK(flow.lanes_wanted() == 4);
    flow.OnPong(Took(Duration::Millis(60)), 1, 0, Timestamp::FromMicros(i * 30'000));
  }
  CHECK(flow.KnowsRoundTrip());
  CHECK(flow.lanes_wanted() == 5);
}

TEST_CASE("a lane may hold more where the event loop is busy") {
  FlowControl flow{LaneLimits()};
  CHECK(flow.LaneBacklog() == Duration::Millis(20));
  for (int i = 0; i < 200; ++i) {
    flow.OnPong(Took(Duration::Millis(i % 2 == 0 ? 5 : 25)), 1, 0,
                Timestamp::FromMicros(i * 30'000));
  }
  CHECK(flow.LaneBacklog().millis() > 40);
  CHECK(flow.LaneBacklog() <= Duration::Millis(100));
}

TEST_CASE("pings are more frequent at the start, and rarer on slow links") {
  FlowControl flow{LaneLimits()};
  flow.OnPong(Took(Duration::Millis(20)), 1, 0, Timestamp::FromMicros(1'000'000));
  CHECK(flow.PingInterval() < Duration::Millis(10));
  flow.SetMostBytesPerSecond(100'000, Timestamp::FromMicros(1'000'000));
  CHECK(flow.PingInterval() == Duration::Micros(37'500));
}

TEST_CASE("pings are no more than 24 in a round trip, and no rarer than ten a second") {
  for (const auto& [rtt_ms, interval_us] : {std::pair{20, 5'000},
                                            {120, 5'000},
                                            {144, 6'000},
                                            {600, 25'000},
                                            {2'400, 100'000},
                                            {9'000, 100'000}}) {
    CAPTURE(rtt_ms);
    FlowControl flow{LaneLimits()};
    // 80 Mbit/s, in a start.
    for (int i = 0; i < 4'000; ++i) {
      const Timestamp now = Timestamp::FromMicros(1'000'000 + i * 10'000);
      flow.OnSent(100'000, now);
      flow.OnAcked(100'000, now, now, now);
      flow.OnPong(Took(Duration::Millis(rtt_ms)), 4, 0, now);
    }
    REQUIRE(flow.rate().starting());
    CHECK(flow.PingInterval() == Duration::Micros(interval_us));
  }
}

TEST_CASE("what is in flight is limited besides what is paced") {
  FlowControl flow{LaneLimits()};
  const Timestamp now = Timestamp::FromMicros(1'000'000);
  flow.OnPong(Took(Duration::Millis(50)), 1, 0, now);
  const size_t limit = flow.rate().in_flight_limit_bytes();
  CHECK(flow.MaySend(0, now));
  CHECK(flow.MaySend(limit - 1, now));
  CHECK_FALSE(flow.MaySend(limit, now));
  flow.OnSent(1'000'000, now);
  CHECK_FALSE(flow.MaySend(0, now));
  CHECK(flow.MaySend(0, flow.ready_at()));
}

TEST_CASE("what limited a sender lately is known") {
  FlowControl flow{LaneLimits()};
  const Timestamp now = Timestamp::FromMicros(1'000'000);
  flow.OnLimited(SendLimit::kRate, now);
  flow.OnLimited(SendLimit::kLanes, now + Duration::Seconds(1));
  CHECK(flow.limits().Of(SendLimit::kRate) > 0.9);
  CHECK(flow.limits().Of(SendLimit::kLanes) < 0.1);
}

}  // namespace
}  // namespace millrace
