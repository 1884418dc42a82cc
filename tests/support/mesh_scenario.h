// The scenario of the mesh that simulations and the latency benchmark share: agents that talk while
// others come, go and die.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "support/mesh_simulation.h"

namespace millrace::testing {

struct MeshScenario {
  uint64_t seed = 1;
  size_t agents = 10;
  Topology wanted = Topology::kAuto;
  Topology expected = Topology::kFull;
  // One in twenty leaves, one in twenty dies, the best hub first, and as many join.
  bool churn = true;
};

struct MeshScenarioResult {
  MeshSimulation::Outcome outcome;
  Topology topology = Topology::kAuto;
  size_t died = 0;
  size_t left = 0;
  size_t joined = 0;
  double seconds = 0;  // Of virtual time.
};

MeshScenarioResult RunMeshScenario(const MeshScenario& scenario);

std::string_view NameOf(Topology topology);

// One line for people.
std::string Describe(const MeshScenario& scenario, const MeshScenarioResult& result);
// The same as a JSON object.
std::string DescribeJson(const MeshScenario& scenario, const MeshScenarioResult& result);

}  // namespace millrace::testing
