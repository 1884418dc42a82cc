// Pages whose clock moves in steps, as in browsers that hide who somebody is: 16.7 ms in Firefox
// with `privacy.resistFingerprinting`, 100 ms where it is set so.

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <cstdio>
#include <cstdlib>

#include "support/rate_simulation.h"

namespace millrace {
namespace {

using testing::RateFlow;
using testing::RateOptions;
using testing::RateSimulation;
using testing::SharedLinkOptions;

struct Link {
  double mbits;
  int rtt_ms;
  double loss;
  size_t queue_bytes;
};

// What a file of 3 s takes.
Duration TimeOver(const Link& link, std::array<Duration, 2> clock_grain, uint64_t seed) {
  RateOptions options;
  options.link = SharedLinkOptions{Duration::Micros(link.rtt_ms * 500), link.mbits,
                                   link.queue_bytes, link.loss, 1};
  options.session.lanes.least = 4;
  options.clock_grain = clock_grain;
  RateSimulation sim(options, seed);
  RateFlow& flow = sim.AddFlow();
  const Timestamp start = sim.now();
  sim.Send(flow, static_cast<uint64_t>(link.mbits * 1e6 / 8 * 3));
  REQUIRE(sim.RunUntil([&] { return flow.done(); }, Duration::Seconds(60)));
  return sim.now() - start;
}

TEST_CASE("T10: with a clock of coarse steps at either end, a file takes at most twice the time") {
  const std::array<Link, 5> links{{{300, 2, 0, 500'000},
                                   {100, 20, 0, 250'000},
                                   {20, 40, 0, 200'000},
                                   {50, 100, 0.001, 600'000},
                                   {5, 60, 0, 60'000}}};
  const bool print = std::getenv("MILLRACE_RATE_TABLE") != nullptr;
  for (const Link& link : links) {
    const double exact = TimeOver(link, {}, 1).seconds();
    for (const Duration grain : {Duration::Millis(4), Duration::Micros(16'667)}) {
      const std::array<std::array<Duration, 2>, 3> sides{
          {{grain, Duration()}, {Duration(), grain}, {grain, grain}}};
      for (const std::array<Duration, 2>& clock : sides) {
        CAPTURE(link.mbits, link.rtt_ms, clock[0].millis(), clock[1].millis(), exact);
        const double coarse = TimeOver(link, clock, 1).seconds();
        if (print) {
          std::printf("%5.0f Mbit/s %3d ms: steps %5.1f and %5.1f ms: %5.2f s instead of %5.2f s\n",
                      link.mbits, link.rtt_ms, clock[0].millis(), clock[1].millis(), coarse, exact);
        }
        CHECK(coarse <= exact * 2);
      }
    }
  }
}

}  // namespace
}  // namespace millrace
