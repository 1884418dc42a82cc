// The controller against a link of plain arithmetic: one queue, one round trip, no losses. What it
// does on real links and over SCTP is in tests/sim.

#include "control/rate_controller.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <cmath>
#include <deque>

#include "support/random.h"

namespace millrace {
namespace {

// A link with an endless queue that a sender fills at the controller's rate.
struct FluidLink {
  double bytes_per_second = 0;
  Duration round_trip;
  RateController controller;
  double queued_bytes = 0;
  double in_flight_bytes = 0;
  Timestamp now = Timestamp::FromMicros(1'000'000);
  double share_sent = 1;  // What the source has, of the rate.
  bool pacing_bound = true;
  Duration most_queue;
  Duration others_queue;  // What other traffic adds to the queue.
  // A wireless link delays each ping by up to so much, and all of them by as much while bulk moves,
  // since it keeps packets in order.
  Duration jitter;
  testing::Random random{1};
  // From then on an event loop is busy for a while.
  Timestamp busy_at = Timestamp::Never();

  std::deque<std::pair<Timestamp, double>> acks;       // When they come, and of how many bytes.
  std::deque<std::pair<Timestamp, PingSample>> pongs;  // When they come.

  void Run(Duration span, int64_t ping_ms = 10) {
    const Timestamp end = now + span;
    for (int64_t step = 0; now < end; ++step, now = now + Duration::Millis(1)) {
      const auto limit = static_cast<double>(controller.in_flight_limit_bytes());
      const double paced = controller.pacing_bytes_per_second() / 1000 * share_sent;
      const double sent = std::clamp(limit - in_flight_bytes, 0.0, paced);
      if (sent > 0) controller.OnSent(static_cast<size_t>(sent), now);
      queued_bytes += sent;
      in_flight_bytes += sent;
      const double leaves = std::min(queued_bytes, bytes_per_second / 1000);
      queued_bytes -= leaves;
      most_queue = std::max(most_queue, Queue());
      acks.emplace_back(now + round_trip, leaves);
      if (step % ping_ms == 0) {
        const Duration queue = Queue() + others_queue + BusyDelay() + JitterDelay();
        pongs.emplace_back(now + round_trip + queue, Sample(queue));
      }
      while (!acks.empty() && acks.front().first <= now) {
        controller.OnDelivered(static_cast<size_t>(acks.front().second), now);
        in_flight_bytes -= acks.front().second;
        acks.pop_front();
      }
      while (!pongs.empty() && pongs.front().first <= now) {
        controller.OnPing(pongs.front().second,
                          {pacing_bound ? 1.0 : 0.0, pacing_bound ? 0.0 : 1.0, 0}, now);
        pongs.pop_front();
      }
    }
  }
  // The peer's clock is a second ahead.
  PingSample Sample(Duration queue) const {
    return {round_trip + queue, round_trip / 2 + queue + Duration::Seconds(1)};
  }
  double Utilisation() const { return controller.delivered_bytes_per_second() / bytes_per_second; }
  Duration JitterDelay() {
    if (jitter == Duration() || in_flight_bytes > 0) return jitter;
    return Duration::Micros(
        static_cast<int64_t>(random.Below(static_cast<uint64_t>(jitter.micros()))));
  }
  // 15 ms for each ping of 20 ms, then less and less.
  Duration BusyDelay() const {
    if (now < busy_at) return Duration();
    const Duration longest = Duration::Millis(15);
    const Duration over = std::max(Duration(), now - busy_at - Duration::Millis(20));
    return std::max(Duration(), longest - over / 3);
  }
  Duration Queue() const {
    return Duration::Micros(static_cast<int64_t>(queued_bytes / bytes_per_second * 1e6));
  }
};

FluidLink Link(double mbits, int64_t rtt_ms) {
  FluidLink link;
  link.bytes_per_second = mbits * 1e6 / 8;
  link.round_trip = Duration::Millis(rtt_ms);
  // Pings go to and fro before there is any bulk.
  link.controller.OnPing(link.Sample(Duration()), {0, 1, 0}, link.now);
  return link;
}

TEST_CASE("every link is filled soon and its queue stays short") {
  const double mbits = GENERATE(10.0, 20.0, 100.0, 1000.0);
  const int64_t rtt_ms = GENERATE(1, 20, 100, 300);
  CAPTURE(mbits, rtt_ms);
  FluidLink link = Link(mbits, rtt_ms);
  link.Run(Duration::Seconds(3) + link.round_trip * 20);
  link.most_queue = Duration();
  link.Run(Duration::Seconds(3));
  CHECK(link.Utilisation() > 0.93);
  // What probing adds is seen a round trip late.
  CHECK(link.most_queue.millis() < 60 + link.round_trip.millis() / 4);
  CHECK(link.controller.queue_delay().min_round_trip() == link.round_trip);
}

TEST_CASE("the start does not pass the link by much") {
  for (const int64_t rtt_ms : {1, 20, 50, 100}) {
    FluidLink link = Link(100, rtt_ms);
    link.Run(Duration::Seconds(3), 5);
    CAPTURE(rtt_ms);
    CHECK(link.most_queue.millis() < 50 + link.round_trip.millis() * 1.2);
  }
}

TEST_CASE("a busy event loop does not end a start while all that is sent arrives") {
  for (const int64_t rtt_ms : {50, 100}) {
    CAPTURE(rtt_ms);
    FluidLink link = Link(100, rtt_ms);
    link.busy_at = link.now + link.round_trip + Duration::Millis(50);
    link.Run(link.round_trip * 2 + Duration::Millis(80), 5);
    CHECK(link.controller.queue_delay().newest_queue() > Duration::Millis(5));
    CHECK(link.controller.phase() == RateController::Phase::kStart);
    link.Run(link.round_trip * 9 + Duration::Millis(300), 5);
    CHECK(link.Utilisation() > 0.9);
  }
}

TEST_CASE("jitter that looks like a queue beside bulk does not hold the rate down") {
  FluidLink link = Link(50, 20);
  link.jitter = GENERATE(Duration::Millis(15), Duration::Millis(20));
  link.share_sent = 0;
  link.Run(Duration::Millis(400));
  link.share_sent = 1;
  link.Run(Duration::Seconds(4));
  CHECK(link.Utilisation() > 0.7);
}

TEST_CASE("a slower link is followed within seconds and a faster one too") {
  FluidLink link = Link(100, 50);
  link.Run(Duration::Seconds(4));
  link.bytes_per_second /= 4;
  link.Run(Duration::Seconds(3));
  CHECK(link.Queue() < Duration::Millis(60));
  CHECK(link.Utilisation() > 0.9);
  link.bytes_per_second *= 4;
  link.Run(Duration::Seconds(3));
  CHECK(link.Utilisation() > 0.9);
}

TEST_CASE("a link counts as full once a start has filled it, also while the rate doubles again") {
  FluidLink link = Link(100, 50);
  CHECK_FALSE(link.controller.was_full());
  link.Run(Duration::Seconds(4));
  REQUIRE_FALSE(link.controller.starting());
  CHECK(link.controller.was_full());
  link.bytes_per_second *= 4;
  bool again = false;
  for (int i = 0; i < 100 && !again; ++i) {
    link.Run(Duration::Millis(20));
    again = link.controller.starting();
  }
  CHECK(again);
  CHECK(link.controller.was_full());
}

TEST_CASE("a source or lanes that limit do not lower the rate") {
  FluidLink link = Link(100, 50);
  link.Run(Duration::Seconds(4));
  const double known = link.controller.bandwidth_bytes_per_second();
  link.share_sent = 0.1;
  link.pacing_bound = false;
  link.Run(Duration::Seconds(20));
  CHECK(link.controller.bandwidth_bytes_per_second() > 0.98 * known);
  CHECK(link.controller.HasRoom(link.now));
}

TEST_CASE("a user's limit is kept") {
  FluidLink link = Link(100, 20);
  link.controller.SetMostBytesPerSecond(1'000'000);
  link.Run(Duration::Seconds(5));
  CHECK(link.controller.pacing_bytes_per_second() == 1'000'000);
  CHECK(std::abs(link.controller.delivered_bytes_per_second() - 1e6) < 2e4);
  link.controller.SetMostBytesPerSecond(0);
  CHECK(link.controller.pacing_bytes_per_second() == RateController::kLeastBytesPerSecond);
}

TEST_CASE("when a user's limit rises, the rate follows at once") {
  FluidLink link = Link(100, 20);
  link.controller.SetMostBytesPerSecond(1'000'000);
  link.Run(Duration::Seconds(30));
  link.controller.SetMostBytesPerSecond(4'000'000);
  link.Run(Duration::Seconds(1));
  CHECK(link.controller.pacing_bytes_per_second() == 4'000'000);
}

TEST_CASE("in the background the rate is a trickle while others have a queue") {
  const double mbits = GENERATE(2.0, 20.0, 100.0);
  const bool background = GENERATE(true, false);
  CAPTURE(mbits, background);
  FluidLink link = Link(mbits, 40);
  link.controller.SetBackground(background);
  link.Run(Duration::Seconds(5));
  CHECK(link.Utilisation() > 0.9);
  CHECK(link.controller.phase() != RateController::Phase::kYield);
  const double bandwidth = link.controller.bandwidth_bytes_per_second();
  link.others_queue = Duration::Millis(150);
  link.Run(Duration::Seconds(4));
  const bool yields = link.controller.phase() == RateController::Phase::kYield;
  CHECK(yields == background);
  CHECK((link.controller.pacing_bytes_per_second() < 0.1 * bandwidth) == background);
  link.others_queue = Duration();
  link.Run(Duration::Seconds(5));
  CHECK(link.controller.phase() != RateController::Phase::kYield);
  CHECK(link.Utilisation() > 0.9);
}

TEST_CASE("a link that carries nothing any more leaves a bandwidth that one can count with") {
  FluidLink link = Link(20, 40);
  // Pings as far apart as the path is long, so that each takes what arrives as it is.
  link.Run(Duration::Seconds(60), 250);
  while (link.controller.phase() != RateController::Phase::kHold)
    link.Run(Duration::Millis(250), 250);
  for (int i = 0; i < 20; ++i) {
    link.now = link.now + Duration::Seconds(1);
    link.controller.OnDelivered(0, link.now);
    link.controller.OnPing(link.Sample(Duration::Millis(200)), {1, 0, 1'000'000}, link.now);
    REQUIRE(link.controller.bandwidth_bytes_per_second() >= RateController::kLeastBytesPerSecond);
    REQUIRE(link.controller.pacing_bytes_per_second() >= RateController::kLeastBytesPerSecond);
  }
}

TEST_CASE("no input brings rate or limits out of bounds") {
  testing::Random random(3);
  for (int run = 0; run < 50; ++run) {
    RateController controller;
    Timestamp now;
    for (int i = 0; i < 2000; ++i) {
      const auto jump = static_cast<int64_t>(random.Below(1000) == 0 ? uint64_t{1} << 40 : 20'000);
      now = now + Duration::Micros(static_cast<int64_t>(random.Below(20'000)) % jump);
      const int64_t trips[] = {0, 1, -5, 1000, 100'000, INT64_MAX / 8};
      if (random.Chance(0.5)) {
        const Duration round_trip = Duration::Micros(trips[random.Below(6)]);
        const Duration one_way = Duration::Micros(trips[random.Below(6)]);
        controller.OnPing({round_trip, one_way},
                          {random.Chance(0.5) ? 1.0 : 0.0, random.Chance(0.5) ? 1.0 : 0.0,
                           static_cast<size_t>(random.Below(1 << 30))},
                          now);
      }
      const auto late = Duration::Micros(static_cast<int64_t>(random.Below(600'000)));
      controller.OnDelivered(random.Below(1 << 24), now + (Duration() - late));
      const double rate = controller.pacing_bytes_per_second();
      REQUIRE(std::isfinite(rate));
      REQUIRE(rate >= RateController::kLeastBytesPerSecond);
      REQUIRE(rate <= RateController::kMostBytesPerSecond);
      REQUIRE(controller.in_flight_limit_bytes() > 0);
    }
  }
}

TEST_CASE("what may be in flight stays finite however long a round trip is") {
  const Duration round_trip =
      GENERATE(Duration::Seconds(3600), Duration::Seconds(1'000'000'000'000));
  RateController controller;
  controller.OnPing({round_trip, round_trip}, {1, 0, 0}, Timestamp::FromMicros(0) + round_trip);
  CHECK(controller.in_flight_limit_bytes() > 0);
  CHECK(controller.in_flight_limit_bytes() < size_t{1} << 31);
}

}  // namespace
}  // namespace millrace
