// A set that paces its chunks, and one that does not.

#include "stripes/stripe_pacing.h"

#include <catch2/catch_test_macros.hpp>
#include <vector>

#include "stripes/stripe_set.h"
#include "support/random.h"

namespace millrace {
namespace {

using testing::Random;

// Everything that a set sends for now: the bytes of chunks, and its messages on the pulse lane.
struct Sent {
  size_t chunk_bytes = 0;
  std::vector<std::vector<uint8_t>> pulse;
};

Sent SendAll(StripeSet& set, Timestamp now) {
  Sent sent;
  while (const auto output = set.PollOutput(now)) {
    sent.chunk_bytes += output->length;
    if (output->lane != kPulseLane) continue;
    sent.pulse.emplace_back(output->bytes.begin(), output->bytes.end());
  }
  return sent;
}

// A set that begins to send, with a pulse lane.
StripeSet Sending(StripeOptions options = {}) {
  StripeSet set(options);
  CHECK(set.OpenLane(LaneId(1), kMaxMessageBytes, Delivery::kReliable).ok());
  CHECK(set.OpenLane(LaneId(2), kMaxMessageBytes, Delivery::kReliable).ok());
  set.OpenPulse();
  CHECK(set.Begin(16'000'000, 0).ok());
  return set;
}

TEST_CASE("a paced set sends two first windows and a chunk before it knows the path") {
  StripeSet set = Sending();
  const Timestamp now = Timestamp::FromMicros(1'000'000);
  const Sent sent = SendAll(set, now);
  CHECK(set.IsPaced());
  CHECK(sent.pulse.size() == 1);
  CHECK(sent.chunk_bytes > 0);
  CHECK(sent.chunk_bytes <= 2 * 16'384);
  // Pacing allows the next chunk, or a ping is due.
  CHECK(set.NextTimeout() > now);
  CHECK(set.NextTimeout() <= now + Duration::Millis(100));
}

TEST_CASE("a set that is not paced fills its channels and answers pings") {
  StripeSet set = Sending({.paced = false});
  CHECK_FALSE(set.IsPaced());
  const Timestamp now = Timestamp::FromMicros(1'000'000);
  Sent sent = SendAll(set, now);
  CHECK(sent.pulse.empty());
  CHECK(sent.chunk_bytes >= 2 * kMeasuredMarks.high - 64 * 1024);
  StripeSet other = Sending();
  const std::vector<uint8_t> ping = SendAll(other, now).pulse.at(0);
  CHECK(set.HandleInput(kPulseLane, ping, now).ok());
  const Sent answer = SendAll(set, now);
  REQUIRE(answer.pulse.size() == 1);
  CHECK(other.HandleInput(kPulseLane, answer.pulse[0], now + Duration::Millis(30)).ok());
  CHECK(other.flow().min_round_trip() == Duration::Millis(30));
}

TEST_CASE("a set whose peer answers no pings is not paced after two seconds") {
  StripeSet set = Sending();
  Timestamp now = Timestamp::FromMicros(1'000'000);
  const Timestamp end = now + Duration::Seconds(3);
  size_t bytes = 0;
  while (now < end) {
    bytes += SendAll(set, now).chunk_bytes;
    // No timeout has passed already.
    REQUIRE(set.NextTimeout() > now);
    now = std::min(set.NextTimeout(), end);
  }
  CHECK_FALSE(set.IsPaced());
  CHECK(bytes >= 2 * kMeasuredMarks.high - 64 * 1024);
}

TEST_CASE("a pulse lane that closes ends the pacing, and one that opens later begins it") {
  StripeSet set = Sending();
  set.ClosePulse();
  CHECK_FALSE(set.IsPaced());
  set.OpenPulse();
  CHECK(set.IsPaced());
}

TEST_CASE(
    "pongs that lie leave the rate within its bounds, and chunks on the pulse lane are a "
    "violation") {
  StripeSet set = Sending();
  Random random(3);
  Timestamp now = Timestamp::FromMicros(1'000'000);
  for (int step = 0; step < 3000; ++step) {
    now = now + Duration::Millis(1 + static_cast<int64_t>(random.Below(20)));
    SendAll(set, now);
    std::vector<uint8_t> message(64);
    ByteWriter writer(message);
    writer.U8(2);
    const auto time = static_cast<int64_t>(random.Next() >> 1);
    EncodeFrame(
        PongFrame{random.Below(static_cast<uint64_t>(step) + 2), Timestamp::FromMicros(time)},
        writer);
    REQUIRE(set.HandleInput(kPulseLane, writer.written(), now).ok());
    const double rate = set.flow().rate().pacing_bytes_per_second();
    REQUIRE(rate >= RateController::kLeastBytesPerSecond);
    REQUIRE(rate <= RateController::kMostBytesPerSecond);
    REQUIRE(set.NextTimeout() < now + Duration::Seconds(11));
    for (const uint32_t lane : {1u, 2u}) set.SetBuffered(LaneId(lane), 0);
  }
  StripeSet other = Sending({.paced = false});
  const std::optional<StripeOutput> output = other.PollOutput(now);
  REQUIRE(output);
  std::vector<uint8_t> chunk(output->bytes.begin(), output->bytes.end());
  chunk.resize(chunk.size() + output->length);
  const auto arrival = set.HandleInput(kPulseLane, chunk, now);
  REQUIRE_FALSE(arrival.ok());
  CHECK(arrival.error().code == ErrorCode::kProtocolViolation);
}

TEST_CASE("chunks have 16 KiB before the path is known, and then fit the rate") {
  StripePacing pacing;
  CHECK(pacing.ChunkBytes() == 16'384);
  const auto at = [](int64_t millis) { return Timestamp::FromMicros(millis * 1000); };
  for (int64_t now = 1000; now < 1400; now += 20) {
    pacing.OnPong({{Duration::Millis(20), Duration()}, false}, {.lanes = 4}, at(now));
  }
  CHECK(pacing.ChunkBytes() == 4096);
}

TEST_CASE("pings behind bulk count only while the window grows, or where there are no others") {
  StripePacing pacing;
  const auto at = [](int64_t millis) { return Timestamp::FromMicros(millis * 1000); };
  const auto pong = [&](int64_t now, int64_t millis, bool behind_bulk) {
    const Duration delay = Duration::Millis(millis);
    pacing.OnPong({{delay, delay}, behind_bulk}, {.lanes = 4}, at(now));
  };
  // The window of one of four lanes limits.
  pacing.OnLimited(SendLimit::kLanes, at(0));
  pacing.OnSent(16'384, at(0));
  pong(1000, 20, true);
  CHECK(pacing.flow().min_round_trip() == Duration::Millis(20));
  // A queue ends the first start.
  int64_t now = 1100;
  for (; pacing.flow().rate().starting() && now < 20'000; now += 20) {
    pacing.OnSent(16'384, at(now));
    pacing.OnLimited(SendLimit::kLanes, at(now));
    pacing.OnAcked(16'384, at(now - 20), at(now), {.lanes = 4}, at(now));
    pong(now, 20 + std::min<int64_t>(now - 1100, 200), true);
  }
  REQUIRE(now < 20'000);
  pong(now, 20, false);
  pong(now + 20, 20, false);
  const Duration before = pacing.flow().round_trip();
  pong(now + 40, 500, true);
  CHECK(pacing.flow().round_trip() == before);
  pong(now + 60, 500, false);
  CHECK(pacing.flow().round_trip() > before);
  const Duration then = pacing.flow().round_trip();
  pong(now + 2059, 1000, true);
  CHECK(pacing.flow().round_trip() == then);
  pong(now + 2060, 1000, true);
  CHECK(pacing.flow().round_trip() > then);
}

}  // namespace
}  // namespace millrace
