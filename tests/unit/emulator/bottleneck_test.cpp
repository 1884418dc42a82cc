#include "emulator/bottleneck.h"

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <vector>

namespace millrace::emulator {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr size_t kCapacity = 1000;
// At 12 Mbit/s a packet of this size takes exactly 1 ms.
constexpr uint32_t kPacketBytes = 1500;
constexpr int64_t kPacketPerMs = 12'000'000;

// Some moment; nothing depends on which.
const Time kStart = Time(seconds(1000));

Bottleneck MakeLink(const LinkSettings& settings) {
  Bottleneck link(kCapacity, 7);
  link.Begin(kStart);
  link.Set(settings, kStart);
  return link;
}

PacketId Id(uint32_t number) { return static_cast<PacketId>(number); }

struct Arrival {
  uint32_t packet;
  Nanoseconds at;
};

// Everything that arrives until `end`, with the time after kStart, looking each 10 µs.
std::vector<Arrival> Collect(Bottleneck& link, Nanoseconds from, Nanoseconds end) {
  std::vector<Arrival> arrivals;
  for (Nanoseconds at = from; at <= end; at += microseconds(10)) {
    while (const auto packet = link.PollArrived(kStart + at)) {
      arrivals.push_back({static_cast<uint32_t>(*packet), at});
    }
  }
  return arrivals;
}

TEST_CASE("packets leave one after the other at the rate, and arrive after the delay") {
  LinkSettings settings;
  settings.rate_bits_per_s = kPacketPerMs;
  settings.delay = milliseconds(20);
  Bottleneck link = MakeLink(settings);
  for (uint32_t i = 0; i < 5; ++i) CHECK(link.Offer(Id(i), kPacketBytes, kStart));
  const auto arrivals = Collect(link, Nanoseconds(0), milliseconds(40));
  REQUIRE(arrivals.size() == 5);
  for (uint32_t i = 0; i < 5; ++i) {
    CHECK(arrivals[i].packet == i);
    CHECK(arrivals[i].at == milliseconds(21 + i));
  }
  CHECK(link.history().totals().carried_bytes == 5 * kPacketBytes);
  CHECK(link.NextEvent() == Time::max());
}

TEST_CASE("who comes late to look finds the same times") {
  LinkSettings settings;
  settings.rate_bits_per_s = kPacketPerMs;
  Bottleneck link = MakeLink(settings);
  for (uint32_t i = 0; i < 3; ++i) link.Offer(Id(i), kPacketBytes, kStart);
  // The three packets are through; one that comes now starts at once.
  link.Offer(Id(3), kPacketBytes, kStart + milliseconds(10));
  CHECK(Collect(link, milliseconds(10), milliseconds(10)).size() == 3);
  const auto last = Collect(link, milliseconds(10), milliseconds(20));
  REQUIRE(last.size() == 1);
  CHECK(last[0].at == milliseconds(11));
}

TEST_CASE("a full queue drops what comes last, and an idle link takes any packet") {
  LinkSettings settings;
  settings.rate_bits_per_s = kPacketPerMs;
  settings.queue_bytes = 3 * kPacketBytes;
  Bottleneck link = MakeLink(settings);
  for (uint32_t i = 0; i < 3; ++i) CHECK(link.Offer(Id(i), kPacketBytes, kStart));
  CHECK_FALSE(link.Offer(Id(3), kPacketBytes, kStart));
  // One has left by now.
  CHECK(link.Offer(Id(4), kPacketBytes, kStart + milliseconds(1)));
  const auto arrivals = Collect(link, milliseconds(1), milliseconds(10));
  REQUIRE(arrivals.size() == 4);
  CHECK(arrivals.back().packet == 4);
  CHECK(link.history().totals().dropped_by_queue == 1);
  CHECK(link.history().totals().offered_packets == 5);

  settings.queue_bytes = 0;
  link.Set(settings, kStart + milliseconds(10));
  CHECK(link.Offer(Id(5), kPacketBytes, kStart + milliseconds(10)));
  CHECK_FALSE(link.Offer(Id(6), 1, kStart + milliseconds(10)));
}

TEST_CASE("the queue delay is the time before the transmission") {
  LinkSettings settings;
  settings.rate_bits_per_s = kPacketPerMs;
  settings.delay = milliseconds(50);
  Bottleneck link = MakeLink(settings);
  for (uint32_t i = 0; i < 100; ++i) link.Offer(Id(i), kPacketBytes, kStart);
  Collect(link, Nanoseconds(0), milliseconds(200));
  // Ten buckets of 10 ms; the last packet of the n-th waited 10n − 1 ms (the one that leaves right
  // on the border counts to the next bucket).
  CHECK(link.history().QueueDelayQuantile(1) == milliseconds(99));
  CHECK(link.history().QueueDelayQuantile(0) == milliseconds(8));
  CHECK(link.history().QueueDelayQuantile(0.5) == milliseconds(58));
  uint64_t carried_bytes = 0;
  for (const LinkBucket& bucket : link.history().buckets()) carried_bytes += bucket.carried_bytes;
  CHECK(carried_bytes == 100 * kPacketBytes);
}

TEST_CASE("the rate changes in the middle of a packet") {
  LinkSettings settings;
  settings.rate_bits_per_s = kPacketPerMs;
  Bottleneck link = MakeLink(settings);
  link.Offer(Id(0), kPacketBytes, kStart);
  link.Offer(Id(1), kPacketBytes, kStart);
  settings.rate_bits_per_s = kPacketPerMs / 4;
  link.Set(settings, kStart + microseconds(500));
  const auto arrivals = Collect(link, microseconds(500), milliseconds(20));
  REQUIRE(arrivals.size() == 2);
  CHECK(arrivals[0].at == microseconds(2500));
  CHECK(arrivals[1].at == microseconds(6500));

  link.Offer(Id(2), kPacketBytes, kStart + milliseconds(20));
  settings.rate_bits_per_s = 0;
  link.Set(settings, kStart + milliseconds(21));
  CHECK(link.PollArrived(kStart + milliseconds(21)) == Id(2));
}

TEST_CASE("jitter delays within its bounds and does not reorder") {
  LinkSettings settings;
  settings.delay = milliseconds(10);
  settings.jitter = milliseconds(5);
  Bottleneck link = MakeLink(settings);
  std::vector<Arrival> arrivals;
  Nanoseconds least = seconds(1);
  Nanoseconds most = seconds(0);
  for (uint32_t i = 0; i < 500; ++i) {
    // Further apart than the jitter, each is alone; every second one follows at once.
    const Nanoseconds sent = milliseconds(20) * (i / 2);
    CHECK(link.Offer(Id(i), kPacketBytes, kStart + sent));
    if (i % 2 == 0) continue;
    const auto pair = Collect(link, sent, sent + milliseconds(19));
    REQUIRE(pair.size() == 2);
    CHECK(pair[0].packet == i - 1);
    CHECK(pair[1].packet == i);
    for (const Arrival& arrival : pair) {
      least = std::min(least, arrival.at - sent);
      most = std::max(most, arrival.at - sent);
    }
  }
  CHECK(least >= milliseconds(10));
  CHECK(least < milliseconds(11));
  CHECK(most <= milliseconds(15) + microseconds(10));
  CHECK(most > milliseconds(14));
}

TEST_CASE("random loss takes its share, each packet for itself") {
  LinkSettings settings;
  settings.loss = 0.1;
  Bottleneck link = MakeLink(settings);
  constexpr uint32_t kCount = 100'000;
  uint32_t lost = 0;
  uint32_t pairs_lost = 0;
  bool last_lost = false;
  for (uint32_t i = 0; i < kCount; ++i) {
    const Time now = kStart + microseconds(i);
    const bool is_lost = !link.Offer(Id(i), kPacketBytes, now);
    CHECK(link.PollArrived(now).has_value() == !is_lost);
    lost += is_lost ? 1 : 0;
    pairs_lost += is_lost && last_lost ? 1 : 0;
    last_lost = is_lost;
  }
  // Four standard deviations: sqrt(n p (1 − p)) is 95, and 31 for pairs.
  CHECK(lost == Catch::Approx(10'000).margin(380));
  CHECK(pairs_lost == Catch::Approx(1'000).margin(140));
  CHECK(link.history().totals().dropped_by_loss == lost);
}

TEST_CASE("a lost packet takes its time in the bottleneck") {
  LinkSettings settings;
  settings.rate_bits_per_s = kPacketPerMs;
  settings.loss = 1;
  Bottleneck link = MakeLink(settings);
  CHECK_FALSE(link.Offer(Id(0), kPacketBytes, kStart));
  settings.loss = 0;
  link.Set(settings, kStart);
  CHECK(link.Offer(Id(1), kPacketBytes, kStart));
  const auto arrivals = Collect(link, Nanoseconds(0), milliseconds(5));
  REQUIRE(arrivals.size() == 1);
  CHECK(arrivals[0].at == milliseconds(2));
}

TEST_CASE("burst loss: bursts of the mean length 1/leave, and nothing lost between them") {
  LinkSettings settings;
  settings.burst_enter = 0.01;
  settings.burst_leave = 0.25;
  Bottleneck link = MakeLink(settings);
  constexpr uint32_t kCount = 200'000;
  uint32_t lost = 0;
  uint32_t bursts = 0;
  bool last_lost = false;
  for (uint32_t i = 0; i < kCount; ++i) {
    const Time now = kStart + microseconds(i);
    const bool is_lost = !link.Offer(Id(i), kPacketBytes, now);
    link.PollArrived(now);
    bursts += is_lost && !last_lost ? 1 : 0;
    lost += is_lost ? 1 : 0;
    last_lost = is_lost;
  }
  CHECK(static_cast<double>(lost) / bursts == Catch::Approx(4).epsilon(0.1));
  // The share of time in the bad state: enter / (enter + leave).
  CHECK(static_cast<double>(lost) / kCount == Catch::Approx(0.0385).epsilon(0.1));
}

TEST_CASE("a blackout lets nothing in, and what is on its way arrives") {
  LinkSettings settings;
  settings.delay = milliseconds(10);
  Bottleneck link = MakeLink(settings);
  CHECK(link.Offer(Id(0), kPacketBytes, kStart));
  settings.blackout_until = Time::max();
  link.Set(settings, kStart + milliseconds(1));
  CHECK_FALSE(link.Offer(Id(1), kPacketBytes, kStart + milliseconds(2)));
  CHECK(Collect(link, milliseconds(2), milliseconds(30)).size() == 1);
  settings.blackout_until = Time::min();
  link.Set(settings, kStart + milliseconds(30));
  CHECK(link.Offer(Id(2), kPacketBytes, kStart + milliseconds(30)));
  CHECK(link.history().totals().dropped_by_blackout == 1);
}

TEST_CASE("a blackout with an end ends by itself, to the nanosecond") {
  LinkSettings settings;
  settings.blackout_until = kStart + seconds(3);
  Bottleneck link = MakeLink(settings);
  CHECK_FALSE(link.Offer(Id(0), kPacketBytes, kStart));
  CHECK_FALSE(link.Offer(Id(1), kPacketBytes, kStart + seconds(3) - Nanoseconds(1)));
  CHECK(link.Offer(Id(2), kPacketBytes, kStart + seconds(3)));
  CHECK(link.history().totals().dropped_by_blackout == 2);
}

TEST_CASE("a path that gets longer delays what leaves the bottleneck from then on") {
  LinkSettings settings;
  settings.delay = milliseconds(20);
  Bottleneck link = MakeLink(settings);
  link.Offer(Id(0), kPacketBytes, kStart);
  settings.delay = milliseconds(70);
  link.Set(settings, kStart + milliseconds(1));
  link.Offer(Id(1), kPacketBytes, kStart + milliseconds(1));
  const auto arrivals = Collect(link, milliseconds(1), milliseconds(100));
  REQUIRE(arrivals.size() == 2);
  CHECK(arrivals[0].at == milliseconds(20));
  CHECK(arrivals[1].at == milliseconds(71));
}

TEST_CASE("no packet overtakes another one when a path gets shorter, with jitter or without") {
  LinkSettings settings;
  settings.jitter = GENERATE(milliseconds(0), milliseconds(5));
  settings.delay = milliseconds(70);
  Bottleneck link = MakeLink(settings);
  for (uint32_t i = 0; i < 100; ++i) {
    const Nanoseconds sent = milliseconds(1) * i;
    if (i == 50) {
      settings.delay = milliseconds(20);
      link.Set(settings, kStart + sent);
    }
    CHECK(link.Offer(Id(i), kPacketBytes, kStart + sent));
  }
  const auto arrivals = Collect(link, milliseconds(60), milliseconds(200));
  REQUIRE(arrivals.size() == 100);
  for (uint32_t i = 0; i < 100; ++i) CHECK(arrivals[i].packet == i);
  // The first ones after the step arrive together with the last one before it, and the path is as
  // short as it should be once that has arrived.
  CHECK(arrivals[50].at >= arrivals[49].at);
  CHECK(arrivals[50].at <= arrivals[49].at + microseconds(10));
  CHECK(arrivals[99].at <= milliseconds(99 + 20) + settings.jitter + microseconds(10));
}

TEST_CASE("a rate that falls to a tenth and rises again holds for what waits") {
  LinkSettings settings;
  settings.rate_bits_per_s = kPacketPerMs;
  Bottleneck link = MakeLink(settings);
  for (uint32_t i = 0; i < 6; ++i) link.Offer(Id(i), kPacketBytes, kStart);
  auto arrivals = Collect(link, Nanoseconds(0), milliseconds(2));
  settings.rate_bits_per_s = kPacketPerMs / 10;
  link.Set(settings, kStart + milliseconds(2));
  for (const Arrival& arrival : Collect(link, milliseconds(2), milliseconds(22))) {
    arrivals.push_back(arrival);
  }
  settings.rate_bits_per_s = kPacketPerMs;
  link.Set(settings, kStart + milliseconds(22));
  for (const Arrival& arrival : Collect(link, milliseconds(22), milliseconds(40))) {
    arrivals.push_back(arrival);
  }
  REQUIRE(arrivals.size() == 6);
  const std::vector<int> expected_ms = {1, 2, 12, 22, 23, 24};
  for (size_t i = 0; i < 6; ++i) CHECK(arrivals[i].at == milliseconds(expected_ms[i]));
}

TEST_CASE("more packets than there is room for are dropped, not kept") {
  LinkSettings settings;
  settings.delay = seconds(1);
  Bottleneck link = MakeLink(settings);
  uint32_t taken = 0;
  for (uint32_t i = 0; i < 3 * kCapacity; ++i) {
    taken += link.Offer(Id(i), 100, kStart + microseconds(i)) ? 1 : 0;
  }
  // A full wire, and a full queue behind it.
  CHECK(taken == 2 * kCapacity);
  CHECK(link.history().totals().dropped_by_queue == kCapacity);
  CHECK(Collect(link, seconds(1), seconds(3)).size() == 2 * kCapacity);
}

TEST_CASE("the same seed gives the same link") {
  LinkSettings settings;
  settings.loss = 0.5;
  Bottleneck one = MakeLink(settings);
  Bottleneck other = MakeLink(settings);
  for (uint32_t i = 0; i < 200; ++i) {
    CHECK(one.Offer(Id(i), 100, kStart) == other.Offer(Id(i), 100, kStart));
  }
}

TEST_CASE("statistics begin anew, and buckets are bounded") {
  LinkHistory history;
  history.Begin(kStart);
  history.Offered(10);
  history.Dropped(kStart, Drop::kQueue);
  history.Begin(kStart + seconds(1));
  CHECK(history.totals().offered_packets == 0);
  CHECK(history.totals().dropped_by_queue == 0);
  CHECK(history.buckets().empty());
  CHECK(history.QueueDelayQuantile(0.95) == Nanoseconds(0));
  // What happened before counts in the totals only, and so does what comes after the last bucket.
  history.Carried(kStart, 100, Nanoseconds(0));
  history.Carried(kStart + std::chrono::hours(10), 100, Nanoseconds(0));
  CHECK(history.totals().carried_bytes == 200);
  CHECK(history.buckets().empty());
}

}  // namespace
}  // namespace millrace::emulator
