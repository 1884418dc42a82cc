// Links outside the range of the benchmark, in the model: slow, long, lossy, with tiny or deep
// queues, links that change or go dark, other networks, narrow return paths, rivals and calls.
//
// One line a row with MILLRACE_RATE_TABLE=1; one row alone with `-c NAME`:
//   MILLRACE_RATE_TABLE=1 millrace_sim "[field]" -c dsl-0.5
//
// `share` is of the ceiling, what headers leave of the link (kPayloadShare of its rate), start-up
// and receipt included; `again` the bytes of bulk sent beyond those of the file, over those of the
// file.

#include <algorithm>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "support/call_probe.h"
#include "support/naive_pump.h"
#include "support/percentile.h"
#include "support/rate_simulation.h"
#include "support/tcp_flow.h"

namespace millrace {
namespace {

using testing::CallProbe;
using testing::kPayloadShare;
using testing::LinkPair;
using testing::LinkPlan;
using testing::NaivePump;
using testing::Percentile;
using testing::RateFlow;
using testing::RateOptions;
using testing::RateSimulation;
using testing::RawChannel;
using testing::SharedLinkOptions;
using testing::SourceBursts;
using testing::TcpFlow;
using testing::TcpGrowth;

// More than any of these tests moves.
constexpr uint64_t kEndless = 100'000'000'000;
constexpr Duration kSecond = Duration::Seconds(1);
constexpr uint64_t kSeeds = 3;

SharedLinkOptions Link(double mbits, int rtt_ms, double loss, size_t queue_bytes) {
  return SharedLinkOptions{Duration::Micros(rtt_ms * 500), mbits, queue_bytes, loss};
}

RateOptions Options(const SharedLinkOptions& link) { return testing::AsInBrowsers({link, link}); }

double Mbits(uint64_t bytes, Duration span) {
  return static_cast<double>(bytes) * 8e-6 / span.seconds();
}

double ShareOfCeiling(uint64_t bytes, Duration span, double mbits) {
  return Mbits(bytes, span) / mbits / kPayloadShare;
}

// What the ceiling carries in so many seconds, at least 1 MB.
uint64_t FileBytes(double mbits, double seconds = 15) {
  return std::max<uint64_t>(1'000'000,
                            static_cast<uint64_t>(mbits * kPayloadShare / 8e-6 * seconds));
}

// The bytes that have arrived so far, of a transfer or of a raw channel.
using Counter = std::function<uint64_t()>;

Counter Of(const RateFlow& flow) {
  return [&flow] { return flow.delivered_bytes(); };
}

Counter Of(const RawChannel& pump) {
  return [&pump] { return pump.received_bytes(); };
}

// An endless transfer, or the naive pump in its place.
Counter StartEndless(RateSimulation& sim, bool naive) {
  if (naive) return Of(sim.AddRawChannel());
  RateFlow& flow = sim.AddFlow();
  sim.Send(flow, kEndless);
  return Of(flow);
}

// What arrives in the next `span`.
uint64_t Arrives(RateSimulation& sim, const Counter& counter, Duration span) {
  const uint64_t before = counter();
  sim.RunFor(span);
  return counter() - before;
}

// The time from now until half a second begins in which `mbits` arrive; `limit` if none does.
Duration TimeToReach(RateSimulation& sim, const Counter& counter, double mbits, Duration limit) {
  constexpr Duration kStep = Duration::Millis(50);
  constexpr size_t kSteps = 10;
  std::vector<uint64_t> delivered = {counter()};
  for (size_t step = 0; kStep * static_cast<int64_t>(step) < limit; ++step) {
    while (delivered.size() <= step + kSteps) {
      sim.RunFor(kStep);
      delivered.push_back(counter());
    }
    const uint64_t bytes = delivered[step + kSteps] - delivered[step];
    if (Mbits(bytes, kStep * kSteps) >= mbits) return kStep * static_cast<int64_t>(step);
  }
  return limit;
}

struct Measured {
  double share = 0;
  double again = 0;
  Duration queue_p95;
  Duration silence;
  size_t lanes = 0;
};

[[gnu::format(printf, 1, 2)]] void Say(const char* format, ...) {
  if (std::getenv("MILLRACE_RATE_TABLE") == nullptr) return;
  va_list arguments;
  va_start(arguments, format);
  std::vprintf(format, arguments);
  va_end(arguments);
  std::fflush(stdout);
}

void SayMeasured(const char* name, const Measured& measured, double naive) {
  Say("%-18s share %.3f, naive %.3f, again %5.3f, queue p95 %4.0f ms, silence %5.2f s, lanes %2zu",
      name, measured.share, naive, measured.again, measured.queue_p95.millis(),
      measured.silence.seconds(), measured.lanes);
}

double SentAgain(const RateFlow& flow) {
  return static_cast<double>(flow.sent_bytes()) / static_cast<double>(flow.delivered_bytes()) - 1;
}

Measured MeasureFile(const RateOptions& options, uint64_t bytes, uint64_t seed) {
  RateSimulation sim(options, seed);
  RateFlow& flow = sim.AddFlow();
  const Timestamp start = sim.now();
  sim.Send(flow, bytes);
  sim.RunUntil([&] { return flow.done(); }, Duration::Seconds(300));
  const double share = ShareOfCeiling(flow.delivered_bytes(), sim.now() - start,
                                      options.link.usable_mbits_per_second());
  return {share, SentAgain(flow), sim.QueuePercentile(0.95), sim.longest_silence(),
          flow.most_lanes()};
}

double NaiveShare(const RateOptions& options, uint64_t bytes, uint64_t seed) {
  const LinkPlan plan{options.links(), {}};
  return NaivePump(plan, seed, Duration::Seconds(60), bytes).mbits_per_second /
         options.link.usable_mbits_per_second() / kPayloadShare;
}

// The run with the median share, and the median share of the naive pump.
Measured Median(const char* name, const RateOptions& options, uint64_t bytes) {
  std::vector<Measured> runs;
  std::vector<double> naive;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    runs.push_back(MeasureFile(options, bytes, seed));
    naive.push_back(NaiveShare(options, bytes, seed));
  }
  std::sort(runs.begin(), runs.end(),
            [](const Measured& x, const Measured& y) { return x.share < y.share; });
  SayMeasured(name, runs[kSeeds / 2], Percentile(naive, 0.5));
  return runs[kSeeds / 2];
}

// --- Plain links ---

struct PlainRow {
  const char* name;
  SharedLinkOptions link;
  double least_share;
  double most_again = 10;
  double most_silence_s = 60;
  double most_queue_p95_ms = 10'000;
  uint64_t bytes = 0;  // 0: 15 s at the ceiling.
};

SharedLinkOptions WithJitter(SharedLinkOptions link, int jitter_ms) {
  link.jitter = Duration::Millis(jitter_ms);
  return link;
}

SharedLinkOptions WithPolicer(SharedLinkOptions link, double mbits, size_t burst_bytes) {
  link.policer_mbits_per_second = mbits;
  link.policer_burst_bytes = burst_bytes;
  return link;
}

std::vector<PlainRow> PlainRows() {
  return {
      {"dsl-0.5", Link(0.5, 60, 0.005, 30'000), 0.85, 0.3, 1},
      {"dsl-0.3", Link(0.3, 50, 0, 30'000), 0.85, 0.3, 1},
      {"bufferbloat-1", Link(1, 40, 0, 125'000), 0.90, 10, 60, 150},
      {"long-lossy-2", Link(2, 300, 0.01, 75'000), 0.85, 0.25},
      {"geo-600", Link(20, 600, 0, 1'000'000), 0.60, 10, 60, 10'000, 37'000'000},
      {"geo-600-lossy", Link(20, 600, 0.005, 1'000'000), 0.45, 10, 60, 10'000, 37'000'000},
      {"geo-800", Link(10, 800, 0, 500'000), 0.50, 10, 60, 10'000, 18'000'000},
      {"rtt200", Link(20, 200, 0, 500'000), 0.92},
      {"rtt200-1", Link(20, 200, 0.01, 500'000), 0.80},
      {"rtt100", Link(20, 100, 0, 250'000), 0.95},
      {"rtt100-1", Link(20, 100, 0.01, 250'000), 0.90},
      {"rtt100-3", Link(20, 100, 0.03, 250'000), 0.82},
      {"tiny-queue", Link(10, 40, 0, 10'000), 0.88, 0.25},
      {"rtt50-1", Link(40, 50, 0.01, 250'000), 0.88},
      {"jitter20", WithJitter(Link(20, 40, 0, 250'000), 20), 0.92},
      {"policer", WithPolicer(Link(100, 40, 0, 250'000), 20, 100'000), 0.80, 0.25},
      {"deep-queue", Link(20, 40, 0, 1'000'000), 0.92, 0.1, 1, 60},
      {"fast-400", Link(400, 20, 0, 1'000'000), 0.80},
  };
}

TEST_CASE("slow, long, lossy and tight links are filled", "[.][field]") {
  for (const PlainRow& row : PlainRows()) {
    DYNAMIC_SECTION(row.name) {
      const double mbits = row.link.usable_mbits_per_second();
      const double seconds = mbits > 100 ? 5 : 15;
      const uint64_t bytes = row.bytes > 0 ? row.bytes : FileBytes(mbits, seconds);
      const Measured measured = Median(row.name, Options(row.link), bytes);
      Say(" | target: share %.2f", row.least_share);
      if (row.most_again < 10) Say(", again %.2f", row.most_again);
      if (row.most_silence_s < 60) Say(", silence %.0f s", row.most_silence_s);
      if (row.most_queue_p95_ms < 10'000) Say(", queue p95 %.0f ms", row.most_queue_p95_ms);
      const bool met = measured.share >= row.least_share && measured.again <= row.most_again &&
                       measured.silence.seconds() <= row.most_silence_s &&
                       measured.queue_p95.millis() <= row.most_queue_p95_ms;
      Say("%s\n", met ? "" : " MISSED");
      CHECK(measured.share >= row.least_share);
      CHECK(measured.again <= row.most_again);
      CHECK(measured.silence.seconds() <= row.most_silence_s);
      CHECK(measured.queue_p95.millis() <= row.most_queue_p95_ms);
    }
  }
}

// --- Lanes without retransmission ---

struct UnreliableRow {
  const char* name;
  SharedLinkOptions link;
  double least_share;
  double most_again;
};

TEST_CASE("lanes without retransmission fill a link, and what they lose is sent again", "[field]") {
  const std::vector<UnreliableRow> rows = {
      {"unreliable-20", Link(20, 40, 0, 250'000), 0.9, 0.1},
      {"unreliable-1", Link(20, 50, 0.01, 250'000), 0.7, 0.3},
      {"unreliable-slow", Link(2, 60, 0.005, 60'000), 0.85, 0.1}};
  for (const UnreliableRow& row : rows) {
    DYNAMIC_SECTION(row.name) {
      RateOptions options = Options(row.link);
      options.delivery = Delivery::kUnreliable;
      const Measured measured =
          Median(row.name, options, FileBytes(row.link.usable_mbits_per_second()));
      const bool met = measured.share >= row.least_share && measured.again <= row.most_again;
      Say(" | target: share %.2f, again %.2f%s\n", row.least_share, row.most_again,
          met ? "" : " MISSED");
      CHECK(measured.share >= row.least_share);
      CHECK(measured.again <= row.most_again);
    }
  }
}

// --- Messages on the control lane ---

struct MessageRow {
  const char* name;
  double mbits;
  size_t bytes;  // Of a message; fifty go each second, each way.
};

TEST_CASE("messages on the control lane do not slow a transfer down", "[field]") {
  constexpr MessageRow kRows[] = {{"messages-20", 20, 8'000}, {"messages-2", 2, 500}};
  constexpr Duration kInterval = Duration::Millis(20);
  for (const MessageRow& row : kRows) {
    DYNAMIC_SECTION(row.name) {
      RateSimulation sim(Options(Link(row.mbits, 40, 0, 100'000)), 1);
      RateFlow& flow = sim.AddFlow();
      const std::function<void()> talk = [&] {
        for (const size_t side : {size_t{0}, size_t{1}}) sim.SendMessage(flow, row.bytes, side);
        sim.Schedule(kInterval, talk);
      };
      talk();
      sim.Send(flow, kEndless);
      sim.RunFor(kSecond * 3);
      const Duration span = kSecond * 15;
      const double messages = Mbits(row.bytes, kInterval) / row.mbits / kPayloadShare;
      const double share = ShareOfCeiling(Arrives(sim, Of(flow), span), span, row.mbits);
      const bool met = share >= 0.9 * (1 - messages);
      Say("%-18s share %.3f beside messages that take %.3f, queue p95 %.0f ms, silence %.2f s | "
          "target: 0.90 of what they leave%s\n",
          row.name, share, messages, sim.QueuePercentile(0.95).millis(),
          sim.longest_silence().seconds(), met ? "" : " MISSED");
      CHECK(met);
      CHECK(sim.longest_silence() < kSecond);
    }
  }
}

// --- Narrow and busy return paths ---

struct ReturnRow {
  const char* name;
  double return_mbits;
  size_t return_queue_bytes;
  bool busy;           // A Reno flow fills the return link.
  double least_mbits;  // 0: no less than the naive pump.
};

// The naive pump's share of the ceiling in 15 s.
double NaiveBesideReno(const RateOptions& options, TcpFlow& reno) {
  RateSimulation sim(options, 1);
  sim.Start(reno);
  sim.RunFor(kSecond * 3);
  const RawChannel& pump = sim.AddRawChannel();
  sim.RunFor(kSecond * 15);
  return ShareOfCeiling(pump.received_bytes(), kSecond * 15, options.link.mbits_per_second);
}

TEST_CASE("a narrow or busy return path does not hold a transfer down", "[.][field]") {
  constexpr ReturnRow kRows[] = {{"return-0.3", 0.3, 30'000, false, 12},
                                 {"return-1-busy", 1, 60'000, true, 0},
                                 {"return-5-busy", 5, 125'000, true, 0}};
  constexpr double kMbits = 20;
  for (const ReturnRow& row : kRows) {
    DYNAMIC_SECTION(row.name) {
      RateOptions options = Options(Link(kMbits, 40, 0, 100'000));
      options.return_link = Link(row.return_mbits, 40, 0, row.return_queue_bytes);
      TcpFlow reno(TcpGrowth::kReno, 1);
      TcpFlow reno_beside_naive(TcpGrowth::kReno, 1);
      RateSimulation sim(options, 1);
      RateFlow& flow = sim.AddFlow();
      if (row.busy) {
        sim.Start(reno);
        sim.RunFor(kSecond * 3);
      }
      const Timestamp start = sim.now();
      const uint64_t before = reno.delivered_bytes();
      sim.Send(flow, FileBytes(kMbits));
      sim.RunUntil([&] { return flow.done(); }, Duration::Seconds(120));
      const Duration took = sim.now() - start;
      const double mbits = Mbits(flow.delivered_bytes(), took);
      const double naive = row.busy ? NaiveBesideReno(options, reno_beside_naive)
                                    : NaiveShare(options, FileBytes(kMbits), 1);
      const double least = row.busy ? naive * kMbits * kPayloadShare : row.least_mbits;
      SayMeasured(row.name,
                  {mbits / kMbits / kPayloadShare, SentAgain(flow), sim.QueuePercentile(0.95),
                   sim.longest_silence(), flow.most_lanes()},
                  naive);
      if (row.busy) Say(", rival %.2f Mbit/s", Mbits(reno.delivered_bytes() - before, took));
      Say(" | %.1f Mbit/s, target: %.1f%s\n", mbits, least, mbits >= least ? "" : " MISSED");
      CHECK(mbits >= least);
    }
  }
}

// --- Links that change ---

struct DelayRow {
  const char* name;
  int rtt_ms;
  int longer_ms;
  int64_t second;  // After the step, in which the rate is measured.
};

struct Steps {
  double longer = 0;
  double shorter = 0;
  Duration silence;
  Duration queue_p95;
};

// The rate in that second after the step, over that of the two seconds before it.
double AfterStep(RateSimulation& sim, const Counter& counter, int rtt_ms, int64_t second) {
  const double before = Mbits(Arrives(sim, counter, kSecond * 2), kSecond * 2);
  sim.SetDelay(Duration::Micros(rtt_ms * 500));
  sim.RunFor(kSecond * (second - 1));
  return Mbits(Arrives(sim, counter, kSecond), kSecond) / before;
}

Steps MeasureSteps(const DelayRow& row, bool naive) {
  RateSimulation sim(Options(Link(20, row.rtt_ms, 0, 250'000)), 1);
  const Counter counter = StartEndless(sim, naive);
  sim.RunFor(kSecond * 5);
  Steps steps;
  steps.longer = AfterStep(sim, counter, row.rtt_ms + row.longer_ms, row.second);
  sim.RunFor(kSecond * 15);
  steps.shorter = AfterStep(sim, counter, row.rtt_ms, row.second);
  steps.silence = sim.longest_silence();
  steps.queue_p95 = sim.QueuePercentile(0.95);
  return steps;
}

TEST_CASE("a path that gets longer, and shorter again, keeps its rate", "[.][field]") {
  constexpr DelayRow kRows[] = {{"delay+30", 20, 30, 2}, {"delay+100", 40, 100, 3}};
  for (const DelayRow& row : kRows) {
    DYNAMIC_SECTION(row.name) {
      const Steps ours = MeasureSteps(row, false);
      const Steps naive = MeasureSteps(row, true);
      Say("%-18s longer %.3f, shorter %.3f (naive %.3f, %.3f), silence %.2f s, queue p95 %.0f ms | "
          "target: both 0.70 of the old rate in second %lld%s\n",
          row.name, ours.longer, ours.shorter, naive.longer, naive.shorter, ours.silence.seconds(),
          ours.queue_p95.millis(), static_cast<long long>(row.second),
          std::min(ours.longer, ours.shorter) >= 0.7 ? "" : " MISSED");
      CHECK(ours.longer >= 0.7);
      CHECK(ours.shorter >= 0.7);
    }
  }
}

struct DarkRow {
  const char* name;
  Duration dark;
  double most_s;  // Until the rate is back.
};

// Seconds from the end of the darkness until 0.8 of the old rate is back.
double SecondsToReturn(const DarkRow& row, bool naive, double* silence_s) {
  RateSimulation sim(Options(Link(20, 40, 0, 100'000)), 1);
  const Counter counter = StartEndless(sim, naive);
  sim.RunFor(kSecond * 3);
  const double before = Mbits(Arrives(sim, counter, kSecond * 2), kSecond * 2);
  sim.Blackout(row.dark);
  sim.RunFor(row.dark);
  const double seconds = TimeToReach(sim, counter, 0.8 * before, Duration::Seconds(20)).seconds();
  if (silence_s != nullptr) *silence_s = sim.longest_silence().seconds();
  return seconds;
}

TEST_CASE("after darkness the rate is back at once", "[.][field]") {
  constexpr DarkRow kRows[] = {{"dark-0.5", Duration::Millis(500), 1},
                               {"dark-3", Duration::Seconds(3), 1},
                               {"dark-10", Duration::Seconds(10), 1.5}};
  for (const DarkRow& row : kRows) {
    DYNAMIC_SECTION(row.name) {
      double silence_s = 0;
      const double ours = SecondsToReturn(row, false, &silence_s);
      const double naive = SecondsToReturn(row, true, nullptr);
      Say("%-18s 0.8 of the old rate after %.2f s (naive %.2f s), silence %.2f s | target: %.1f "
          "s%s\n",
          row.name, ours, naive, silence_s, row.most_s, ours <= row.most_s ? "" : " MISSED");
      CHECK(ours <= row.most_s);
    }
  }
}

struct RateRow {
  const char* name;
  double factor;
};

struct Followed {
  double seconds = 0;  // Until 0.7 of the new rate arrive.
  double share = 0;    // Of the new ceiling, in two seconds that begin three seconds later.
  Duration silence;
};

Followed FollowRate(const RateRow& row, bool naive) {
  RateSimulation sim(Options(Link(20, 40, 0, 250'000)), 1);
  const Counter counter = StartEndless(sim, naive);
  sim.RunFor(kSecond * 5);
  sim.SetRate(20 * row.factor);
  const double rate = 20 * row.factor * kPayloadShare;
  Followed followed;
  followed.seconds = TimeToReach(sim, counter, 0.7 * rate, Duration::Seconds(20)).seconds();
  sim.RunFor(kSecond * 3);
  followed.share = Mbits(Arrives(sim, counter, kSecond * 2), kSecond * 2) / rate;
  followed.silence = sim.longest_silence();
  return followed;
}

TEST_CASE("a rate that falls or rises is followed", "[.][field]") {
  constexpr RateRow kRows[] = {{"rate-to-0.1", 0.1}, {"rate-to-0.25", 0.25}, {"rate-to-4", 4}};
  for (const RateRow& row : kRows) {
    DYNAMIC_SECTION(row.name) {
      const Followed ours = FollowRate(row, false);
      const Followed naive = FollowRate(row, true);
      Say("%-18s 0.7 of the new rate after %.2f s (naive %.2f s), then share %.3f (naive %.3f), "
          "silence %.2f s | target: 3.0 s, share 0.80%s\n",
          row.name, ours.seconds, naive.seconds, ours.share, naive.share, ours.silence.seconds(),
          ours.seconds <= 3 && ours.share >= 0.8 ? "" : " MISSED");
      CHECK(ours.seconds <= 3);
      CHECK(ours.share >= 0.8);
    }
  }
}

// --- Another network ---

TEST_CASE("on another network the new rate is reached", "[.][field]") {
  constexpr RateRow kRows[] = {{"network-to-0.1", 0.1}, {"network-to-10", 10}};
  for (const RateRow& row : kRows) {
    DYNAMIC_SECTION(row.name) {
      RateOptions options = Options(Link(20, 40, 0, 100'000));
      options.session.reconnect_timeout = Duration::Seconds(60);
      options.session.lane_timeout = Duration::Seconds(30);
      RateSimulation sim(options, 1);
      RateFlow& flow = sim.AddFlow();
      sim.Send(flow, kEndless);
      sim.RunFor(kSecond * 5);
      const double mbits = 20 * row.factor;
      const auto queue_bytes = static_cast<size_t>(std::max(30'000.0, 100'000 * row.factor));
      const SharedLinkOptions link = Link(mbits, 40, 0, queue_bytes);
      sim.Reconnect(flow, {link, link}, kSecond);
      sim.RunFor(Duration::Millis(10));
      REQUIRE(sim.RunUntil([&] { return flow.connected(); }, Duration::Seconds(30)));
      const double reached =
          TimeToReach(sim, Of(flow), 0.7 * mbits * kPayloadShare, Duration::Seconds(20)).seconds();
      Say("%-18s 0.7 of %.0f Mbit/s %.2f s after the connection, lanes %zu | target: 3.0 s%s\n",
          row.name, mbits, reached, flow.most_lanes(), reached <= 3 ? "" : " MISSED");
      CHECK(reached <= 3);
    }
  }
}

// --- The next transfer of a session ---

struct NextRow {
  const char* name;
  SharedLinkOptions link;
  double factor;       // Of the link's rate, from the pause on.
  double least_share;  // Of the ceiling then, of a file of three seconds.
};

TEST_CASE("the next transfer of a session begins with what the last one learned", "[field]") {
  const std::vector<NextRow> rows = {{"next-40", Link(20, 40, 0, 100'000), 1, 0.8},
                                     {"next-100", Link(20, 100, 0, 250'000), 1, 0.75},
                                     {"next-200", Link(20, 200, 0, 500'000), 1, 0.65},
                                     {"next-slower", Link(20, 40, 0, 100'000), 0.25, 0.7}};
  for (const NextRow& row : rows) {
    DYNAMIC_SECTION(row.name) {
      RateSimulation sim(Options(row.link), 1);
      RateFlow& flow = sim.AddFlow();
      const double mbits = row.link.mbits_per_second;
      const auto measure = [&](double rate) {
        const Timestamp start = sim.now();
        const uint64_t before = flow.delivered_bytes();
        sim.Send(flow, FileBytes(rate, 3));
        sim.RunUntil([&] { return flow.done(); }, Duration::Seconds(60));
        return ShareOfCeiling(flow.delivered_bytes() - before, sim.now() - start, rate);
      };
      const double first = measure(mbits);
      sim.SetRate(mbits * row.factor);
      sim.RunFor(kSecond * 5);
      const uint64_t dropped = sim.network().link(0).dropped_by_queue();
      const double next = measure(mbits * row.factor);
      const uint64_t drops = sim.network().link(0).dropped_by_queue() - dropped;
      const bool met = next >= row.least_share;
      Say("%-18s share of the first %.3f, of the next %.3f, drops of the next %llu, queue p95 %.0f "
          "ms | target: %.2f%s\n",
          row.name, first, next, static_cast<unsigned long long>(drops),
          sim.QueuePercentile(0.95).millis(), row.least_share, met ? "" : " MISSED");
      CHECK(met);
      if (row.factor == 1) CHECK(next >= first);
    }
  }
}

// --- Transfers that share a link ---

struct FairRow {
  const char* name;
  std::vector<int> rtts_ms;
  int64_t late_s = 0;  // The last one joins so much later.
};

std::vector<FairRow> FairRows() {
  return {{"two-20", {20, 20}},           {"two-100", {100, 100}},
          {"two-20-100", {20, 100}},      {"three-20", {20, 20, 20}},
          {"three-100", {100, 100, 100}}, {"three-20-60-100", {20, 60, 100}},
          {"late-20", {20, 20}, 10},      {"late-100", {100, 100}, 10},
          {"late-20-100", {20, 100}, 10}, {"late-100-20", {100, 20}, 10}};
}

TEST_CASE("transfers share a link", "[.][field]") {
  for (const FairRow& row : FairRows()) {
    DYNAMIC_SECTION(row.name) {
      const int least_rtt = *std::min_element(row.rtts_ms.begin(), row.rtts_ms.end());
      RateSimulation sim(Options(Link(20, least_rtt, 0, 250'000)), 1);
      std::vector<RateFlow*> flows;
      for (const int rtt_ms : row.rtts_ms) {
        flows.push_back(&sim.AddFlow(Duration::Micros((rtt_ms - least_rtt) * 500)));
      }
      for (RateFlow* flow : flows) {
        if (flow == flows.back()) sim.RunFor(kSecond * row.late_s);
        sim.Send(*flow, kEndless);
        sim.RunFor(Duration::Millis(137));
      }
      sim.RunFor(kSecond * 5);
      std::vector<uint64_t> before;
      for (const RateFlow* flow : flows) before.push_back(flow->delivered_bytes());
      sim.RunFor(kSecond * 30);
      double sum = 0;
      double least = 1e18;
      std::string shares;
      for (size_t i = 0; i < flows.size(); ++i) {
        const auto bytes = static_cast<double>(flows[i]->delivered_bytes() - before[i]);
        sum += bytes;
        least = std::min(least, bytes);
        shares += std::to_string(std::lround(Mbits(static_cast<uint64_t>(bytes), kSecond * 30) /
                                             20 / kPayloadShare * 1000)) +
                  " ";
      }
      // 0.45 of two; of three as much less.
      const double target = 0.9 / static_cast<double>(flows.size());
      Say("%-18s least share %.3f, of the ceiling in thousandths: %s, queue p95 %.0f ms | target: "
          "%.2f%s\n",
          row.name, least / sum, shares.c_str(), sim.QueuePercentile(0.95).millis(), target,
          least / sum >= target ? "" : " MISSED");
      CHECK(least / sum >= target);
    }
  }
}

// --- Rivals that fill the queue ---

enum class RivalKind { kReno, kCubic, kRaw };

struct RivalRow {
  const char* name;
  RivalKind kind;
  double queue_bdp;
};

// Rival traffic of one of the kinds.
class Rival {
 public:
  Rival(RateSimulation& sim, RivalKind kind) {
    if (kind == RivalKind::kRaw) {
      raw_ = &sim.AddRawChannel();
    } else {
      tcp_ = std::make_unique<TcpFlow>(
          kind == RivalKind::kReno ? TcpGrowth::kReno : TcpGrowth::kCubic, 0);
      sim.Start(*tcp_);
    }
  }
  uint64_t bytes() const {
    return raw_ != nullptr ? raw_->received_bytes() : tcp_->delivered_bytes();
  }

 private:
  std::unique_ptr<TcpFlow> tcp_;
  RawChannel* raw_ = nullptr;
};

// Half of what two of a kind get, in Mbit/s.
double BesideItsOwnKind(const SharedLinkOptions& link, RivalKind kind, Duration span) {
  RateSimulation sim(Options(link), 1);
  const Rival one(sim, kind);
  sim.RunFor(kSecond * 5);
  const Rival other(sim, kind);
  sim.RunFor(kSecond * 10);
  const uint64_t before = one.bytes() + other.bytes();
  sim.RunFor(span);
  return Mbits(one.bytes() + other.bytes() - before, span) / 2;
}

TEST_CASE("beside a flow that fills the queue a transfer gets its share", "[.][field]") {
  constexpr RivalRow kRows[] = {
      {"reno-1bdp", RivalKind::kReno, 1},   {"reno-4bdp", RivalKind::kReno, 4},
      {"reno-10bdp", RivalKind::kReno, 10}, {"cubic-1bdp", RivalKind::kCubic, 1},
      {"cubic-4bdp", RivalKind::kCubic, 4}, {"cubic-10bdp", RivalKind::kCubic, 10},
      {"raw-1bdp", RivalKind::kRaw, 1},     {"raw-4bdp", RivalKind::kRaw, 4},
      {"raw-10bdp", RivalKind::kRaw, 10}};
  constexpr double kMbits = 20;
  constexpr Duration kSpan = Duration::Seconds(60);
  for (const RivalRow& row : kRows) {
    DYNAMIC_SECTION(row.name) {
      // A bandwidth-delay product is 100 kB.
      const SharedLinkOptions link =
          Link(kMbits, 40, 0, static_cast<size_t>(row.queue_bdp * 100'000));
      RateSimulation sim(Options(link), 1);
      RateFlow& flow = sim.AddFlow();
      const Rival rival(sim, row.kind);
      sim.RunFor(kSecond * 5);
      sim.Send(flow, kEndless);
      sim.RunFor(kSecond * 10);
      const uint64_t before = rival.bytes();
      const double share = ShareOfCeiling(Arrives(sim, Of(flow), kSpan), kSpan, kMbits);
      const double kept =
          Mbits(rival.bytes() - before, kSpan) / BesideItsOwnKind(link, row.kind, kSpan);
      Say("%-18s share %.3f, rival keeps %.3f of what it gets beside its own kind, queue p95 %.0f "
          "ms, lanes %zu | target: share 0.35, keeps 0.70%s\n",
          row.name, share, kept, sim.QueuePercentile(0.95).millis(), flow.most_lanes(),
          share >= 0.35 && kept >= 0.7 ? "" : " MISSED");
      CHECK(share >= 0.35);
      CHECK(kept >= 0.7);
    }
  }
}

struct BackgroundRow {
  const char* name;
  double mbits;
  double queue_bdp;
  std::optional<RivalKind> kind;  // None: another transfer.
};

TEST_CASE("in the background a transfer yields to other traffic, and takes what is left",
          "[field]") {
  constexpr BackgroundRow kRows[] = {{"background-reno", 20, 1, RivalKind::kReno},
                                     {"background-reno-deep", 20, 4, RivalKind::kReno},
                                     {"background-cubic", 20, 1, RivalKind::kCubic},
                                     {"background-cubic-deep", 20, 10, RivalKind::kCubic},
                                     {"background-raw", 20, 1, RivalKind::kRaw},
                                     {"background-raw-deep", 20, 10, RivalKind::kRaw},
                                     {"background-slow", 2, 4, RivalKind::kCubic},
                                     {"background-ours", 20, 2, std::nullopt},
                                     {"background-ours-slow", 2, 4, std::nullopt}};
  constexpr Duration kAlone = Duration::Seconds(10);
  constexpr Duration kSpan = Duration::Seconds(30);
  for (const BackgroundRow& row : kRows) {
    DYNAMIC_SECTION(row.name) {
      const auto queue_bytes = static_cast<size_t>(row.queue_bdp * row.mbits * 5'000);
      RateSimulation sim(Options(Link(row.mbits, 40, 0, queue_bytes)), 1);
      RateFlow& flow = sim.AddFlow({}, true);
      sim.Send(flow, kEndless);
      sim.RunFor(kSecond * 5);
      const double alone = ShareOfCeiling(Arrives(sim, Of(flow), kAlone), kAlone, row.mbits);
      std::optional<Rival> rival;
      RateFlow* other = nullptr;
      if (row.kind) {
        rival.emplace(sim, *row.kind);
      } else {
        other = &sim.AddFlow();
        sim.Send(*other, static_cast<uint64_t>(row.mbits * 1e6 / 8 * 40));
      }
      sim.RunFor(kSecond * 10);
      const double share = ShareOfCeiling(Arrives(sim, Of(flow), kSpan), kSpan, row.mbits);
      double after = 1;
      if (other != nullptr) {
        sim.RunUntil([&] { return other->done(); }, kSecond * 60);
        sim.RunFor(kSecond * 5);
        after = ShareOfCeiling(Arrives(sim, Of(flow), kAlone), kAlone, row.mbits);
      }
      const bool met = alone >= 0.9 && share <= 0.1 && after >= 0.9;
      Say("%-18s alone %.3f, share %.3f, after that %.3f, queue p95 %.0f ms | target: alone and "
          "after that 0.90, share at most 0.10%s\n",
          row.name, alone, share, after, sim.QueuePercentile(0.95).millis(), met ? "" : " MISSED");
      CHECK(met);
    }
  }
}

// --- Calls ---

struct CallRow {
  const char* name;
  SharedLinkOptions link;
};

TEST_CASE("a call beside a transfer does not suffer", "[.][field]") {
  const std::vector<CallRow> rows = {{"call-20", Link(20, 40, 0, 250'000)},
                                     {"call-5", Link(5, 40, 0, 125'000)},
                                     {"call-20-lossy", Link(20, 100, 0.01, 250'000)}};
  for (const CallRow& row : rows) {
    DYNAMIC_SECTION(row.name) {
      RateSimulation sim(Options(row.link), 1);
      RateFlow& flow = sim.AddFlow();
      CallProbe call(0, sim.now());
      sim.Start(call);
      sim.RunFor(kSecond * 2);
      call.CountFrom(sim.now());
      const Timestamp start = sim.now();
      sim.Send(flow, FileBytes(row.link.mbits_per_second));
      sim.RunUntil([&] { return flow.done(); }, Duration::Seconds(120));
      const double p95 = call.DelayPercentile(0.95).millis();
      const double lost =
          1 - static_cast<double>(call.arrived()) / static_cast<double>(call.sent());
      Say("%-18s call p95 +%.1f ms, p99 +%.1f ms, worst +%.1f ms, lost %.3f, share %.3f | target: "
          "p95 +25 ms%s\n",
          row.name, p95, call.DelayPercentile(0.99).millis(), call.DelayPercentile(1).millis(),
          lost,
          ShareOfCeiling(flow.delivered_bytes(), sim.now() - start, row.link.mbits_per_second),
          p95 <= 25 ? "" : " MISSED");
      CHECK(p95 <= 25);
    }
  }
}

// --- Both directions, and sources that have less ---

TEST_CASE("transfers in both directions fill both", "[.][field]") {
  DYNAMIC_SECTION("both-ways") {
    RateSimulation sim(Options(Link(20, 40, 0, 250'000)), 1);
    RateFlow& flow = sim.AddFlow();
    RateFlow& other = sim.AddFlow();
    sim.Send(flow, kEndless);
    sim.Send(other, kEndless, 1);
    sim.RunFor(kSecond * 5);
    const uint64_t before = other.delivered_bytes(1);
    const Duration span = kSecond * 15;
    const double there = ShareOfCeiling(Arrives(sim, Of(flow), span), span, 20);
    const double back = ShareOfCeiling(other.delivered_bytes(1) - before, span, 20);
    Say("%-18s shares %.3f and %.3f, queue p95 %.0f ms | target: both 0.90%s\n", "both-ways", there,
        back, sim.QueuePercentile(0.95).millis(), std::min(there, back) >= 0.9 ? "" : " MISSED");
    CHECK(there >= 0.9);
    CHECK(back >= 0.9);
  }
}

TEST_CASE("a source of bursts says nothing about the link", "[.][field]") {
  DYNAMIC_SECTION("bursts") {
    RateSimulation sim(Options(Link(20, 40, 0, 250'000)), 1);
    RateFlow& flow = sim.AddFlow();
    // 4 Mbit/s for ten seconds, then all there is.
    sim.LimitSource(flow, SourceBursts{100'000, Duration::Millis(200)});
    sim.Send(flow, kEndless);
    sim.RunFor(kSecond * 2);
    const double limited = Mbits(Arrives(sim, Of(flow), kSecond * 8), kSecond * 8);
    sim.LimitSource(flow, SourceBursts{kEndless, Duration::Seconds(1)});
    sim.RunFor(kSecond);
    const double then = ShareOfCeiling(Arrives(sim, Of(flow), kSecond * 2), kSecond * 2, 20);
    Say("%-18s %.2f of 4 Mbit/s, then share %.3f in seconds 2 and 3 | target: 3.8, 0.85%s\n",
        "bursts", limited, then, limited >= 3.8 && then >= 0.85 ? "" : " MISSED");
    CHECK(limited >= 3.8);
    CHECK(then >= 0.85);
  }
}

}  // namespace
}  // namespace millrace
