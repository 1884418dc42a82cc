#include "support/mesh_simulation.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <numeric>

#include "base/bytes.h"

namespace millrace::testing {

MeshSimulation::MeshSimulation(const MeshSimulationOptions& options)
    : options_(options), random_(options.seed) {
  options_.mesh.make_plan = [this](std::vector<Agent> room, const TopologyOptions& topology) {
    return SharedPlan(std::move(room), topology);
  };
}

// Agents that see the same room come to the same plan, so it is made once.
std::shared_ptr<const Plan> MeshSimulation::SharedPlan(std::vector<Agent> room,
                                                       const TopologyOptions& options) {
  uint64_t key = room.size();
  for (const Agent& agent : room) {
    Random mix(agent.incarnation.value ^ static_cast<uint64_t>(std::bit_width(agent.capacity)));
    key += mix.Next();
  }
  std::shared_ptr<const Plan>& plan = plans_[key];
  if (plan == nullptr) plan = std::make_shared<Plan>(std::move(room), options);
  return plan;
}

size_t MeshSimulation::Add(std::string id, uint64_t capacity) {
  const size_t index = agents_.size();
  Simulated& agent = agents_.emplace_back();
  agent.id = id;
  agent.node = std::make_unique<MeshNode>(
      Agent{std::move(id), Incarnation(random_.Next()), capacity}, options_.mesh, now_);
  by_id_[agent.id] = index;
  Poll(index);
  return index;
}

void MeshSimulation::AddKnown(size_t count) {
  const size_t first = agents_.size();
  std::vector<RoomMessage> words;
  for (size_t i = 0; i < count; ++i) {
    Simulated& agent = agents_.emplace_back();
    agent.id = "agent-" + std::to_string(first + i);
    by_id_[agent.id] = first + i;
    const Agent self{agent.id, Incarnation(random_.Next()), random_.Between(100'000, 50'000'000)};
    agent.node = std::make_unique<MeshNode>(self, options_.mesh, now_);
    while (agent.node->PollSay()) continue;
    words.push_back({.agents = {self}, .settled = true});
  }
  for (size_t i = first; i < agents_.size(); ++i) {
    // The last word is an answer, so that nobody asks again.
    words.back().to = agents_[i].id;
    for (const RoomMessage& word : words) {
      agents_[i].node->HandleRoom(word, now_);
      while (agents_[i].node->PollEvent()) continue;
    }
    Poll(i);
  }
}

void MeshSimulation::Kill(size_t agent) {
  agents_[agent].alive = false;
  for (size_t other = 0; other < agents_.size(); ++other) {
    if (!IsUp(agent, other)) continue;
    Schedule({.at = now_ + options_.detection,
              .type = Happening::Type::kBroke,
              .from = agent,
              .to = other,
              .generation = connections_[Between(agent, other)].generation});
  }
}

void MeshSimulation::Leave(size_t agent) {
  agents_[agent].node->Leave();
  Poll(agent);
  agents_[agent].alive = false;
  for (size_t other = 0; other < agents_.size(); ++other) {
    if (!IsUp(agent, other)) continue;
    Schedule({.at = now_ + options_.room_delay,
              .type = Happening::Type::kBroke,
              .from = agent,
              .to = other,
              .generation = connections_[Between(agent, other)].generation});
  }
}

std::vector<uint8_t> MeshSimulation::NewMessage(size_t from, std::vector<uint32_t> to,
                                                size_t bytes) {
  std::vector<uint8_t> payload(std::max<size_t>(bytes, 16));
  ByteWriter writer(payload);
  writer.U64(messages_.size());
  std::vector<bool> arrived(to.size());
  messages_.push_back({from, now_, std::move(to), std::move(arrived)});
  return payload;
}

bool MeshSimulation::Send(size_t from, size_t to, size_t bytes, const SendOptions& options) {
  const std::vector<uint8_t> payload = NewMessage(from, {static_cast<uint32_t>(to)}, bytes);
  const bool sent = agents_[from].node->Send(agents_[to].id, payload, options, now_).ok();
  if (!sent) messages_.pop_back();
  Poll(from);
  return sent;
}

bool MeshSimulation::Broadcast(size_t from, size_t bytes, const SendOptions& options) {
  std::vector<uint32_t> to;
  agents_[from].node->presence().ForEachOther(
      [&](const Agent& agent) { to.push_back(static_cast<uint32_t>(by_id_[agent.id])); });
  std::sort(to.begin(), to.end());
  const std::vector<uint8_t> payload = NewMessage(from, std::move(to), bytes);
  const bool sent = agents_[from].node->Broadcast(payload, options, now_).ok();
  if (!sent) messages_.pop_back();
  Poll(from);
  return sent;
}

void MeshSimulation::Inject(size_t from, size_t to, std::vector<uint8_t> batch) {
  Transmit(from, to, std::move(batch));
}

bool MeshSimulation::IsUp(size_t a, size_t b) const {
  const auto at = connections_.find(Between(a, b));
  return at != connections_.end() && at->second.up;
}

void MeshSimulation::RunFor(Duration span) {
  const Timestamp end = now_ + span;
  while (!queue_.empty() && queue_.top().at <= end) {
    Happening next = queue_.top();
    queue_.pop();
    now_ = next.at;
    Happen(next);
  }
  now_ = end;
}

void MeshSimulation::Schedule(Happening happening) {
  happening.order = ++order_;
  queue_.push(std::move(happening));
}

void MeshSimulation::Happen(Happening& happening) {
  const size_t from = happening.from;
  const size_t to = happening.to;
  Simulated& agent = agents_[to];
  switch (happening.type) {
    case Happening::Type::kWake:
      if (!agent.alive || agent.wake_at != happening.at) return;
      agent.wake_at = Timestamp::Never();
      break;
    case Happening::Type::kSaid:
      for (size_t i = 0; i < agents_.size(); ++i) {
        if (i == from || !agents_[i].alive) continue;
        if (!happening.said->to.empty() && happening.said->to != agents_[i].id) continue;
        agents_[i].node->HandleRoom(*happening.said, now_);
        Poll(i);
      }
      return;
    case Happening::Type::kOpened: {
      Connection& connection = connections_[Between(from, to)];
      connection.opening = false;
      if (!agents_[from].alive || !agent.alive) return;
      connection.up = true;
      channels_[{from, to}] = channels_[{to, from}] = {};
      agents_[from].node->LinkUp(agent.id, now_);
      agent.node->LinkUp(agents_[from].id, now_);
      Poll(from);
      break;
    }
    case Happening::Type::kArrived:
      if (!IsUp(from, to) || connections_[Between(from, to)].generation != happening.generation) {
        return;
      }
      if (!agent.alive) return;
      agent.node->HandleBatch(agents_[from].id, happening.batch, now_);
      break;
    case Happening::Type::kDrained: {
      if (!IsUp(from, to) || connections_[Between(from, to)].generation != happening.generation) {
        return;
      }
      Channel& channel = channels_[{to, from}];
      const bool was_full = channel.buffered >= options_.mesh.channel_bytes;
      channel.buffered -= happening.bytes;
      if (agent.alive) agent.node->SetBuffered(agents_[from].id, channel.buffered);
      // Only room where there was none lets a node do anything.
      if (!was_full) return;
      break;
    }
    case Happening::Type::kBroke:
      if (connections_[Between(from, to)].generation == happening.generation) Break(from, to);
      return;
    case Happening::Type::kRetry:
      if (agent.alive && agent.wants.contains(agents_[from].id)) Open(from, to);
      return;
  }
  if (agent.alive) Poll(to);
}

void MeshSimulation::Open(size_t a, size_t b) {
  Connection& connection = connections_[Between(a, b)];
  if (connection.up || connection.opening || !agents_[a].alive || !agents_[b].alive) return;
  if (connection.delay == Duration()) {
    connection.delay = Duration::Micros(
        static_cast<int64_t>(random_.Between(static_cast<uint64_t>(options_.least_delay.micros()),
                                             static_cast<uint64_t>(options_.most_delay.micros()))));
  }
  connection.opening = true;
  ++connection.generation;
  Schedule(
      {.at = now_ + options_.connect_time, .type = Happening::Type::kOpened, .from = a, .to = b});
}

void MeshSimulation::Break(size_t a, size_t b) {
  Connection& connection = connections_[Between(a, b)];
  if (!connection.up) return;
  connection.up = false;
  for (const auto& [self, other] : {Pair{a, b}, Pair{b, a}}) {
    if (!agents_[self].alive) continue;
    agents_[self].node->LinkDown(agents_[other].id, now_);
    // As a page does while the connection is wanted.
    Schedule({.at = now_ + options_.connect_time,
              .type = Happening::Type::kRetry,
              .from = other,
              .to = self});
    Poll(self);
  }
}

void MeshSimulation::Transmit(size_t from, size_t to, std::vector<uint8_t> batch) {
  if (!IsUp(from, to)) return;
  const Connection& connection = connections_[Between(from, to)];
  Channel& channel = channels_[{from, to}];
  const size_t bytes = batch.size();
  const auto micros =
      static_cast<int64_t>(static_cast<double>(bytes) * 1e6 / options_.bytes_per_second);
  channel.free_at = std::max(channel.free_at, now_) + Duration::Micros(micros);
  channel.buffered += bytes;
  Schedule({.at = channel.free_at,
            .type = Happening::Type::kDrained,
            .from = to,
            .to = from,
            .generation = connection.generation,
            .bytes = bytes});
  Schedule({.at = channel.free_at + connection.delay,
            .type = Happening::Type::kArrived,
            .from = from,
            .to = to,
            .generation = connection.generation,
            .batch = std::move(batch)});
}

void MeshSimulation::Poll(size_t index) {
  Simulated& agent = agents_[index];
  MeshNode& node = *agent.node;
  Timestamp next;
  bool sent = false;
  do {
    node.AdvanceTime(now_);
    while (auto output = node.PollOutput(now_)) {
      Transmit(index, by_id_[output->to], std::move(output->batch));
      sent = true;
    }
    while (auto said = node.PollSay()) {
      Schedule({.at = now_ + options_.room_delay,
                .type = Happening::Type::kSaid,
                .from = index,
                .said = std::make_shared<const RoomMessage>(std::move(*said))});
    }
    while (auto event = node.PollEvent()) Note(index, std::move(*event));
    next = node.NextTimeout(now_);
  } while (next <= now_);
  if (sent) {
    const MeshStats stats = node.stats();
    most_held_ =
        std::max<uint64_t>(most_held_, stats.sum_buffered + stats.kept_bytes + stats.waiting_bytes);
  }
  if (next < agent.wake_at || agent.wake_at <= now_) {
    agent.wake_at = next;
    if (!next.IsNever()) Schedule({.at = next, .type = Happening::Type::kWake, .to = index});
  }
}

void MeshSimulation::Note(size_t index, MeshEvent event) {
  Simulated& agent = agents_[index];
  const auto other = by_id_.find(event.agent.id);
  switch (event.type) {
    case MeshEvent::Type::kConnect:
      agent.wants.insert(event.agent.id);
      if (other != by_id_.end()) Open(index, other->second);
      break;
    case MeshEvent::Type::kRelease:
    case MeshEvent::Type::kLeft:
      agent.wants.erase(event.agent.id);
      if (other != by_id_.end()) {
        Schedule({.at = now_,
                  .type = Happening::Type::kBroke,
                  .from = index,
                  .to = other->second,
                  .generation = connections_[Between(index, other->second)].generation});
      }
      break;
    case MeshEvent::Type::kMessage: {
      if (!event.id.stream.unordered) {
        // The first number of a stream may be any: who joins does not hear what was before.
        const auto [last, first] =
            agent.last.try_emplace({event.agent.id, event.id.stream}, event.id.sequence);
        if (!first && event.id.sequence <= last->second) ++out_of_order_;
        last->second = event.id.sequence;
      }
      ByteReader reader(event.payload);
      const uint64_t number = reader.U64();
      if (!reader.ok() || number >= messages_.size()) break;
      Message& message = messages_[static_cast<size_t>(number)];
      const auto at =
          std::lower_bound(message.to.begin(), message.to.end(), static_cast<uint32_t>(index));
      if (at == message.to.end() || *at != index) break;
      const auto place = at - message.to.begin();
      if (message.arrived[static_cast<size_t>(place)]) ++twice_;
      message.arrived[static_cast<size_t>(place)] = true;
      latencies_ms_.push_back((now_ - message.sent_at).millis());
      event.payload.clear();
      break;
    }
    default:
      break;
  }
  if (event.type != MeshEvent::Type::kDelivered) agent.events.push_back(std::move(event));
}

MeshSimulation::Outcome MeshSimulation::Measure() {
  Outcome outcome;
  outcome.sent = messages_.size();
  for (const Message& message : messages_) {
    if (!agents_[message.from].alive) continue;
    for (size_t i = 0; i < message.to.size(); ++i) {
      if (!agents_[message.to[i]].alive) continue;
      ++outcome.expected;
      message.arrived[i] ? ++outcome.delivered : ++outcome.lost;
    }
  }
  outcome.twice = twice_;
  outcome.out_of_order = out_of_order_;
  std::sort(latencies_ms_.begin(), latencies_ms_.end());
  const auto quantile = [this](double share) {
    if (latencies_ms_.empty()) return 0.0;
    const double at = share * static_cast<double>(latencies_ms_.size() - 1);
    return latencies_ms_[static_cast<size_t>(at)];
  };
  outcome.p50_ms = quantile(0.5);
  outcome.p95_ms = quantile(0.95);
  outcome.max_ms = quantile(1);
  outcome.most_held_bytes = most_held_;
  for (const Simulated& agent : agents_) {
    if (!agent.alive) continue;
    const MeshStats stats = agent.node->stats();
    outcome.connections += stats.connections;
    outcome.most_connections = std::max(outcome.most_connections, stats.connections);
    outcome.resent += stats.resent;
  }
  outcome.connections /= 2;
  return outcome;
}

}  // namespace millrace::testing
