#include "mesh/topology.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <deque>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "support/random.h"

namespace millrace {
namespace {

using testing::Random;

std::vector<Agent> Room(size_t count, uint64_t seed = 1) {
  Random random(seed);
  std::vector<Agent> room;
  for (size_t i = 0; i < count; ++i) {
    room.push_back({"agent-" + std::to_string(i), Incarnation(random.Next()),
                    random.Between(100'000, 50'000'000)});
  }
  return room;
}

TopologyOptions Of(Topology topology) {
  TopologyOptions options;
  options.topology = topology;
  return options;
}

bool AllUp(AgentIndex) { return true; }

// Steps from `from` to `to`; −1 where the way ends.
int Steps(const Plan& plan, AgentIndex from, AgentIndex to, const std::set<AgentIndex>& down = {}) {
  const auto is_up = [&](AgentIndex agent) { return !down.contains(agent); };
  int steps = 0;
  while (from != to) {
    const std::optional<AgentIndex> next = plan.NextHop(from, to, is_up);
    if (!next || steps >= kMaxHops) return -1;
    from = *next;
    ++steps;
  }
  return steps;
}

// Agents that a broadcast reaches, and the messages that it takes.
std::pair<size_t, size_t> Flood(const Plan& plan, AgentIndex source) {
  std::set<AgentIndex> reached = {source};
  std::deque<std::pair<AgentIndex, AgentIndex>> flying;
  size_t messages = 0;
  for (const AgentIndex to : plan.Forward(source, std::nullopt, AllUp)) {
    flying.emplace_back(source, to);
  }
  while (!flying.empty()) {
    const auto [from, at] = flying.front();
    flying.pop_front();
    ++messages;
    if (!reached.insert(at).second) continue;
    for (const AgentIndex to : plan.Forward(at, from, AllUp)) flying.emplace_back(at, to);
  }
  return {reached.size(), messages};
}

TEST_CASE("the topology follows the size of the room") {
  struct Row {
    size_t agents;
    Topology topology;
  };
  for (const Row row : {Row{0, Topology::kFull},
                        {1, Topology::kFull},
                        {20, Topology::kFull},
                        {21, Topology::kPartial},
                        {300, Topology::kPartial},
                        {301, Topology::kHub}}) {
    CHECK(Plan(Room(row.agents), {}).topology() == row.topology);
  }
}

TEST_CASE("every agent reaches every other, in few steps, and broadcasts reach all") {
  struct Row {
    Topology topology;
    size_t agents;
    int most_steps;
    size_t most_neighbours;
  };
  const Row rows[] = {
      {Topology::kFull, 2, 1, 1},       {Topology::kFull, 5, 1, 4},
      {Topology::kFull, 20, 1, 19},     {Topology::kPartial, 2, 1, 1},
      {Topology::kPartial, 21, 2, 20},  {Topology::kPartial, 100, 5, 60},
      {Topology::kPartial, 300, 8, 80}, {Topology::kHub, 1, 0, 0},
      {Topology::kHub, 3, 3, 2},        {Topology::kHub, 100, 3, 100},
      {Topology::kHub, 1000, 3, 160},
  };
  for (const Row& row : rows) {
    const Plan plan(Room(row.agents), Of(row.topology));
    INFO("topology " << static_cast<int>(row.topology) << ", agents " << row.agents);
    size_t most_neighbours = 0;
    for (AgentIndex i = 0; i < plan.size(); ++i) {
      most_neighbours = std::max(most_neighbours, plan.Neighbours(i).size());
      for (const AgentIndex other : plan.Neighbours(i)) {
        const std::vector<AgentIndex>& back = plan.Neighbours(other);
        REQUIRE(std::binary_search(back.begin(), back.end(), i));
      }
    }
    CHECK(most_neighbours <= row.most_neighbours);
    const AgentIndex stride = row.agents > 100 ? 37 : 1;
    int most_steps = 0;
    for (AgentIndex a = 0; a < plan.size(); a += stride) {
      for (AgentIndex b = 0; b < plan.size(); ++b) {
        const int steps = Steps(plan, a, b);
        REQUIRE(steps >= 0);
        most_steps = std::max(most_steps, steps);
      }
    }
    CHECK(most_steps <= row.most_steps);
    const auto [reached, messages] = Flood(plan, 0);
    CHECK(reached == row.agents);
    // But for the ring, nobody is told twice.
    if (row.topology != Topology::kPartial) CHECK(messages == row.agents - 1);
  }
}

TEST_CASE("a message never goes in circles, whichever connections are down") {
  for (const Topology topology : {Topology::kFull, Topology::kPartial, Topology::kHub}) {
    const Plan plan(Room(100), Of(topology));
    for (uint64_t seed = 1; seed <= 20; ++seed) {
      INFO("topology " << static_cast<int>(topology) << ", seed " << seed);
      Random random(seed);
      std::set<std::pair<AgentIndex, AgentIndex>> down;
      for (AgentIndex a = 0; a < plan.size(); ++a) {
        for (const AgentIndex b : plan.Neighbours(a)) {
          if (random.Chance(0.3)) down.insert(std::minmax(a, b));
        }
      }
      for (AgentIndex a = 0; a < plan.size(); ++a) {
        const AgentIndex to = static_cast<AgentIndex>(random.Below(plan.size()));
        AgentIndex at = a;
        int steps = 0;
        while (at != to && steps <= kMaxHops) {
          const auto is_up = [&](AgentIndex b) { return !down.contains(std::minmax(at, b)); };
          const std::optional<AgentIndex> next = plan.NextHop(at, to, is_up);
          if (!next) break;
          at = *next;
          ++steps;
        }
        REQUIRE(steps < kMaxHops);
      }
    }
  }
}

TEST_CASE("where no hub is connected there is no way on") {
  const Plan plan(Room(100), Of(Topology::kHub));
  AgentIndex leaf = 0;
  while (plan.IsHub(leaf)) ++leaf;
  const auto none_up = [](AgentIndex) { return false; };
  CHECK(plan.Forward(leaf, std::nullopt, none_up).empty());
  CHECK_FALSE(plan.NextHop(leaf, plan.hubs().front(), none_up).has_value());
}

TEST_CASE("a thousand agents lose no way when a hub dies, before anyone has a new plan") {
  const Plan plan(Room(1000), Of(Topology::kHub));
  REQUIRE(plan.hubs().size() == 20);
  for (const AgentIndex dead : plan.hubs()) {
    for (AgentIndex a = 0; a < plan.size(); a += 41) {
      for (AgentIndex b = 0; b < plan.size(); ++b) {
        if (a == dead || b == dead) continue;
        REQUIRE(Steps(plan, a, b, {dead}) >= 0);
      }
    }
  }
}

TEST_CASE("the strongest agents are hubs, and when one leaves only its own agents move") {
  std::vector<Agent> room = Room(1000);
  const Plan before(room, Of(Topology::kHub));
  uint64_t weakest = UINT64_MAX;
  for (const AgentIndex hub : before.hubs()) {
    weakest = std::min(weakest, before.agent(hub).capacity);
  }
  for (AgentIndex i = 0; i < before.size(); ++i) {
    // Within a power of two.
    if (!before.IsHub(i)) CHECK(before.agent(i).capacity < 2 * weakest);
  }
  const std::string gone = before.agent(before.hubs().front()).id;
  std::erase_if(room, [&](const Agent& agent) { return agent.id == gone; });
  const Plan after(room, Of(Topology::kHub));
  CHECK(after.hubs().size() == before.hubs().size());
  size_t moved = 0;
  size_t had_it = 0;
  for (AgentIndex i = 0; i < after.size(); ++i) {
    const AgentIndex was = *before.Find(after.agent(i).id);
    if (before.IsHub(was) || after.IsHub(i)) continue;
    const auto named = [](const Plan& plan, const std::vector<AgentIndex>& hubs) {
      std::vector<std::string> ids;
      for (const AgentIndex hub : hubs) ids.push_back(plan.agent(hub).id);
      return ids;
    };
    const std::vector<std::string> old_hubs = named(before, before.HubsOf(was));
    if (std::find(old_hubs.begin(), old_hubs.end(), gone) != old_hubs.end()) {
      ++had_it;
    } else if (old_hubs != named(after, after.HubsOf(i))) {
      ++moved;
    }
  }
  // Those who go to the hub that takes the place: 2 of 20 each, in the mean.
  CHECK(had_it > 50);
  CHECK(moved < 200);
}

TEST_CASE("one who joins a partial mesh changes few connections") {
  std::vector<Agent> room = Room(200);
  const auto connections = [](const Plan& plan) {
    std::set<std::pair<std::string, std::string>> all;
    for (AgentIndex i = 0; i < plan.size(); ++i) {
      for (const AgentIndex other : plan.Neighbours(i)) {
        all.emplace(plan.agent(i).id, plan.agent(other).id);
      }
    }
    return all;
  };
  const auto before = connections(Plan(room, Of(Topology::kPartial)));
  room.push_back({"late", Incarnation(1), 1});
  const auto after = connections(Plan(room, Of(Topology::kPartial)));
  size_t closed = 0;
  for (const auto& connection : before) closed += after.contains(connection) ? 0 : 1;
  INFO("of " << before.size() << ", closed " << closed);
  CHECK(closed < before.size() / 20);
}

TEST_CASE("of two agents with one id the first stays, and what is no id is left out") {
  std::vector<Agent> room = Room(3);
  room.push_back({"agent-1", Incarnation(77), 1});
  room.push_back({"", Incarnation(1), 1});
  room.push_back({"\xff", Incarnation(1), 1});
  room.push_back({"__proto__", Incarnation(1), 1});
  const Plan plan(room, {});
  CHECK(plan.size() == 4);
  CHECK(plan.left_out().size() == 3);
  CHECK(plan.agent(*plan.Find("agent-1")).incarnation == room[1].incarnation);
  CHECK(plan.Find("__proto__").has_value());
  CHECK_FALSE(plan.Find("nobody").has_value());
}

TEST_CASE("every agent makes the same plan, in whatever order it hears of the others") {
  std::vector<Agent> room = Room(50);
  const Plan one(room, Of(Topology::kHub));
  std::reverse(room.begin(), room.end());
  const Plan other(room, Of(Topology::kHub));
  for (AgentIndex i = 0; i < one.size(); ++i) {
    CHECK(one.agent(i).id == other.agent(i).id);
    CHECK(one.Neighbours(i) == other.Neighbours(i));
  }
}

}  // namespace
}  // namespace millrace
