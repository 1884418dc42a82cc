#include "population/measure.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <sstream>

#include "support/naive_pump.h"
#include "support/rate_simulation.h"

namespace millrace::population {
namespace {

using testing::kPayloadShare;
using testing::NaivePump;
using testing::PumpResult;
using testing::RateFlow;
using testing::RateOptions;
using testing::RateSimulation;
using testing::SharedLinkOptions;

constexpr Duration kMostTime = Duration::Seconds(300);
constexpr Duration kTraceStep = Duration::Millis(100);

double ShareOfCeiling(const testing::LinkPlan& plan, double bytes, Duration took) {
  return bytes * 8e-6 / testing::CapacityMegabits(plan, took) / kPayloadShare;
}

void PrintTrace(RateSimulation& sim, const RateFlow& flow, Timestamp start, uint64_t before) {
  const FlowControl& control = flow.sender().flow();
  std::fprintf(stderr,
               "%6.1f s: arrive %6.2f, pacing %6.2f, bandwidth %6.2f Mbit/s; queue %6.1f ms, seen "
               "%6.1f; lanes %2zu, sent again %.3f, dropped %llu\n",
               (sim.now() - start).seconds(),
               static_cast<double>(flow.delivered_bytes() - before) * 8e-6 / kTraceStep.seconds(),
               control.rate().pacing_bytes_per_second() * 8e-6,
               control.rate().bandwidth_bytes_per_second() * 8e-6,
               sim.network().link(0).QueueDelay(sim.now()).millis(),
               control.rate().queue_delay().queue().millis(), flow.lanes(),
               flow.delivered_bytes() == 0 ? 0
                                           : static_cast<double>(flow.sent_bytes()) /
                                                     static_cast<double>(flow.delivered_bytes()) -
                                                 1,
               static_cast<unsigned long long>(sim.network().link(0).dropped_by_queue()));
}

bool Run(RateSimulation& sim, const RateFlow& flow, bool trace) {
  const Timestamp start = sim.now();
  while (trace && !flow.done() && sim.now() - start < kMostTime) {
    const uint64_t before = flow.delivered_bytes();
    sim.RunUntil([&] { return flow.done(); }, kTraceStep);
    PrintTrace(sim, flow, start, before);
  }
  return sim.RunUntil([&] { return flow.done(); }, kMostTime);
}

const char* DirectionName(const RandomLink& link) { return link.upstream ? "up" : "down"; }

}  // namespace

Result Measure(const Trial& trial, bool trace) {
  const testing::LinkPlan& plan = trial.link.plan;
  const auto bytes = static_cast<double>(trial.link.bytes);
  Result result;
  {
    RateOptions options = testing::AsInBrowsers(plan.links);
    options.lane_traffic = true;
    RateSimulation sim(options, trial.seed);
    RateFlow& flow = sim.AddFlow();
    const Timestamp start = sim.now();
    sim.Play(plan);
    sim.Send(flow, trial.link.bytes);
    result.done = Run(sim, flow, trace);
    result.took = sim.now() - start;
    result.share = ShareOfCeiling(plan, static_cast<double>(flow.delivered_bytes()), result.took);
    result.sent_again = static_cast<double>(flow.sent_bytes()) / bytes - 1;
    result.queue_p95 = sim.QueuePercentile(0.95);
    result.silence = sim.longest_silence();
    result.lanes = flow.most_lanes();
  }
  // A pump that is not done in the same time is slower.
  const PumpResult naive = NaivePump(plan, trial.seed, result.took, trial.link.bytes);
  const double naive_bytes = naive.mbits_per_second * naive.took.seconds() / 8e-6;
  result.naive_share = ShareOfCeiling(plan, naive_bytes, naive.took);
  result.below_naive = naive_bytes + 0.5 > bytes && naive.took < result.took;
  return result;
}

std::string Format(const Trial& trial) {
  return std::to_string(trial.seed) + ' ' + std::to_string(trial.link.bytes) + ' ' +
         trial.link.kind + ' ' + DirectionName(trial.link) + ' ' + testing::Format(trial.link.plan);
}

std::optional<Trial> ParseTrial(std::string_view text) {
  std::istringstream words{std::string(text)};
  Trial trial;
  std::string direction;
  if (!(words >> trial.seed >> trial.link.bytes >> trial.link.kind >> direction)) {
    return std::nullopt;
  }
  if (trial.link.bytes == 0 || (direction != "up" && direction != "down")) return std::nullopt;
  trial.link.upstream = direction == "up";
  std::string rest;
  std::getline(words, rest);
  const std::optional<testing::LinkPlan> plan = testing::ParseLinkPlan(rest);
  if (!plan) return std::nullopt;
  trial.link.plan = *plan;
  return trial;
}

std::string ToJson(const Trial& trial, const Result& result) {
  const auto& [forward, back] = trial.link.plan.links;
  std::array<char, 1024> text{};
  std::snprintf(
      text.data(), text.size(),
      R"({"kind":"%s","direction":"%s","mbits":%.4g,"returnMbits":%.4g,"rtt":%.4g,"loss":%.3g,)"
      R"("jitter":%.3g,"queue":%zu,"changes":%zu,"bytes":%llu,"share":%.4f,"naive":%.4f,)"
      R"("belowNaive":%s,"sentAgain":%.4f,"queueP95":%.1f,"silence":%.3f,"lanes":%zu,)"
      R"("seconds":%.3f,"done":%s,"link":"%s"})",
      trial.link.kind.c_str(), DirectionName(trial.link), forward.usable_mbits_per_second(),
      back.mbits_per_second, (forward.delay + back.delay).millis(), forward.loss,
      forward.jitter.millis(), forward.queue_bytes, trial.link.plan.changes.size(),
      static_cast<unsigned long long>(trial.link.bytes), result.share, result.naive_share,
      result.below_naive ? "true" : "false", result.sent_again, result.queue_p95.millis(),
      result.silence.seconds(), result.lanes, result.took.seconds(), result.done ? "true" : "false",
      Format(trial).c_str());
  return text.data();
}

}  // namespace millrace::population
