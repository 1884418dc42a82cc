// Meshes in virtual time, by seed: agents come, go, die in the middle of what they say, hubs first;
// whatever happens, no message between two that stay is lost, doubled or out of its order.
//
// MILLRACE_SIM_SEED, MILLRACE_SIM_SEEDS: the first seed, and of how many runs of a transfer; a mesh
// runs with a hundredth of them. [.large]: 1,000 agents.

#include <algorithm>
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
