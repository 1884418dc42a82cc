// The model of SCTP with several channels: a reliable one and one that sends nothing again.
#include "support/sctp_association.h"

#include <catch2/catch_test_macros.hpp>
#include <deque>
#include <functional>
#include <utility>
#include <vector>

namespace millrace::testing {
namespace {

using Kind = SctpAssociation::Kind;

constexpr Duration kDelay = Duration::Millis(20);  // One way.
constexpr size_t kControl = 0;
constexpr size_t kPulse = 1;

struct Arrival {
  Timestamp at;
  size_t channel;
  uint8_t first_byte;
};

// Two ends with an ordered channel and an unreliable one, over a link that loses what the test
// says.
class Pair {
 public:
  Pair() {
    for (SctpAssociation& end : ends) REQUIRE(end.AddChannel(Kind::kUnreliable) == kPulse);
  }

  void Send(size_t channel, uint8_t byte, size_t bytes = 50) {
    ends[0].Send(std::vector<uint8_t>(bytes, byte), channel);
    Flush();
  }
  void RunFor(Duration span) {
    const Timestamp end = now + span;
    for (; now < end; now = now + Duration::Millis(1)) {
      for (size_t side = 0; side < 2; ++side) {
        ends[side].AdvanceTime(now);
        while (!flying[side].empty() && flying[side].front().first <= now) {
          ends[1 - side].HandlePacket(std::move(flying[side].front().second), now);
          flying[side].pop_front();
          Flush();
        }
      }
      Flush();
      while (auto message = ends[1].PollMessage()) {
        arrivals.push_back({now, message->channel, message->bytes[0]});
        if (answers) ends[1].Send(std::vector<uint8_t>(50, 9), kPulse);
      }
      Flush();
    }
  }
  std::vector<uint8_t> ArrivedOn(size_t channel) const {
    std::vector<uint8_t> bytes;
    for (const Arrival& arrival : arrivals) {
      if (arrival.channel == channel) bytes.push_back(arrival.first_byte);
    }
    return bytes;
  }

  std::array<SctpAssociation, 2> ends{SctpAssociation(Kind::kOrdered),
                                      SctpAssociation(Kind::kOrdered)};
  Timestamp now = Timestamp::FromMicros(1'000'000);
  std::vector<Arrival> arrivals;
  std::function<bool(const SctpPacket&)> loses = [](const SctpPacket&) { return false; };
  bool answers = false;
  size_t packets_back = 0;

 private:
  void Flush() {
    for (size_t side = 0; side < 2; ++side) {
      while (auto packet = ends[side].PollPacket(now)) {
        packets_back += side;
        if (!loses(*packet)) flying[side].emplace_back(now + kDelay, std::move(*packet));
      }
    }
  }

  std::array<std::deque<std::pair<Timestamp, SctpPacket>>, 2> flying;
};

// Loses the first transmission of this message.
std::function<bool(const SctpPacket&)> LosesOnce(uint8_t byte) {
  return [byte, done = false](const SctpPacket& packet) mutable {
    const bool loses = !done && packet.message && packet.message->bytes[0] == byte;
    done = done || loses;
    return loses;
  };
}

TEST_CASE("SCTP model: a lost message of the reliable channel holds up no message of the other") {
  Pair pair;
  pair.loses = LosesOnce(1);
  pair.Send(kControl, 1);
  pair.Send(kControl, 2);
  pair.Send(kPulse, 3);
  pair.RunFor(Duration::Millis(30));
  CHECK(pair.ArrivedOn(kPulse) == std::vector<uint8_t>{3});
  CHECK(pair.ArrivedOn(kControl).empty());
  pair.RunFor(Duration::Seconds(1));
  CHECK(pair.ArrivedOn(kControl) == std::vector<uint8_t>{1, 2});
}

TEST_CASE("SCTP model: a lost message of the unreliable channel is abandoned after three reports") {
  Pair pair;
  const size_t window = pair.ends[0].window_bytes();
  pair.loses = LosesOnce(1);
  for (uint8_t i = 1; i <= 5; ++i) {
    pair.Send(kPulse, i);
    pair.RunFor(Duration::Millis(10));
  }
  pair.RunFor(Duration::Millis(300));
  CHECK(pair.ArrivedOn(kPulse) == std::vector<uint8_t>{2, 3, 4, 5});
  CHECK(pair.ends[0].abandoned_packets() == 1);
  CHECK(pair.ends[0].retransmitted_packets() == 0);
  // The window shrinks just the same, and the peer has passed the gap.
  CHECK(pair.ends[0].window_bytes() < window);
  CHECK(pair.ends[0].outstanding_bytes() == 0);
  CHECK(pair.ends[0].NextTimeout().IsNever());
}

TEST_CASE("SCTP model: all fragments of an abandoned message are lost with one") {
  Pair pair;
  pair.loses = LosesOnce(1);
  pair.Send(kPulse, 1, 3 * SctpAssociation::kPayload);
  for (uint8_t i = 2; i <= 5; ++i) pair.Send(kPulse, i);
  pair.RunFor(Duration::Seconds(2));
  CHECK(pair.ArrivedOn(kPulse) == std::vector<uint8_t>{2, 3, 4, 5});
  CHECK(pair.ends[0].NextTimeout().IsNever());
}

TEST_CASE("SCTP model: after darkness the next unreliable message crosses at once") {
  Pair pair;
  for (uint8_t i = 0; i < 5; ++i) {
    pair.Send(kPulse, i);
    pair.RunFor(Duration::Millis(100));
  }
  pair.loses = [](const SctpPacket&) { return true; };
  pair.Send(kControl, 100);
  for (uint8_t i = 10; i < 22; ++i) {
    pair.Send(kPulse, i);
    pair.RunFor(Duration::Millis(250));
    CHECK(pair.ends[0].buffered(kPulse) == 0);
  }
  pair.loses = [](const SctpPacket&) { return false; };
  const Timestamp light = pair.now;
  pair.Send(kPulse, 50);
  pair.RunFor(Duration::Seconds(4));
  const auto at = [&pair](uint8_t byte) {
    for (const Arrival& arrival : pair.arrivals) {
      if (arrival.first_byte == byte) return arrival.at;
    }
    return Timestamp::Never();
  };
  CHECK(at(50) <= light + kDelay + Duration::Millis(1));
  CHECK(at(21).IsNever());
  // The reliable one waits for its retransmission timeout.
  CHECK(at(100) > light + Duration::Millis(100));
  CHECK(at(100) < light + Duration::Seconds(4));
}

TEST_CASE("SCTP model: answers carry the acknowledgement of what they answer") {
  Pair pair;
  pair.answers = true;
  for (uint8_t i = 0; i < 50; ++i) {
    pair.Send(kPulse, i);
    pair.RunFor(Duration::Millis(20));
  }
  pair.RunFor(Duration::Millis(500));
  CHECK(pair.arrivals.size() == 50);
  CHECK(pair.packets_back <= 52);
}

TEST_CASE("SCTP model: channels take turns, whole messages each") {
  Pair pair;
  pair.Send(kControl, 1, 5 * SctpAssociation::kPayload);
  pair.Send(kControl, 2, 20 * SctpAssociation::kPayload);
  pair.Send(kPulse, 3);
  pair.RunFor(Duration::Millis(400));
  REQUIRE(pair.arrivals.size() == 3);
  CHECK(pair.arrivals[0].first_byte == 1);
  CHECK(pair.ArrivedOn(kControl) == std::vector<uint8_t>{1, 2});
  CHECK(pair.ends[0].buffered(kControl) == 0);
}

}  // namespace
}  // namespace millrace::testing
