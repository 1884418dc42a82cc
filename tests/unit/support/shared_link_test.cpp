#include "support/shared_link.h"

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <vector>

namespace millrace::testing {
namespace {

// At 12 Mbit/s a packet of this size takes exactly 1 ms.
constexpr size_t kPacketBytes = 1500;
constexpr double kPacketPerMs = 12;

const Timestamp kStart = Timestamp::FromMicros(5'000'000);

Timestamp At(int64_t millis) { return kStart + Duration::Millis(millis); }

CrossPacket Packet(uint64_t number, size_t bytes = kPacketBytes) {
  CrossPacket packet;
  packet.number = number;
  packet.wire_bytes = bytes;
  return packet;
}

SharedLinkOptions Options() {
  SharedLinkOptions options;
  options.mbits_per_second = kPacketPerMs;
  return options;
}

struct Seen {
  uint64_t number;
  double millis;  // Since kStart.
};

// Everything that arrives by `end`.
std::vector<Seen> Collect(SharedLink& link, Timestamp end) {
  std::vector<Seen> seen;
  while (link.NextArrival() <= end) {
    const Timestamp now = link.NextArrival();
    while (const auto arrival = link.PollArrival(now)) {
      const auto& packet = std::get<CrossPacket>(arrival->packet);
      seen.push_back({packet.number, (now - kStart).millis()});
    }
  }
  return seen;
}

TEST_CASE("a modelled link sends packets one after the other, and they arrive after the delay") {
  SharedLink link(Options(), 1);
  for (uint64_t i = 0; i < 5; ++i) link.Send(7, Packet(i), kStart);
  CHECK(link.QueueDelay(kStart) == Duration::Millis(5));
  const std::vector<Seen> seen = Collect(link, At(100));
  REQUIRE(seen.size() == 5);
  for (uint64_t i = 0; i < 5; ++i) {
    CHECK(seen[i].number == i);
    CHECK(seen[i].millis == Catch::Approx(11.0 + static_cast<double>(i)));
  }
  CHECK(link.NextArrival().IsNever());
}

TEST_CASE("fractions of microseconds add up: a link of 400 Mbit/s carries 400 Mbit/s") {
  SharedLinkOptions options = Options();
  options.mbits_per_second = 400;
  options.queue_bytes = 100'000'000;
  SharedLink link(options, 1);
  // 40,000 packets of 1253 bytes take 1.0024 s.
  for (uint64_t i = 0; i < 40'000; ++i) link.Send(0, Packet(i, 1253), kStart);
  CHECK(link.QueueDelay(kStart).seconds() == Catch::Approx(1.0024).epsilon(1e-6));
}

TEST_CASE("a full queue drops the packet that comes last, and an idle link takes any packet") {
  SharedLinkOptions options = Options();
  options.queue_bytes = 3 * kPacketBytes;
  SharedLink link(options, 1);
  for (uint64_t i = 0; i < 4; ++i) link.Send(0, Packet(i), kStart);
  CHECK(link.dropped_by_queue() == 1);
  // One has left by now.
  link.Send(0, Packet(4), At(1));
  CHECK(link.dropped_by_queue() == 1);
  CHECK(Collect(link, At(100)).size() == 4);
  link.Send(0, Packet(5, 9000), At(100));
  CHECK(link.dropped_by_queue() == 1);
}

TEST_CASE("a longer delay holds for packets that leave the bottleneck after the step") {
  SharedLink link(Options(), 1);
  link.Send(0, Packet(0), kStart);
  link.Send(0, Packet(1), kStart);
  link.SetDelay(Duration::Millis(50), At(1));
  const std::vector<Seen> seen = Collect(link, At(200));
  REQUIRE(seen.size() == 2);
  CHECK(seen[0].millis == Catch::Approx(11));
  CHECK(seen[1].millis == Catch::Approx(52));
}

TEST_CASE("after a step to a shorter delay packets do not overtake those before") {
  SharedLinkOptions options = Options();
  options.delay = Duration::Millis(100);
  SharedLink link(options, 1);
  link.Send(0, Packet(0), kStart);
  link.SetDelay(Duration::Millis(10), At(2));
  link.Send(0, Packet(1), At(2));
  link.Send(0, Packet(2), At(120));
  const std::vector<Seen> seen = Collect(link, At(300));
  REQUIRE(seen.size() == 3);
  CHECK(seen[0].number == 0);
  CHECK(seen[0].millis == Catch::Approx(101));
  CHECK(seen[1].number == 1);
  CHECK(seen[1].millis == Catch::Approx(101));
  CHECK(seen[2].millis == Catch::Approx(131));
}

TEST_CASE("jitter of a modelled link stays within its bounds and does not reorder") {
  SharedLinkOptions options = Options();
  options.jitter = Duration::Millis(5);
  SharedLink link(options, 1);
  double least = 1e9;
  double most = 0;
  for (uint64_t i = 0; i < 400; i += 2) {
    const auto sent = static_cast<int64_t>(i) * 20;
    link.Send(0, Packet(i), At(sent));
    link.Send(0, Packet(i + 1), At(sent));
    const std::vector<Seen> pair = Collect(link, At(sent + 39));
    REQUIRE(pair.size() == 2);
    CHECK(pair[0].number == i);
    CHECK(pair[0].millis <= pair[1].millis);
    least = std::min(least, pair[0].millis - static_cast<double>(sent));
    most = std::max(most, pair[0].millis - static_cast<double>(sent));
  }
  CHECK(least >= 11);
  CHECK(least < 11.2);
  CHECK(most <= 16);
  CHECK(most > 15.8);
}

TEST_CASE("the rate of a modelled link changes in the middle of a packet") {
  SharedLink link(Options(), 1);
  link.Send(0, Packet(0), kStart);
  link.Send(0, Packet(1), kStart);
  link.SetRate(kPacketPerMs / 4, kStart + Duration::Micros(500));
  const std::vector<Seen> seen = Collect(link, At(100));
  REQUIRE(seen.size() == 2);
  CHECK(seen[0].millis == Catch::Approx(12.5));
  CHECK(seen[1].millis == Catch::Approx(16.5));
}

TEST_CASE("a lost packet takes its time in the modelled bottleneck") {
  SharedLinkOptions options = Options();
  options.loss = 1;
  SharedLink link(options, 1);
  link.Send(0, Packet(0), kStart);
  link.SetLoss(0);
  link.Send(0, Packet(1), kStart);
  const std::vector<Seen> seen = Collect(link, At(100));
  REQUIRE(seen.size() == 1);
  CHECK(seen[0].millis == Catch::Approx(12));
}

TEST_CASE("random loss takes its share, and bursts have their mean length") {
  SharedLinkOptions options = Options();
  options.loss = 0.02;
  options.burst_packets = 4;
  SharedLink link(options, 1);
  constexpr uint64_t kCount = 200'000;
  std::vector<bool> arrived(kCount);
  for (uint64_t i = 0; i < kCount; ++i) {
    link.Send(0, Packet(i), At(static_cast<int64_t>(i)));
    for (const Seen& seen : Collect(link, At(static_cast<int64_t>(i)))) arrived[seen.number] = true;
  }
  for (const Seen& seen : Collect(link, Timestamp::FromMicros(1'000'000'000))) {
    arrived[seen.number] = true;
  }
  uint64_t lost = 0;
  uint64_t bursts = 0;
  for (uint64_t i = 0; i < kCount; ++i) {
    lost += arrived[i] ? 0 : 1;
    bursts += !arrived[i] && (i == 0 || arrived[i - 1]) ? 1 : 0;
  }
  CHECK(static_cast<double>(lost) / kCount == Catch::Approx(0.02).epsilon(0.1));
  CHECK(static_cast<double>(lost) / static_cast<double>(bursts) == Catch::Approx(4).epsilon(0.1));
}

TEST_CASE("a policer drops the packets above its rate and delays none") {
  SharedLinkOptions options = Options();
  options.mbits_per_second = 1200;
  options.policer_mbits_per_second = kPacketPerMs;
  options.policer_burst_bytes = 10 * kPacketBytes;
  SharedLink link(options, 1);
  CHECK(options.usable_mbits_per_second() == kPacketPerMs);
  // Three packets a millisecond, where one is allowed.
  for (uint64_t i = 0; i < 3000; ++i) {
    link.Send(0, Packet(i), At(static_cast<int64_t>(i / 3)));
  }
  const size_t arrived = Collect(link, At(5000)).size();
  CHECK(arrived >= 1005);
  CHECK(arrived <= 1010);
  CHECK(link.dropped_by_policer() == 3000 - arrived);
  CHECK(link.dropped_by_queue() == 0);
}

TEST_CASE("in the dark nothing gets in, and packets on their way arrive") {
  SharedLink link(Options(), 1);
  link.Send(0, Packet(0), kStart);
  link.Blackout(At(50));
  link.Send(0, Packet(1), At(49));
  link.Send(0, Packet(2), At(50));
  const std::vector<Seen> seen = Collect(link, At(100));
  REQUIRE(seen.size() == 2);
  CHECK(seen[0].number == 0);
  CHECK(seen[1].number == 2);
}

}  // namespace
}  // namespace millrace::testing
