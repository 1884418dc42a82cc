// Meshes in virtual time, by seed: agents come, go, die in the middle of what they say, hubs first;
// whatever happens, no message between two that stay is lost, doubled or out of its order.
//
// MILLRACE_SIM_SEED, MILLRACE_SIM_SEEDS: the first seed, and of how many runs of a transfer; a mesh
// runs with a hundredth of them. [.large]: 1,000 agents.

#include <algorithm>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <cstdio>
#include <string>

#include "support/environment.h"
#include "support/mesh_scenario.h"

namespace millrace {
namespace {

using testing::MeshScenario;
using testing::MeshScenarioResult;
using testing::NumberFromEnvironment;
using testing::RunMeshScenario;

void RunSeeds(MeshScenario scenario, uint64_t most) {
  const uint64_t first = NumberFromEnvironment("MILLRACE_SIM_SEED", 1);
  const uint64_t wanted = NumberFromEnvironment("MILLRACE_SIM_SEEDS", 1000) / 100;
  for (uint64_t seed = first; seed < first + std::clamp<uint64_t>(wanted, 1, most); ++seed) {
    scenario.seed = seed;
    const MeshScenarioResult result = RunMeshScenario(scenario);
    const testing::MeshSimulation::Outcome& outcome = result.outcome;
    INFO("seed " << seed << ", agents " << scenario.agents);
    CHECK(outcome.expected > scenario.agents);
    CHECK(outcome.lost == 0);
    CHECK(outcome.twice == 0);
    CHECK(outcome.out_of_order == 0);
    CHECK(result.topology == scenario.expected);
    if (seed == first) {
      std::printf("%s\n", testing::Describe(scenario, result).c_str());
      std::fflush(stdout);
    }
  }
}

TEST_CASE("10 agents in a full mesh, with churn") {
  RunSeeds({.agents = 10, .expected = Topology::kFull}, 10);
}

TEST_CASE("20 agents in a full mesh, with churn") {
  RunSeeds({.agents = 20, .expected = Topology::kFull}, 5);
}

TEST_CASE("100 agents in a partial mesh, with churn") {
  RunSeeds({.agents = 100, .expected = Topology::kPartial}, 2);
}

TEST_CASE("60 agents around hubs that die, with churn") {
  RunSeeds({.agents = 60, .wanted = Topology::kHub, .expected = Topology::kHub}, 4);
}

TEST_CASE("1,000 agents around hubs that die, with churn", "[.large]") {
  RunSeeds({.agents = 1000, .expected = Topology::kHub}, 1);
}

// What BandwidthOptions::predictive changes where a connection of 1 MB/s is asked for 1.4 times as
// much and for a fifth of it in turns, 2 s each.
struct Adaptation {
  testing::MeshSimulation::Outcome outcome;
  size_t changes = 0;
  double slower_ms = 0;  // From the beginning of much to the first longer batch, on average.
  double faster_ms = 0;  // From the beginning of little to no batches, on average.
};

Adaptation Adapt(bool predictive, uint64_t seed) {
  constexpr int kRounds = 20;
  constexpr int kStepMs = 5;
  constexpr int kPhaseMs = 2000;
  testing::MeshSimulationOptions options;
  options.seed = seed;
  options.bytes_per_second = 1'000'000;
  options.mesh.bandwidth.predictive = predictive;
  testing::MeshSimulation sim(options);
  testing::Random random(seed);
  sim.Add("source");
  sim.Add("sink");
  sim.RunFor(Duration::Seconds(2));
  Adaptation result;
  QualityMode before = QualityMode::kHigh;
  const auto phase = [&](double bytes_per_second, bool much) {
    double owed = 0;
    int reached_ms = kPhaseMs;
    for (int ms = 0; ms < kPhaseMs; ms += kStepMs) {
      for (owed += bytes_per_second * kStepMs / 1000; owed > 0;) {
        const auto bytes = static_cast<size_t>(random.Between(1'000, 7'000));
        // Each level is a stream of its own, and holds 1 MiB at most.
        const auto level = static_cast<Level>(random.Below(kLevels));
        sim.Send(0, 1, bytes, {.level = level});
        owed -= static_cast<double>(bytes);
      }
      sim.RunFor(Duration::Millis(kStepMs));
      const QualityMode mode = sim.node(0).mode();
      result.changes += mode == before ? 0 : 1;
      before = mode;
      if ((mode == QualityMode::kHigh) != much) reached_ms = std::min(reached_ms, ms + kStepMs);
    }
    (much ? result.slower_ms : result.faster_ms) += static_cast<double>(reached_ms) / kRounds;
  };
  for (int round = 0; round < kRounds; ++round) {
    phase(1'400'000, true);
    phase(200'000, false);
  }
  sim.RunFor(Duration::Seconds(10));
  result.outcome = sim.Measure();
  return result;
}

TEST_CASE("prediction adapts sooner, and loses nothing") {
  std::array<Adaptation, 2> results;
  for (const bool predictive : {false, true}) {
    const Adaptation& result = results[predictive] = Adapt(predictive, 1);
    CHECK(result.outcome.lost == 0);
    std::printf(
        "{\"predictive\":%s,\"messages\":%llu,\"lost\":%llu,\"p50Ms\":%.1f,\"p95Ms\":%.1f,"
        "\"changes\":%zu,\"slowerAfterMs\":%.0f,\"fasterAfterMs\":%.0f}\n",
        predictive ? "true" : "false", static_cast<unsigned long long>(result.outcome.delivered),
        static_cast<unsigned long long>(result.outcome.lost), result.outcome.p50_ms,
        result.outcome.p95_ms, result.changes, result.slower_ms, result.faster_ms);
  }
  CHECK(results[true].slower_ms < results[false].slower_ms);
  CHECK(results[true].faster_ms < results[false].faster_ms);
}

// For scripts/bench-latency.mjs: one line of JSON for the number of agents that the environment
// says.
TEST_CASE("a mesh for the latency benchmark", "[.latency]") {
  MeshScenario scenario;
  scenario.seed = NumberFromEnvironment("MILLRACE_SIM_SEED", 1);
  scenario.agents = static_cast<size_t>(NumberFromEnvironment("MILLRACE_MESH_AGENTS", 10));
  const MeshScenarioResult result = RunMeshScenario(scenario);
  std::printf("%s\n", testing::DescribeJson(scenario, result).c_str());
  CHECK(result.outcome.lost == 0);
}

}  // namespace
}  // namespace millrace
