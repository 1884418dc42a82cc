// Pings on the pulse lane of a set.

#include "stripes/stripe_pulse.h"

#include <catch2/catch_test_macros.hpp>
#include <vector>

namespace millrace {
namespace {

constexpr Timestamp At(int64_t millis) { return Timestamp::FromMicros(millis * 1000); }
constexpr Duration kInterval = Duration::Millis(20);

// What a message says.
struct Said {
  std::vector<PongFrame> pongs;
  std::optional<PingFrame> ping;
};

Said Pack(StripePulse& pulse, bool with_ping, Timestamp now, bool behind_bulk = false) {
  std::vector<uint8_t> bytes(StripePulse::kMostBytes);
  ByteWriter writer(bytes);
  pulse.PackPongs(writer);
  if (with_ping) pulse.PackPing(writer, behind_bulk, now);
  Said said;
  ByteReader reader(writer.written());
  while (!reader.AtEnd()) {
    const Result<Frame> frame = DecodeFrame(reader);
    REQUIRE(frame.ok());
    if (const auto* pong = std::get_if<PongFrame>(&frame.value())) said.pongs.push_back(*pong);
    if (const auto* ping = std::get_if<PingFrame>(&frame.value())) said.ping = *ping;
  }
  return said;
}

TEST_CASE("a pong shows the delays of its ping, once") {
  StripePulse pulse;
  CHECK(pulse.PingDue(kInterval).IsNever());
  pulse.Open();
  CHECK(pulse.PingDue(kInterval) <= At(0));
  const Said said = Pack(pulse, true, At(100), true);
  CHECK(pulse.PingDue(kInterval) == At(120));
  CHECK_FALSE(pulse.OnPong({said.ping->token + 1, At(5)}, At(140)));
  const auto answer = pulse.OnPong({said.ping->token, At(5)}, At(140));
  REQUIRE(answer);
  CHECK(answer->sample.round_trip == Duration::Millis(40));
  CHECK(answer->sample.one_way == Duration::Millis(-95));
  CHECK(answer->behind_bulk);
  CHECK_FALSE(pulse.OnPong({said.ping->token, At(5)}, At(141)));
}

TEST_CASE("an answer after a sleep measures nothing, and receive times that lie stay bounded") {
  StripePulse pulse;
  pulse.Open();
  const Said slow = Pack(pulse, true, At(0));
  CHECK_FALSE(pulse.OnPong({slow.ping->token, At(1)}, At(10'001)));
  for (const int64_t lie : {int64_t{0}, INT64_MAX, INT64_MIN}) {
    const Said said = Pack(pulse, true, At(20'000));
    const auto answer = pulse.OnPong({said.ping->token, Timestamp::FromMicros(lie)}, At(20'010));
    REQUIRE(answer);
    CHECK(answer->sample.one_way <= PingSample::kMostOffset);
    CHECK(answer->sample.one_way >= Duration() - PingSample::kMostOffset);
  }
}

TEST_CASE("the newest pings of the peer are answered once") {
  StripePulse pulse;
  pulse.Open();
  for (uint64_t token = 1; token <= 6; ++token) {
    pulse.OnPing({token}, At(static_cast<int64_t>(token)));
  }
  CHECK(pulse.owes_pong());
  const Said said = Pack(pulse, false, At(10));
  REQUIRE(said.pongs.size() == OwedPongs::kMost);
  CHECK(said.pongs.front().token == 3);
  CHECK(said.pongs.back().received_at == At(6));
  CHECK_FALSE(pulse.owes_pong());
}

TEST_CASE(
    "a peer that does not know pings gets no more after two seconds, and none is remembered "
    "for ever") {
  StripePulse pulse;
  pulse.Open();
  Said said;
  int64_t now = 0;
  for (; !pulse.PingDue(kInterval).IsNever(); now += 20) {
    REQUIRE(now <= 2000);
    CHECK(pulse.is_answered());
    said = Pack(pulse, true, At(now));
  }
  CHECK(now == 2020);
  CHECK_FALSE(pulse.is_answered());
  // It did know them.
  CHECK(pulse.OnPong({said.ping->token, At(0)}, At(now)));
  CHECK(pulse.is_answered());
  for (size_t i = 0; i < 3 * StripePulse::kMostPings; ++i) said = Pack(pulse, true, At(now));
  CHECK_FALSE(pulse.OnPong({said.ping->token - StripePulse::kMostPings, At(0)}, At(now)));
  CHECK(pulse.OnPong({said.ping->token - StripePulse::kMostPings + 1, At(0)}, At(now)));
}

TEST_CASE("a channel that holds messages gets no more, and a new one begins anew") {
  StripePulse pulse;
  pulse.Open();
  pulse.OnPing({1}, At(0));
  pulse.OnBuffered(StripePulse::kMostBytes);
  CHECK(pulse.PingDue(kInterval).IsNever());
  CHECK_FALSE(pulse.owes_pong());
  pulse.OnBuffered(0);
  CHECK(pulse.owes_pong());
  pulse.Close();
  CHECK_FALSE(pulse.owes_pong());
  pulse.Open();
  CHECK_FALSE(pulse.owes_pong());
  CHECK_FALSE(pulse.PingDue(kInterval).IsNever());
}

}  // namespace
}  // namespace millrace
