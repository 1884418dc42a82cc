// Links that change under a transfer, and others on them.

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "support/rate_simulation.h"

namespace millrace {
namespace {

using testing::kPayloadShare;
using testing::RateFlow;
using testing::RateOptions;
using testing::RateSimulation;
using testing::SharedLinkOptions;

// More than any of these tests moves.
constexpr uint64_t kEndless = 10'000'000'000;

// 100 Mbit/s with one bandwidth-delay product of queue.
RateOptions Options(int rtt_ms) {
  RateOptions options;
  const auto queue_bytes = static_cast<size_t>(rtt_ms) * 12'500;
  options.link = SharedLinkOptions{Duration::Micros(rtt_ms * 500), 100, queue_bytes, 0, 1};
  options.session.lanes.least = 4;
  return options;
}

// What arrives of a flow in the next second, over what the link of so many Mbit/s can carry.
double NextSecond(RateSimulation& sim, const RateFlow& flow, double mbits) {
  const uint64_t before = flow.delivered_bytes();
  sim.RunFor(Duration::Seconds(1));
  return static_cast<double>(flow.delivered_bytes() - before) * 8 / 1e6 / mbits / kPayloadShare;
}

TEST_CASE("two transfers on one link share it") {
  const int rtt_ms = GENERATE(20, 100);
  CAPTURE(rtt_ms);
  RateSimulation sim(Options(rtt_ms), 1);
  RateFlow& first = sim.AddFlow();
  RateFlow& second = sim.AddFlow();
  sim.Send(first, kEndless);
  sim.RunFor(Duration::Seconds(3));
  sim.Send(second, kEndless);
  const uint64_t before = first.delivered_bytes();
  sim.RunFor(Duration::Seconds(30));
  const auto one = static_cast<double>(first.delivered_bytes() - before);
  const auto two = static_cast<double>(second.delivered_bytes());
  // It depends on the moment at which the second begins: over nine moments 37 ms apart the smaller
  // share was 0.44 to 0.49 at 20 ms, and 0.32 to 0.43 at 100 ms.
  CHECK(std::min(one, two) / (one + two) > (rtt_ms == 20 ? 0.4 : 0.26));
  CHECK((one + two) * 8 / 30 / 100e6 / kPayloadShare > 0.9);
  CHECK(sim.QueuePercentile(0.95) < Duration::Millis(60));
}

TEST_CASE("a rate that falls to a quarter and comes back is followed within three seconds") {
  const int rtt_ms = GENERATE(20, 50, 100);
  CAPTURE(rtt_ms);
  RateSimulation sim(Options(rtt_ms), 1);
  RateFlow& flow = sim.AddFlow();
  sim.Send(flow, kEndless);
  sim.RunFor(Duration::Seconds(5));
  sim.SetRate(25);
  sim.RunFor(Duration::Seconds(3));
  CHECK(NextSecond(sim, flow, 25) > 0.7);
  CHECK(sim.network().link(0).QueueDelay(sim.now()) < Duration::Millis(60));
  sim.SetRate(100);
  sim.RunFor(Duration::Seconds(3));
  CHECK(NextSecond(sim, flow, 100) > 0.7);
  CHECK(sim.longest_silence() < Duration::Seconds(1));
}

TEST_CASE("after three seconds of darkness a transfer is at full speed within three more") {
  const int rtt_ms = GENERATE(20, 50, 100);
  CAPTURE(rtt_ms);
  RateSimulation sim(Options(rtt_ms), 3);
  RateFlow& flow = sim.AddFlow();
  sim.Send(flow, kEndless);
  sim.RunFor(Duration::Seconds(5));
  sim.Blackout(Duration::Seconds(3));
  sim.RunFor(Duration::Seconds(6));
  CHECK(NextSecond(sim, flow, 100) > 0.8);
  // And stays there.
  for (int second = 0; second < 5; ++second) CHECK(NextSecond(sim, flow, 100) > 0.8);
}

TEST_CASE("lanes that die are replaced, even when all but one do at once") {
  RateSimulation sim(Options(50), 1);
  RateFlow& flow = sim.AddFlow();
  sim.Send(flow, kEndless);
  sim.RunFor(Duration::Seconds(5));
  const std::vector<LaneId> lanes = sim.Lanes(flow);
  for (size_t i = 1; i < lanes.size(); ++i) sim.CloseLane(flow, lanes[i]);
  sim.RunFor(Duration::Seconds(3));
  CHECK_FALSE(flow.closed());
  CHECK(NextSecond(sim, flow, 100) > 0.8);
  CHECK(sim.longest_silence() < Duration::Seconds(1));
}

TEST_CASE("where only one lane ever opens, the transfer goes on with that") {
  RateOptions options = Options(20);
  options.lanes_open = false;
  RateSimulation sim(options, 1);
  RateFlow& flow = sim.AddFlow();
  sim.Send(flow, kEndless);
  sim.RunFor(Duration::Seconds(5));
  CHECK(flow.lanes() == 1);
  CHECK(NextSecond(sim, flow, 100) > 0.8);
  CHECK(sim.longest_silence() < Duration::Seconds(1));
}

TEST_CASE("a user's limit is kept") {
  RateOptions options = Options(20);
  options.session.most_bytes_per_second = 1'000'000;
  RateSimulation sim(options, 1);
  RateFlow& flow = sim.AddFlow();
  sim.Send(flow, kEndless);
  sim.RunFor(Duration::Seconds(10));
  CHECK(flow.delivered_bytes() < 10'100'000);
  CHECK(flow.delivered_bytes() > 9'300'000);
}

TEST_CASE("a user's limit may change at any time") {
  RateSimulation sim(Options(20), 1);
  RateFlow& flow = sim.AddFlow();
  sim.Send(flow, kEndless);
  sim.RunFor(Duration::Seconds(3));
  for (const uint64_t most : {1'000'000u, 4'000'000u, 1u}) {
    CAPTURE(most);
    flow.sender().SetMostBytesPerSecond(most, sim.now());
    sim.RunFor(Duration::Seconds(2));
    const uint64_t before = flow.delivered_bytes();
    sim.RunFor(Duration::Seconds(1));
    const auto arrived = static_cast<double>(flow.delivered_bytes() - before);
    const double limit = std::max(static_cast<double>(most), RateController::kLeastBytesPerSecond);
    CHECK(arrived < 1.05 * limit + static_cast<double>(kLeafBytes));
    CHECK(arrived > 0.9 * limit - static_cast<double>(kLeafBytes));
  }
  // Ten doublings, the first of them each with a ping in 100 ms.
  flow.sender().SetMostBytesPerSecond(0, sim.now());
  sim.RunFor(Duration::Seconds(4));
  CHECK(NextSecond(sim, flow, 100) > 0.8);
}

}  // namespace
}  // namespace millrace
