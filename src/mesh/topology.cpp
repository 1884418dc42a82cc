#include "mesh/topology.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <unordered_set>
#include <utility>

namespace millrace {
namespace {

// The finaliser of SplitMix64 (Steele, Lea, Flood 2014): spreads what is close together.
uint64_t Mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

// FNV-1a, mixed. Not against who chooses ids on purpose: a bad place costs balance, not safety.
uint64_t PlaceOf(std::string_view id) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : id) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
  return Mix(hash);
}

Topology Chosen(const TopologyOptions& options, size_t agents) {
  if (options.topology != Topology::kAuto) return options.topology;
  if (agents <= options.most_full) return Topology::kFull;
  return agents <= options.most_partial ? Topology::kPartial : Topology::kHub;
}

}  // namespace

Plan::Plan(std::vector<Agent> room, const TopologyOptions& options) {
  TakeAgents(std::move(room));
  topology_ = Chosen(options, agents_.size());
  switch (topology_) {
    case Topology::kPartial:
      ConnectRing(options.neighbours);
      break;
    case Topology::kHub:
      ChooseHubs(options);
      break;
    default:
      ConnectAll();
  }
  for (Entry& entry : agents_) {
    std::sort(entry.neighbours.begin(), entry.neighbours.end());
    entry.neighbours.erase(std::unique(entry.neighbours.begin(), entry.neighbours.end()),
                           entry.neighbours.end());
  }
}

void Plan::TakeAgents(std::vector<Agent> room) {
  std::unordered_set<std::string> ids;
  for (Agent& agent : room) {
    if (!IsAgentId(agent.id) || !ids.insert(agent.id).second) {
      left_out_.push_back(std::move(agent));
      continue;
    }
    const uint64_t place = PlaceOf(agent.id);
    agents_.push_back({std::move(agent), place, false, {}, {}});
  }
  std::sort(agents_.begin(), agents_.end(), [](const Entry& a, const Entry& b) {
    return a.place != b.place ? a.place < b.place : a.agent.id < b.agent.id;
  });
}

void Plan::Connect(AgentIndex a, AgentIndex b) {
  if (a == b) return;
  agents_[a].neighbours.push_back(b);
  agents_[b].neighbours.push_back(a);
}

void Plan::ConnectAll() {
  for (AgentIndex a = 0; a < agents_.size(); ++a) {
    for (AgentIndex b = a + 1; b < agents_.size(); ++b) Connect(a, b);
  }
}

// Each agent picks half of its neighbours, the others pick it: its successors on the ring, and the
// agents next after halves, quarters, eighths of the ring (the fingers of Chord: Stoica et al.
// 2001), which keep routes short. Picked by place and not by index, so that one who comes or goes
// changes few connections.
void Plan::ConnectRing(size_t neighbours) {
  const size_t count = agents_.size();
  if (count < 2) return;
  const size_t picks = std::min(std::max<size_t>(neighbours / 2, 1), count - 1);
  for (AgentIndex a = 0; a < count; ++a) {
    std::vector<AgentIndex> picked = {static_cast<AgentIndex>((a + 1) % count)};
    const auto pick = [&](AgentIndex b) {
      if (b != a && std::find(picked.begin(), picked.end(), b) == picked.end()) picked.push_back(b);
    };
    for (int bit = 63; bit >= 0 && picked.size() < picks; --bit) {
      const uint64_t target = agents_[a].place + (uint64_t{1} << bit);
      const auto at =
          std::lower_bound(agents_.begin(), agents_.end(), target,
                           [](const Entry& entry, uint64_t place) { return entry.place < place; });
      pick(static_cast<AgentIndex>(at == agents_.end() ? 0 : at - agents_.begin()));
    }
    for (size_t step = 2; picked.size() < picks && step < count; ++step) {
      pick(static_cast<AgentIndex>((a + step) % count));
    }
    for (const AgentIndex b : picked) Connect(a, b);
  }
}

void Plan::ChooseHubs(const TopologyOptions& options) {
  const size_t count = agents_.size();
  const size_t per_hub = std::max<size_t>(options.agents_per_hub, 1);
  const size_t per_agent = std::max<size_t>(options.hubs_per_agent, 1);
  const size_t wanted = std::min(std::max((count + per_hub - 1) / per_hub, per_agent), count);
  std::vector<AgentIndex> ranked(count);
  std::iota(ranked.begin(), ranked.end(), AgentIndex{0});
  std::sort(ranked.begin(), ranked.end(), [this](AgentIndex a, AgentIndex b) {
    const auto of_a = std::bit_width(agents_[a].agent.capacity);
    const auto of_b = std::bit_width(agents_[b].agent.capacity);
    return of_a != of_b ? of_a > of_b : a < b;
  });
  hubs_.assign(ranked.begin(), ranked.begin() + static_cast<std::ptrdiff_t>(wanted));
  for (const AgentIndex hub : hubs_) agents_[hub].is_hub = true;
  for (size_t i = 0; i < hubs_.size(); ++i) {
    for (size_t j = i + 1; j < hubs_.size(); ++j) Connect(hubs_[i], hubs_[j]);
  }
  // Highest random weight (Thaler, Ravishankar 1996): when a hub leaves, only its agents move.
  for (AgentIndex a = 0; a < count; ++a) {
    if (agents_[a].is_hub) continue;
    std::vector<AgentIndex> mine = hubs_;
    const auto weight = [&](AgentIndex hub) {
      return Mix(agents_[a].place ^ Mix(agents_[hub].place));
    };
    std::sort(mine.begin(), mine.end(),
              [&](AgentIndex x, AgentIndex y) { return weight(x) > weight(y); });
    mine.resize(std::min(per_agent, mine.size()));
    for (const AgentIndex hub : mine) Connect(a, hub);
    agents_[a].hubs = std::move(mine);
  }
}

std::optional<AgentIndex> Plan::Find(std::string_view id) const {
  const uint64_t place = PlaceOf(id);
  auto at =
      std::lower_bound(agents_.begin(), agents_.end(), place,
                       [](const Entry& entry, uint64_t wanted) { return entry.place < wanted; });
  for (; at != agents_.end() && at->place == place; ++at) {
    if (at->agent.id == id) return static_cast<AgentIndex>(at - agents_.begin());
  }
  return std::nullopt;
}

size_t Plan::Distance(AgentIndex a, AgentIndex b) const {
  const size_t apart = a < b ? b - a : a - b;
  return std::min(apart, agents_.size() - apart);
}

std::optional<AgentIndex> Plan::NextHop(AgentIndex self, AgentIndex to, const IsUp& is_up) const {
  const Entry& here = agents_[self];
  const auto linked = [&](AgentIndex other) {
    return std::binary_search(here.neighbours.begin(), here.neighbours.end(), other) &&
           is_up(other);
  };
  if (linked(to)) return to;
  if (topology_ == Topology::kPartial) {
    std::optional<AgentIndex> best;
    size_t least = Distance(self, to);
    for (const AgentIndex other : here.neighbours) {
      const size_t distance = Distance(other, to);
      if (distance >= least || !is_up(other)) continue;
      least = distance;
      best = other;
    }
    return best;
  }
  if (topology_ != Topology::kHub || to == self) return std::nullopt;
  // One of the destination's own hubs hands over to a later one only, so two never send to and fro.
  const std::vector<AgentIndex>& hubs = agents_[to].hubs;
  const auto own = std::find(hubs.begin(), hubs.end(), self);
  for (auto hub = own == hubs.end() ? hubs.begin() : own + 1; hub != hubs.end(); ++hub) {
    if (linked(*hub)) return *hub;
  }
  if (here.is_hub) return std::nullopt;
  for (const AgentIndex hub : here.hubs) {
    if (is_up(hub)) return hub;
  }
  return std::nullopt;
}

std::vector<AgentIndex> Plan::Forward(AgentIndex self, std::optional<AgentIndex> from,
                                      const IsUp& is_up) const {
  const Entry& here = agents_[self];
  std::vector<AgentIndex> to;
  // In a full mesh the source itself reaches everyone.
  if (topology_ == Topology::kFull && from) return to;
  if (topology_ == Topology::kHub && !here.is_hub) {
    if (from) return to;
    // One hub: it tells the others.
    for (const AgentIndex hub : here.hubs) {
      if (is_up(hub)) return {hub};
    }
    return to;
  }
  const bool from_hub = topology_ == Topology::kHub && from && agents_[*from].is_hub;
  for (const AgentIndex other : here.neighbours) {
    if (from == other || !is_up(other)) continue;
    if (topology_ == Topology::kHub) {
      if (agents_[other].is_hub ? from_hub : agents_[other].hubs.front() != self) continue;
    }
    to.push_back(other);
  }
  return to;
}

}  // namespace millrace
