#include "support/mesh_scenario.h"

#include <algorithm>
#include <cstdio>
#include <vector>

namespace millrace::testing {
namespace {

// Everyone says one thing to somebody, a few say something to all.
void Talk(MeshSimulation& sim, Random& random, size_t broadcasts) {
  std::vector<size_t> here;
  for (size_t i = 0; i < sim.size(); ++i) {
    if (sim.alive(i)) here.push_back(i);
  }
  const auto anyone = [&] { return here[static_cast<size_t>(random.Below(here.size()))]; };
  const auto options = [&] {
    SendOptions any;
    any.level = static_cast<Level>(random.Below(kLevels));
    any.unordered = random.Chance(0.2);
    return any;
  };
  for (const size_t from : here) sim.Send(from, anyone(), 16 + random.Below(500), options());
  for (size_t i = 0; i < broadcasts; ++i) {
    sim.Broadcast(anyone(), 16 + random.Below(500), options());
  }
}

}  // namespace

MeshScenarioResult RunMeshScenario(const MeshScenario& scenario) {
  MeshSimulationOptions options;
  options.seed = scenario.seed;
  options.mesh.topology.topology = scenario.wanted;
  if (scenario.agents < 100) options.mesh.topology.agents_per_hub = 15;
  Random random(scenario.seed * 1'000'003);
  MeshSimulation sim(options);
  sim.AddKnown(scenario.agents);
  sim.RunFor(Duration::Seconds(2));

  MeshScenarioResult result;
  const size_t each = scenario.churn ? std::max<size_t>(scenario.agents / 20, 1) : 0;
  constexpr int kRounds = 10;
  constexpr size_t kBroadcasts = 2;
  for (int round = 0; round < kRounds; ++round) {
    Talk(sim, random, kBroadcasts);
    // While some of what was said is on its way.
    sim.RunFor(Duration::Millis(static_cast<int64_t>(random.Between(5, 60))));
    const auto due = [&](size_t done) { return done * kRounds < each * size_t(round + 1); };
    const auto someone = [&] {
      size_t agent = 0;
      do agent = static_cast<size_t>(random.Below(sim.size()));
      while (!sim.alive(agent));
      return agent;
    };
    while (due(result.died)) {
      size_t dying = someone();
      const Plan& plan = sim.node(dying).plan();
      // The best hub first.
      if (!plan.hubs().empty() && result.died == 0) {
        const std::string& hub = plan.agent(plan.hubs().front()).id;
        for (size_t i = 0; i < sim.size(); ++i) {
          if (sim.alive(i) && sim.id(i) == hub) dying = i;
        }
      }
      sim.Kill(dying);
      ++result.died;
    }
    while (due(result.left)) {
      sim.Leave(someone());
      ++result.left;
    }
    while (due(result.joined)) {
      sim.Add("late-" + std::to_string(result.joined), random.Between(100'000, 50'000'000));
      ++result.joined;
    }
    Talk(sim, random, kBroadcasts);
    sim.RunFor(Duration::Millis(500));
    sim.ForgetEvents();
  }
  sim.RunFor(Duration::Seconds(30));
  result.outcome = sim.Measure();
  for (size_t i = 0; i < sim.size(); ++i) {
    if (sim.alive(i)) result.topology = sim.node(i).plan().topology();
  }
  result.seconds = (sim.now() - Timestamp()).seconds();
  return result;
}

std::string_view NameOf(Topology topology) {
  constexpr std::string_view kNames[] = {"auto", "full", "partial", "hub"};
  return kNames[static_cast<size_t>(topology)];
}

std::string Describe(const MeshScenario& scenario, const MeshScenarioResult& result) {
  const MeshSimulation::Outcome& outcome = result.outcome;
  char line[400];
  std::snprintf(
      line, sizeof line,
      "mesh of %zu (%s), seed %llu: %zu connections (%zu at most), %.1f KiB held at most, "
      "%llu deliveries, p50 %.0f ms, p95 %.0f ms, max %.0f ms, lost %llu; "
      "%zu died, %zu left, %zu joined, %llu sent again",
      scenario.agents, std::string(NameOf(result.topology)).c_str(),
      static_cast<unsigned long long>(scenario.seed), outcome.connections, outcome.most_connections,
      static_cast<double>(outcome.most_held_bytes) / 1024,
      static_cast<unsigned long long>(outcome.delivered), outcome.p50_ms, outcome.p95_ms,
      outcome.max_ms, static_cast<unsigned long long>(outcome.lost), result.died, result.left,
      result.joined, static_cast<unsigned long long>(outcome.resent));
  return line;
}

std::string DescribeJson(const MeshScenario& scenario, const MeshScenarioResult& result) {
  const MeshSimulation::Outcome& outcome = result.outcome;
  char line[500];
  std::snprintf(
      line, sizeof line,
      "{\"agents\":%zu,\"topology\":\"%s\",\"seed\":%llu,\"connections\":%zu,\"mostConnections\":%"
      "zu,"
      "\"mostHeldBytes\":%llu,\"deliveries\":%llu,\"lost\":%llu,\"p50Ms\":%.1f,\"p95Ms\":%.1f,"
      "\"maxMs\":%.1f,\"died\":%zu,\"left\":%zu,\"joined\":%zu,\"resent\":%llu,\"virtualSeconds\":%"
      ".1f}",
      scenario.agents, std::string(NameOf(result.topology)).c_str(),
      static_cast<unsigned long long>(scenario.seed), outcome.connections, outcome.most_connections,
      static_cast<unsigned long long>(outcome.most_held_bytes),
      static_cast<unsigned long long>(outcome.delivered),
      static_cast<unsigned long long>(outcome.lost), outcome.p50_ms, outcome.p95_ms, outcome.max_ms,
      result.died, result.left, result.joined, static_cast<unsigned long long>(outcome.resent),
      result.seconds);
  return line;
}

}  // namespace millrace::testing
