// Rate control, lanes and scheduler on links of many kinds, in virtual time over modelled SCTP: how
// much of the link a file gets, start-up and receipt included, and what it costs others on it.
//
// Of each packet of 1256 bytes on the wire 1160 are the file's, so 0.92 of a link is all there is.
//
// MILLRACE_RATE_TABLE=1 prints what was measured, next to the naive pump; the case [link]
// how one link fares in time: MILLRACE_RATE_LINK=MBITS:RTT_MS:LOSS:QUEUE_BYTES[:STALL_MS].

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "support/naive_pump.h"
#include "support/rate_simulation.h"

namespace millrace {
namespace {

using testing::NaivePump;
using testing::RateFlow;
using testing::RateOptions;
using testing::RateSimulation;
using testing::SharedLinkOptions;

constexpr uint64_t kFileBytes = 60'000'000;

struct Measured {
  double utilisation = 0;
  Duration queue_p95;
  Duration silence;
  double sent_again = 0;  // Bytes sent more than once, over those of the file.
  size_t lanes = 0;
};

// Runs that ask for many seeds (scripts/test.sh sim --seeds 10000) take more of everything.
bool Thorough() {
  const char* seeds = std::getenv("MILLRACE_SIM_SEEDS");
  return seeds != nullptr && std::atoi(seeds) >= 10'000;
}

RateOptions Options(double mbits, int rtt_ms, double loss, size_t queue_bytes) {
  RateOptions options;
  options.link = SharedLinkOptions{Duration::Micros(rtt_ms * 500), mbits, queue_bytes, loss, 1};
  // Opened along with the connection, as in the browser.
  options.session.lanes.least = 4;
  return options;
}

// One line about the next 50 ms.
void Trace(RateSimulation& sim, const RateFlow& flow, Timestamp start) {
  const uint64_t before = flow.delivered_bytes();
  sim.RunFor(Duration::Millis(50));
  const double mbits = static_cast<double>(flow.delivered_bytes() - before) * 8 / 50e3;
  const FlowControl& control = flow.sender().flow();
  std::printf(
      "%5.0f ms: %5.1f Mbit/s arrive, pacing %5.1f, bandwidth %5.1f; queue %4.1f ms, seen %4.1f; "
      "%zu lanes, limited by rate %.2f, lanes %.2f; dropped %llu\n",
      (sim.now() - start).millis(), mbits, control.rate().pacing_bytes_per_second() * 8e-6,
      control.rate().bandwidth_bytes_per_second() * 8e-6,
      sim.network().link(0).QueueDelay(sim.now()).millis(),
      control.rate().queue_delay().queue().millis(), flow.lanes(),
      control.limits().Of(SendLimit::kRate), control.limits().Of(SendLimit::kLanes),
      static_cast<unsigned long long>(sim.network().link(0).dropped_by_queue()));
}

Measured Measure(const RateOptions& options, uint64_t bytes, uint64_t seed, int traced_steps = 0) {
  RateSimulation sim(options, seed);
  RateFlow& flow = sim.AddFlow();
  const Timestamp start = sim.now();
  sim.Send(flow, bytes);
  for (int step = 0; step < traced_steps && !flow.done(); ++step) Trace(sim, flow, start);
  REQUIRE(sim.RunUntil([&] { return flow.done(); }, Duration::Seconds(300)));
  const double mbits = static_cast<double>(bytes) * 8 / 1e6 / (sim.now() - start).seconds();
  return {mbits / options.link.mbits_per_second, sim.QueuePercentile(0.95), sim.longest_silence(),
          static_cast<double>(flow.sent_bytes()) / static_cast<double>(bytes) - 1,
          flow.most_lanes()};
}

void Print(const char* name, const RateOptions& options, const Measured& measured) {
  if (std::getenv("MILLRACE_RATE_TABLE") == nullptr) return;
  const double naive = NaivePump(options.link, 1, Duration::Seconds(20)).mbits_per_second;
  std::printf(
      "%-12s util %.3f (naive %.3f) queue p95 %4.1f ms, silence %.2f s, again %.3f, %zu lanes\n",
      name, measured.utilisation, naive / options.link.mbits_per_second,
      measured.queue_p95.millis(), measured.silence.seconds(), measured.sent_again, measured.lanes);
}

struct NamedLink {
  const char* name;
  double mbits;
  int rtt_ms;
  double loss;
  size_t queue_bytes;
  double least_utilisation;
};

TEST_CASE("the links of the benchmark are filled, with short queues and without silences") {
  constexpr NamedLink kLinks[] = {
      {"wan20", 100, 20, 0, 250'000, 0.83},
      {"wan50-0.1", 100, 50, 0.001, 625'000, 0.76},
      {"wan100", 100, 100, 0, 625'000, 0.73},
      // Sixteen windows that random loss holds at twelve packets: 16 x 12 x 1160 B in 50 ms are
      // 0.36 (Mathis et al. 1997); more lanes carry more, see below.
      {"wan50-1", 100, 50, 0.01, 625'000, 0.27},
      {"mobile", 20, 80, 0.005, 200'000, 0.80},
      {"gbit-ish", 180, 4, 0, 200'000, 0.82},
      {"shallow", 50, 40, 0, 50'000, 0.77},
      {"deep", 20, 40, 0, 2'000'000, 0.85},
  };
  for (const NamedLink& link : kLinks) {
    const RateOptions options = Options(link.mbits, link.rtt_ms, link.loss, link.queue_bytes);
    for (uint64_t seed = 1; seed <= (Thorough() ? 2 : 1); ++seed) {
      CAPTURE(link.name, seed);
      const Measured measured = Measure(options, kFileBytes, seed);
      Print(link.name, options, measured);
      CHECK(measured.utilisation > link.least_utilisation);
      CHECK(measured.queue_p95 < Duration::Millis(60));
      CHECK(measured.silence < Duration::Seconds(1));
      CHECK(measured.sent_again < 0.05);
    }
  }
}

TEST_CASE("a link of one's own, in time", "[.][link]") {
  const char* link = std::getenv("MILLRACE_RATE_LINK");
  double mbits = 100;
  double loss = 0;
  int rtt_ms = 20;
  int stall_ms = 0;
  unsigned long queue_bytes = 250'000;
  REQUIRE(link != nullptr);
  REQUIRE(std::sscanf(link, "%lf:%d:%lf:%lu:%d", &mbits, &rtt_ms, &loss, &queue_bytes, &stall_ms) >=
          4);
  RateOptions options = Options(mbits, rtt_ms, loss, queue_bytes);
  options.longest_stall = Duration::Millis(stall_ms);
  Measure(options, kFileBytes, 1, 200);
}

TEST_CASE("more lanes carry more where random loss is what limits") {
  RateOptions options = Options(100, 50, 0.01, 625'000);
  options.session.lanes.most = 32;
  const Measured measured = Measure(options, kFileBytes, 1);
  Print("wan50-1, 32", options, measured);
  CHECK(measured.utilisation > 0.5);
  CHECK(measured.lanes == 32);
}

TEST_CASE("busy event loops are not taken for a full link") {
  // Two browsers on two cores: no link, and what the sockets hold is long.
  RateOptions options = Options(85, 1, 0, 4'000'000);
  options.session.lanes.least = 1;
  options.longest_stall = Duration::Millis(40);
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    CAPTURE(seed);
    const Measured measured = Measure(options, kFileBytes, seed);
    Print("busy", options, measured);
    CHECK(measured.utilisation > 0.75);
    CHECK(measured.lanes <= 8);
  }
}

TEST_CASE("busy event loops do not hold a long link down") {
  for (const int rtt_ms : {20, 100}) {
    RateOptions options = Options(100, rtt_ms, 0, 625'000);
    options.longest_stall = Duration::Millis(25);
    options.stall_interval = Duration::Millis(30);
    CAPTURE(rtt_ms);
    const Measured measured = Measure(options, kFileBytes, 1);
    Print(("busy " + std::to_string(rtt_ms)).c_str(), options, measured);
    CHECK(measured.utilisation > 0.65);
  }
}

TEST_CASE("losses in bursts cost no more than as many apart") {
  RateOptions options = Options(100, 50, 0.001, 625'000);
  options.link.burst_packets = 8;
  std::vector<double> utilisations;
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    CAPTURE(seed);
    const Measured measured = Measure(options, kFileBytes, seed);
    Print("bursts", options, measured);
    utilisations.push_back(measured.utilisation);
    CHECK(measured.silence < Duration::Seconds(1));
  }
  std::sort(utilisations.begin(), utilisations.end());
  CHECK(utilisations[1] > 0.73);
}

TEST_CASE("links around and between them are filled as well as SCTP allows") {
  for (const int rtt_ms : {1, 60, 300}) {
    for (const double mbits : {10.0, 200.0}) {
      // A second of those costs as much as twenty of the others.
      if (mbits > 100 && !Thorough()) continue;
      for (const double loss : {0.0, 0.001}) {
        for (const double queue_ms : {15.0, 400.0}) {
          const auto queue_bytes = static_cast<size_t>(mbits * 1e6 / 8 * queue_ms / 1e3);
          RateOptions options = Options(mbits, rtt_ms, loss, queue_bytes);
          const auto bytes = static_cast<uint64_t>(mbits * 1e6 / 8 * 12);
          CAPTURE(rtt_ms, mbits, loss, queue_ms);
          const Measured measured = Measure(options, bytes, 1);
          Print((std::to_string(rtt_ms) + " ms").c_str(), options, measured);
          // What windows of sixteen lanes allow at this loss (Mathis et al. 1997), and a start of
          // some ten round trips out of twelve seconds.
          const double windows =
              16 * 1160 * 8 * 1.22 / std::sqrt(std::max(loss, 1e-6)) / (rtt_ms * 1e3) / mbits;
          const double start = 1 - rtt_ms / 1e3;
          // A start passes the link's rate for about a round trip; where the queue is much shorter
          // than that it overflows, and windows regain one packet in a round trip.
          const double overflow = queue_ms < rtt_ms / 4.0 ? 0.6 : 1;
          CHECK(measured.utilisation > 0.6 * std::min(0.92, windows) * start * overflow);
          CHECK(measured.queue_p95 < std::max(Duration::Millis(75), options.link.delay));
          CHECK(measured.silence < Duration::Seconds(1));
        }
      }
    }
  }
}

}  // namespace
}  // namespace millrace
