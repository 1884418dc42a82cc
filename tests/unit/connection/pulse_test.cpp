#include "connection/pulse.h"

#include <catch2/catch_test_macros.hpp>
#include <vector>

namespace millrace {
namespace {

constexpr Duration kIdle = Duration::Seconds(30);

constexpr Timestamp At(int64_t millis) { return Timestamp::FromMicros(millis * 1000); }

PongFrame PongOf(int64_t sent_at_ms) {
  return PongFrame{static_cast<uint64_t>(At(sent_at_ms).micros())};
}

// A link whose round trip is known, while bulk moves.
PingNeed Measuring() {
  return {.measuring = Duration::Millis(15),
          .knows_round_trip = true,
          .round_trip = Duration::Millis(50),
          .has_transfers = true};
}

// What goes out at that time.
struct Packed {
  bool pong = false;
  bool ping = false;
};
Packed Pack(Pulse& pulse, int64_t now, const PingNeed& need = Measuring(), size_t bytes_ahead = 0) {
  std::vector<uint8_t> bytes(64);
  ByteWriter writer(bytes);
  Packed packed;
  const bool any = pulse.Pack(writer, bytes_ahead, need, At(now));
  ByteReader reader(writer.written());
  while (!reader.AtEnd()) {
    const Result<Frame> frame = DecodeFrame(reader);
    REQUIRE(frame.ok());
    packed.pong = packed.pong || std::holds_alternative<PongFrame>(frame.value());
    packed.ping = packed.ping || std::holds_alternative<PingFrame>(frame.value());
  }
  CHECK(any == (packed.pong || packed.ping));
  return packed;
}

Pulse Started() {
  Pulse pulse(kIdle);
  pulse.Start(At(0));
  return pulse;
}

// The next ping, after one at `now`.
Duration IntervalWith(const PingNeed& need) {
  Pulse pulse = Started();
  REQUIRE(Pack(pulse, 0, need).ping);
  return pulse.NextTimeout(true) - At(0);
}

TEST_CASE("there are no pings and no timeouts without a connection") {
  Pulse pulse(kIdle);
  CHECK(pulse.NextTimeout(true).IsNever());
  CHECK_FALSE(pulse.WantsToSpeak(At(1'000'000)));
  pulse.OnHeard(At(5));
  CHECK_FALSE(pulse.IsLost(At(1'000'000)));
  CHECK_FALSE(pulse.IsUnanswered(Duration::Seconds(1), At(1'000'000)));
  pulse = Started();
  pulse.Stop();
  CHECK(pulse.NextTimeout(true).IsNever());
}

TEST_CASE("the first ping goes out at once, the next ones as often as they are needed") {
  Pulse pulse = Started();
  CHECK(pulse.WantsToSpeak(At(0)));
  PingNeed need = Measuring();
  CHECK(IntervalWith(need) == Duration::Millis(15));
  need.measuring.reset();
  CHECK(IntervalWith(need) == Duration::Seconds(1));
  need.has_transfers = false;
  CHECK(IntervalWith(need) == Duration::Seconds(5));
  need.knows_round_trip = false;
  CHECK(IntervalWith(need) == Duration::Millis(10));
}

TEST_CASE("a ping of the peer is answered once") {
  Pulse pulse = Started();
  Pack(pulse, 0);
  CHECK_FALSE(pulse.WantsToSpeak(At(1)));
  pulse.OnPing(PingFrame{7});
  pulse.OnPing(PingFrame{8});
  CHECK(pulse.WantsToSpeak(At(1)));
  CHECK(Pack(pulse, 1).pong);
  CHECK_FALSE(Pack(pulse, 1).pong);
}

TEST_CASE("a pong measures the round trip of its ping") {
  Pulse pulse = Started();
  Pack(pulse, 0);
  CHECK(pulse.OnPong(PongOf(0), At(40)) == Duration::Millis(40));
  CHECK(pulse.round_trip().smoothed() == Duration::Millis(40));
  CHECK_FALSE(pulse.OnPong(PongOf(41), At(40)));
  CHECK_FALSE(pulse.OnPong(PongFrame{UINT64_MAX}, At(40)));
}

TEST_CASE("a ping that waited behind more than 4 KiB of control data gives no sample") {
  Pulse pulse = Started();
  Pack(pulse, 0, Measuring(), Pulse::kMostBytesAhead + 1);
  CHECK_FALSE(pulse.OnPong(PongOf(0), At(900)));
  CHECK_FALSE(pulse.round_trip().smoothed());
  pulse.PingNow(At(1000));
  Pack(pulse, 1000, Measuring(), Pulse::kMostBytesAhead);
  CHECK(pulse.OnPong(PongOf(1000), At(1040)) == Duration::Millis(40));
}

TEST_CASE("during an outage pings are rare; after it the next one follows the pong within 10 ms") {
  Pulse pulse = Started();
  Pack(pulse, 0);
  pulse.OnPong(PongOf(0), At(50));
  int pings = 0;
  for (int64_t now = 51; now < 10'000; ++now) pings += Pack(pulse, now).ping ? 1 : 0;
  // 15 ms apart until the first is late, then a second.
  CHECK(pings > 10);
  CHECK(pings < 50);
  const Timestamp before = pulse.NextTimeout(true);
  REQUIRE(before > At(10'010));
  pulse.OnPong(PongOf(9'000), At(10'000));
  CHECK(pulse.NextTimeout(true) == At(10'010));
  CHECK(Pack(pulse, 10'010).ping);
  CHECK(pulse.NextTimeout(true) == At(10'025));
}

TEST_CASE("a peer that is not heard for the idle timeout is lost") {
  Pulse pulse = Started();
  CHECK_FALSE(pulse.IsLost(At(29'999)));
  CHECK(pulse.IsLost(At(30'000)));
  pulse.OnHeard(At(20'000));
  CHECK_FALSE(pulse.IsLost(At(49'999)));
  CHECK(pulse.IsLost(At(50'000)));
}

TEST_CASE("a check asks at once; only the answer to a ping sent since counts") {
  Pulse pulse = Started();
  Pack(pulse, 0);
  pulse.Check(At(10));
  CHECK(Pack(pulse, 10).ping);
  pulse.OnHeard(At(1000));
  pulse.OnPong(PongOf(0), At(1000));
  CHECK_FALSE(pulse.IsLost(At(2009)));
  CHECK(pulse.IsLost(At(2010)));
  pulse.OnPong(PongOf(10), At(2009));
  CHECK_FALSE(pulse.IsLost(At(2010)));
}

TEST_CASE("a second check gives the peer no more time, and one after the answer does") {
  Pulse pulse = Started();
  pulse.Check(At(0));
  pulse.Check(At(1500));
  Pack(pulse, 1500);
  CHECK(pulse.IsLost(At(2000)));
  pulse.OnPong(PongOf(1500), At(1990));
  CHECK_FALSE(pulse.IsLost(At(2000)));
  pulse.Check(At(3000));
  CHECK_FALSE(pulse.IsLost(At(4999)));
  CHECK(pulse.IsLost(At(5000)));
}

TEST_CASE("while the control lane is full only the end of the peer is waited for") {
  Pulse pulse = Started();
  CHECK(pulse.NextTimeout(true) == At(0));
  CHECK(pulse.NextTimeout(false) == At(30'000));
  pulse.Check(At(100));
  CHECK(pulse.NextTimeout(false) == At(2100));
}

TEST_CASE("pings are unanswered since the first one after the last pong") {
  Pulse pulse = Started();
  Pack(pulse, 0);
  pulse.OnPong(PongOf(0), At(50));
  CHECK_FALSE(pulse.IsUnanswered(Duration(), At(60)));
  Pack(pulse, 100);
  Pack(pulse, 200);
  CHECK_FALSE(pulse.IsUnanswered(Duration::Seconds(2), At(2099)));
  CHECK(pulse.IsUnanswered(Duration::Seconds(2), At(2100)));
}

TEST_CASE("a new connection forgets everything about the one before") {
  Pulse pulse = Started();
  Pack(pulse, 0, Measuring(), Pulse::kMostBytesAhead + 1);
  pulse.OnPong(PongOf(0), At(900));
  pulse.OnPing(PingFrame{7});
  pulse.Check(At(950));
  pulse.Start(At(1000));
  CHECK_FALSE(pulse.round_trip().smoothed());
  const Packed packed = Pack(pulse, 1000);
  CHECK(packed.ping);
  CHECK_FALSE(packed.pong);
  CHECK_FALSE(pulse.IsLost(At(30'999)));
  CHECK(pulse.IsLost(At(31'000)));
}

}  // namespace
}  // namespace millrace
