#include "connection/pulse.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <vector>

namespace millrace {
namespace {

constexpr Duration kIdle = Duration::Seconds(30);

constexpr Timestamp At(int64_t millis) { return Timestamp::FromMicros(millis * 1000); }

// The peer's clock is an hour ahead.
PongFrame PongOf(int64_t sent_at_ms, int64_t there_ms = 0) {
  return PongFrame{static_cast<uint64_t>(At(sent_at_ms).micros()),
                   At(sent_at_ms + there_ms + 3'600'000)};
}

std::optional<Duration> RoundTripOf(const std::optional<PingAnswer>& answer) {
  return answer ? std::optional(answer->sample.round_trip) : std::nullopt;
}

// A link whose round trip is known, while bulk moves.
PingNeed Measuring() {
  return {.measuring = Duration::Millis(15),
          .knows_round_trip = true,
          .round_trip = Duration::Millis(50),
          .has_transfers = true};
}

// What goes out at that time, in that record.
struct Packed {
  std::vector<PongFrame> pongs;
  bool ping = false;
};
Packed Pack(Pulse& pulse, int64_t now, const PingNeed& need = Measuring(), uint64_t record = 0) {
  std::vector<uint8_t> bytes(Pulse::kMostBytes);
  ByteWriter writer(bytes);
  Packed packed;
  pulse.Pack(writer, PacketNumber(record), need, At(now));
  REQUIRE(writer.ok());
  ByteReader reader(writer.written());
  while (!reader.AtEnd()) {
    const Result<Frame> frame = DecodeFrame(reader);
    REQUIRE(frame.ok());
    if (const auto* pong = std::get_if<PongFrame>(&frame.value())) packed.pongs.push_back(*pong);
    packed.ping = packed.ping || std::holds_alternative<PingFrame>(frame.value());
  }
  return packed;
}

bool WantsToSpeak(const Pulse& pulse, int64_t now) {
  return pulse.owes_pong() || pulse.IsPingDue(At(now));
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
  CHECK_FALSE(WantsToSpeak(pulse, 1'000'000));
  pulse.OnHeard(At(5));
  CHECK_FALSE(pulse.IsLost(At(1'000'000)));
  CHECK_FALSE(pulse.IsUnanswered(Duration::Seconds(1), At(1'000'000)));
  pulse = Started();
  pulse.Stop();
  CHECK(pulse.NextTimeout(true).IsNever());
}

TEST_CASE("the first ping goes out at once, the next ones as often as they are needed") {
  Pulse pulse = Started();
  CHECK(WantsToSpeak(pulse, 0));
  PingNeed need = Measuring();
  CHECK(IntervalWith(need) == Duration::Millis(15));
  need.measuring.reset();
  CHECK(IntervalWith(need) == Duration::Seconds(1));
  need.has_transfers = false;
  CHECK(IntervalWith(need) == Duration::Seconds(5));
  need.knows_round_trip = false;
  CHECK(IntervalWith(need) == Duration::Millis(10));
}

TEST_CASE("the newest pings of the peer are answered once, with the times when they came") {
  Pulse pulse = Started();
  Pack(pulse, 0);
  CHECK_FALSE(WantsToSpeak(pulse, 1));
  for (uint64_t token = 1; token <= 6; ++token) {
    pulse.OnPing(PingFrame{token}, At(static_cast<int64_t>(token)));
  }
  CHECK(WantsToSpeak(pulse, 7));
  const Packed packed = Pack(pulse, 7);
  REQUIRE(packed.pongs.size() == OwedPongs::kMost);
  for (size_t i = 0; i < packed.pongs.size(); ++i) {
    CHECK(packed.pongs[i].token == i + 3);
    CHECK(packed.pongs[i].received_at == At(static_cast<int64_t>(i + 3)));
  }
  CHECK(Pack(pulse, 7).pongs.empty());
}

TEST_CASE("a pong shows the delays of its ping and the record that it came in") {
  Pulse pulse = Started();
  Pack(pulse, 0, Measuring(), 17);
  const auto answer = pulse.OnPong(PongOf(0, 30), At(40));
  REQUIRE(answer);
  CHECK(answer->sample.round_trip == Duration::Millis(40));
  CHECK(answer->sample.one_way == Duration::Millis(3'600'030));
  CHECK(answer->record == PacketNumber(17));
  CHECK(pulse.round_trip().smoothed() == Duration::Millis(40));
}

TEST_CASE("pongs of pings that were never sent, or were answered, show nothing") {
  Pulse pulse = Started();
  Pack(pulse, 0);
  Pack(pulse, 15);
  for (const int64_t never : {-1, 1, 14, 16, 41}) {
    CHECK_FALSE(pulse.OnPong(PongOf(never), At(40)));
  }
  CHECK_FALSE(pulse.OnPong(PongFrame{UINT64_MAX, At(0)}, At(40)));
  CHECK(pulse.OnPong(PongOf(15), At(40)));
  CHECK_FALSE(pulse.OnPong(PongOf(15), At(50)));
  // The one before it was overtaken.
  CHECK(RoundTripOf(pulse.OnPong(PongOf(0), At(50))) == Duration::Millis(50));
}

TEST_CASE("only the newest pings are remembered") {
  Pulse pulse = Started();
  for (size_t i = 0; i <= Pulse::kMostPings; ++i) {
    pulse.PingNow(At(static_cast<int64_t>(i)));
    Pack(pulse, static_cast<int64_t>(i));
  }
  CHECK_FALSE(pulse.OnPong(PongOf(0), At(2000)));
  CHECK(pulse.OnPong(PongOf(1), At(2000)));
  CHECK(pulse.OnPong(PongOf(static_cast<int64_t>(Pulse::kMostPings)), At(2000)));
}

TEST_CASE(
    "in an outage pings go out 4 times a second; after it the next one follows within 10 ms") {
  Pulse pulse = Started();
  Pack(pulse, 0);
  pulse.OnPong(PongOf(0), At(50));
  std::vector<int64_t> pinged;
  for (int64_t now = 51; now < 10'000; ++now) {
    if (Pack(pulse, now).ping) pinged.push_back(now);
  }
  // 15 ms apart until the first is late, which takes 400 ms.
  const auto late = std::find_if(pinged.begin(), pinged.end(), [](int64_t at) { return at > 470; });
  CHECK(late - pinged.begin() > 20);
  for (auto it = late + 1; it != pinged.end(); ++it) CHECK(*it - it[-1] == 250);
  REQUIRE(pinged.end() - late > 30);
  pulse.PingNow(At(10'000));
  Pack(pulse, 10'000);
  pulse.OnPong(PongOf(pinged.back()), At(10'001));
  CHECK(pulse.NextTimeout(true) == At(10'011));
  CHECK(Pack(pulse, 10'011).ping);
  CHECK(pulse.NextTimeout(true) == At(10'026));
}

TEST_CASE(
    "before the first pong pings go on, whatever the path's length: nothing is late for 1.3 s") {
  Pulse pulse = Started();
  const PingNeed need;
  std::vector<int64_t> pinged;
  for (int64_t now = 0; now < 5'000; ++now) {
    CHECK(pulse.IsLate(Duration(), At(now)) == (now >= 1'300));
    if (Pack(pulse, now, need).ping) pinged.push_back(now);
  }
  // Eight at first, then 20 a second, then 4.
  REQUIRE(pinged.size() > 40);
  for (size_t i = 1; i < pinged.size(); ++i) {
    const int64_t interval = pinged[i] - pinged[i - 1];
    CHECK(interval == (i < 8 ? 10 : pinged[i - 1] < 1'300 ? 50 : 250));
  }
  pulse.OnPong(PongOf(0), At(5'000));
  CHECK_FALSE(pulse.IsLate(Duration(), At(5'000)));
}

TEST_CASE("in an outage without transfers pings stay rare") {
  Pulse pulse = Started();
  PingNeed need = Measuring();
  need.measuring.reset();
  need.has_transfers = false;
  int pings = 0;
  for (int64_t now = 0; now < 20'000; ++now) pings += Pack(pulse, now, need).ping ? 1 : 0;
  CHECK(pings == 4);
}

TEST_CASE("while the peer is checked a lost ping is followed by another") {
  Pulse pulse = Started();
  PingNeed need = Measuring();
  need.measuring.reset();
  need.has_transfers = false;
  Pack(pulse, 0, need);
  pulse.OnPong(PongOf(0), At(50));
  pulse.Check(At(1000));
  int pings = 0;
  for (int64_t now = 1000; now < 2000; ++now) pings += Pack(pulse, now, need).ping ? 1 : 0;
  CHECK(pings == 4);
  pulse.OnPong(PongOf(1750), At(1990));
  CHECK_FALSE(pulse.IsLost(At(3000)));
}

TEST_CASE("a session that has ended answers pings, and sends them only while it is asked to") {
  Pulse pulse = Started();
  pulse.FinishUp();
  CHECK_FALSE(WantsToSpeak(pulse, 100'000));
  CHECK(pulse.NextTimeout(true).IsNever());
  pulse.OnPing(PingFrame{7}, At(1));
  CHECK(WantsToSpeak(pulse, 1));
  PingNeed need;
  need.finishing = true;
  CHECK_FALSE(Pack(pulse, 1, need).ping);
  pulse.PingNow(At(2));
  CHECK(Pack(pulse, 2, need).ping);
  CHECK(pulse.NextTimeout(true) == At(102));
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

TEST_CASE(
    "a peer that was silent before the check gets less time, and never less than an answer takes") {
  Pulse pulse = Started();
  Pack(pulse, 0);
  pulse.OnPong(PongOf(0), At(100));
  Pack(pulse, 1000);
  SECTION("silent for a short time") {
    pulse.Check(At(1200));
    CHECK_FALSE(pulse.IsLost(At(1999)));
    CHECK(pulse.IsLost(At(2000)));
  }
  SECTION("silent for long: two round trips of 100 ms and 300 ms") {
    pulse.Check(At(5000));
    CHECK_FALSE(pulse.IsLost(At(5499)));
    CHECK(pulse.IsLost(At(5500)));
  }
}

TEST_CASE("an answer after a sleep is a sign of life, and no measurement") {
  Pulse pulse = Started();
  Pack(pulse, 0);
  CHECK(pulse.OnPong(PongOf(0), At(50)));
  Pack(pulse, 1000);
  CHECK_FALSE(pulse.OnPong(PongOf(1000), At(31'000)));
  CHECK_FALSE(pulse.IsUnanswered(Duration(), At(31'000)));
  CHECK(pulse.round_trip().smallest() == Duration::Millis(50));
  CHECK(pulse.round_trip().smoothed() == Duration::Millis(50));
}

TEST_CASE("while the pulse lane is full only the end of the peer is waited for") {
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
  Pack(pulse, 0);
  Pack(pulse, 15);
  pulse.OnPong(PongOf(0), At(900));
  pulse.OnPing(PingFrame{7}, At(900));
  pulse.Check(At(950));
  pulse.Start(At(1000));
  CHECK_FALSE(pulse.round_trip().smoothed());
  const Packed packed = Pack(pulse, 1000);
  CHECK(packed.ping);
  CHECK(packed.pongs.empty());
  CHECK_FALSE(pulse.OnPong(PongOf(15), At(1001)));
  CHECK_FALSE(pulse.IsLost(At(30'999)));
  CHECK(pulse.IsLost(At(31'000)));
}

}  // namespace
}  // namespace millrace
