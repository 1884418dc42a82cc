#include "control/flow_control.h"

#include <catch2/catch_test_macros.hpp>

#include "base/leaf.h"

namespace millrace {
namespace {

TEST_CASE("records are leaves, larger on faster links, and never larger than they may be") {
  FlowControl flow{LaneLimits()};
  CHECK(flow.RecordPayload(128 * 1024) == kLeafBytes);
  // A round trip of 0.1 ms lets a start be fast: 93 Mbit/s.
  flow.OnPong(Duration::Micros(100), 1, Timestamp::FromMicros(1'000'000));
  for (int i = 0; i < 400; ++i) {
    const Timestamp now = Timestamp::FromMicros(1'000'000 + i * 10'000);
    flow.OnSent(1, now);
    flow.OnAcked(static_cast<size_t>(flow.rate().pacing_bytes_per_second() / 100), now, now, now);
    flow.OnPong(Duration::Micros(100), 1, now);
    CHECK(flow.RecordPayload(128 * 1024) % kLeafBytes == 0);
  }
  CHECK(flow.RecordPayload(128 * 1024) == 128 * 1024);
  CHECK(flow.RecordPayload(48 * 1024) == 48 * 1024);
}

TEST_CASE("records are smaller where many lanes share the rate") {
  for (const size_t lanes : {0u, 1u, 4u, 16u}) {
    CAPTURE(lanes);
    FlowControl flow{LaneLimits()};
    for (int i = 0; i < 400; ++i) {
      const Timestamp now = Timestamp::FromMicros(1'000'000 + i * 10'000);
      flow.OnSent(1, now);
      flow.OnAcked(100'000, now, now, now);
      flow.OnPong(Duration::Millis(20), lanes, now);
    }
    // 80 Mbit/s: 80 kB in 8 ms, or 37 kB of one lane of sixteen in 60 ms.
    CHECK(flow.RecordPayload(128 * 1024) == (lanes == 16 ? 2 : 4) * kLeafBytes);
  }
}

TEST_CASE("lanes are planned once the round trip is known") {
  FlowControl flow{LaneLimits()};
  for (int i = 0; i < 4; ++i) {
    CHECK(!flow.KnowsRoundTrip());
    CHECK(flow.lanes_wanted() == 4);
    flow.OnPong(Duration::Millis(i < 3 ? 100 : 20), 1, Timestamp::FromMicros(i * 30'000));
  }
  CHECK(flow.KnowsRoundTrip());
  CHECK(flow.lanes_wanted() == 5);
}

TEST_CASE("a lane may hold more where the event loop is busy") {
  FlowControl flow{LaneLimits()};
  CHECK(flow.LaneBacklog() == Duration::Millis(20));
  for (int i = 0; i < 200; ++i) {
    flow.OnPong(Duration::Millis(i % 2 == 0 ? 5 : 25), 1, Timestamp::FromMicros(i * 10'000));
  }
  CHECK(flow.LaneBacklog() > Duration::Millis(60));
  CHECK(flow.LaneBacklog() <= Duration::Millis(100));
}

TEST_CASE("pings are more frequent at the start, and rarer on slow links") {
  FlowControl flow{LaneLimits()};
  CHECK(flow.PingInterval() < Duration::Millis(10));
  flow.SetMostBytesPerSecond(100'000);
  CHECK(flow.PingInterval() == Duration::Millis(25));
}

TEST_CASE("what is in flight is limited besides what is paced") {
  FlowControl flow{LaneLimits()};
  const Timestamp now = Timestamp::FromMicros(1'000'000);
  flow.OnPong(Duration::Millis(50), 1, now);
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
