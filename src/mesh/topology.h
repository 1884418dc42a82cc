// Who connects to whom in a room, and which way a message goes: values in, values out, so that
// every agent that sees the same room comes to the same answer.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "mesh/message.h"

namespace millrace {

enum class Topology : uint8_t { kAuto, kFull, kPartial, kHub };

struct TopologyOptions {
  Topology topology = Topology::kAuto;
  // kAuto: full up to here, then partial up to there, then hubs.
  size_t most_full = 20;
  size_t most_partial = 300;
  // Neighbours in a partial mesh, in the mean.
  size_t neighbours = 20;
  // A hub for so many agents, and how many hubs each of the others is connected to.
  size_t agents_per_hub = 50;
  size_t hubs_per_agent = 2;
};

struct Agent {
  std::string id;
  Incarnation incarnation;
  // What it can forward, as measured: bytes per second. Compared by powers of two, so that hubs do
  // not change places over little.
  uint64_t capacity = 0;
};

// Agents by their place on a ring: the order of their ids' hashes.
using AgentIndex = uint32_t;

class Plan {
 public:
  // `room`: agents in the order in which they came. Of two with one id, the first stays and the
  // other is left out, as is one whose id is none; `left_out` tells.
  // Cost: n log n for hubs; n · neighbours · log n for partial meshes.
  Plan(std::vector<Agent> room, const TopologyOptions& options);

  Topology topology() const { return topology_; }
  size_t size() const { return agents_.size(); }
  const Agent& agent(AgentIndex index) const { return agents_[index].agent; }
  const std::vector<Agent>& left_out() const { return left_out_; }
  // Best first.
  const std::vector<AgentIndex>& hubs() const { return hubs_; }
  bool IsHub(AgentIndex index) const { return agents_[index].is_hub; }
  // The hubs of an agent that is none, its home first.
  const std::vector<AgentIndex>& HubsOf(AgentIndex index) const { return agents_[index].hubs; }
  std::optional<AgentIndex> Find(std::string_view id) const;

  // Whom an agent is connected to: ascending. Mutual: each is among the other's.
  const std::vector<AgentIndex>& Neighbours(AgentIndex index) const {
    return agents_[index].neighbours;
  }

  // Tells whether a connection is up.
  using IsUp = std::function<bool(AgentIndex)>;

  // Where `self` hands a message for `to` over: a neighbour whose connection is up, or nothing
  // while there is none that is nearer. Free of loops among agents with the same plan: on a ring
  // each step is nearer, and among hubs there are three steps at most. Cost: linear in the
  // neighbours.
  std::optional<AgentIndex> NextHop(AgentIndex self, AgentIndex to, const IsUp& is_up) const;

  // To whom `self` hands a broadcast over that it made or, first of its number, got from `from`.
  std::vector<AgentIndex> Forward(AgentIndex self, std::optional<AgentIndex> from,
                                  const IsUp& is_up) const;

 private:
  struct Entry {
    Agent agent;
    uint64_t place = 0;
    bool is_hub = false;
    std::vector<AgentIndex> hubs;
    std::vector<AgentIndex> neighbours;
  };

  void TakeAgents(std::vector<Agent> room);
  void ConnectAll();
  void ConnectRing(size_t neighbours);
  void ChooseHubs(const TopologyOptions& options);
  void Connect(AgentIndex a, AgentIndex b);
  // Steps along the ring, the shorter way round.
  size_t Distance(AgentIndex a, AgentIndex b) const;

  Topology topology_ = Topology::kFull;
  std::vector<Entry> agents_;
  std::vector<Agent> left_out_;
  std::vector<AgentIndex> hubs_;
};

}  // namespace millrace
