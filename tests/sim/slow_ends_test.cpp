// Ends that are slower than the link between them.

#include <catch2/catch_test_macros.hpp>
#include <optional>

#include "support/rate_simulation.h"

namespace millrace {
namespace {

using testing::RateFlow;
using testing::RateOptions;
using testing::RateSimulation;
using testing::SharedLinkOptions;
using testing::SourceBursts;

// Two browsers on one machine, whose event loops are busy now and then.
RateOptions OneMachine() {
  RateOptions options;
  options.link = SharedLinkOptions{Duration::Micros(100), 400, 1'000'000, 0, 1};
  options.longest_stall = Duration::Millis(25);
  return options;
}

// A file of so many bytes crosses within `limit`. Answers the share of the time that its sender
// waited for `waiting`.
double WaitsFor(Waiting waiting, const RateOptions& options, uint64_t seed, uint64_t bytes,
                Duration limit, std::optional<SourceBursts> source = std::nullopt) {
  RateSimulation sim(options, seed);
  RateFlow& flow = sim.AddFlow();
  if (source) sim.LimitSource(flow, *source);
  sim.Send(flow, bytes);
  REQUIRE(sim.RunUntil([&] { return flow.done(); }, limit));
  const auto shares = flow.sender().waiting(sim.now());
  REQUIRE(shares);
  return (*shares)[static_cast<size_t>(waiting)];
}

TEST_CASE("a sender of a slow source waits for nothing else") {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    CAPTURE(seed);
    CHECK(WaitsFor(Waiting::kSource, OneMachine(), seed, 3'000'000, Duration::Seconds(10),
                   SourceBursts{50'000, Duration::Millis(50)}) > 0.65);
  }
}

TEST_CASE("a sender to a slow sink waits for little else") {
  RateOptions options = OneMachine();
  options.sink_bytes_per_second = 2'500'000;
  options.session.lanes = {1, 1};
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    CAPTURE(seed);
    CHECK(WaitsFor(Waiting::kSink, options, seed, 9'000'000, Duration::Seconds(20)) > 0.6);
  }
}

TEST_CASE("a slow processor gets long records") {
  RateOptions options = OneMachine();
  options.sealing = Duration::Millis(25);
  options.session.lanes = {1, 1};
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    CAPTURE(seed);
    // 122 records of 16 KiB take 3 s.
    CHECK(WaitsFor(Waiting::kSeal, options, seed, 2'000'000, Duration::Seconds(8)) > 0.5);
  }
}

}  // namespace
}  // namespace millrace
