#include "mesh/mesh_node.h"

#include <algorithm>

namespace millrace {
namespace {

// The place of `hops` in an encoded packet.
constexpr size_t kHopsAt = 2;
// Each message may bring an acknowledgement, and one agent may acknowledge many others.
constexpr int64_t kAcksPerMessage = 16;
constexpr Duration kTellInterval = Duration::Seconds(1);
constexpr Level kAckLevel = Level::kHigh;

FloodLimits AckLimits(FloodLimits limits) {
  limits.messages_per_second = std::clamp<int64_t>(limits.messages_per_second, 1, 1'000'000);
  limits.messages_per_second *= kAcksPerMessage;
  return limits;
}

}  // namespace

std::string_view NameOf(DropReason reason) {
  constexpr std::string_view kNames[kDropReasons] = {"malformed",      "forged", "loop",
                                                     "unknown-source", "flood",  "no-room"};
  return kNames[static_cast<size_t>(reason)];
}

MeshNode::MeshNode(Agent self, const MeshOptions& options, Timestamp now)
    : options_(options),
      presence_(std::move(self), options.presence, now),
      adapter_(options.bandwidth),
      own_(options.flood),
      scratch_(kMaxMeshPacketBytes) {
  MakePlan(now);
}

// --- The room ---

void MeshNode::HandleRoom(const RoomMessage& message, Timestamp now) {
  presence_.OnMessage(message, now);
  TakeChanges(now);
}

void MeshNode::Leave() {
  presence_.Leave();
  closed_ = true;
}

void MeshNode::TakeChanges(Timestamp now) {
  while (const auto change = presence_.PollChange()) {
    switch (change->type) {
      case PresenceChange::Type::kJoined:
        OnJoined(change->agent, now);
        break;
      case PresenceChange::Type::kLeft:
        OnLeft(change->agent);
        break;
      case PresenceChange::Type::kAsks:
        asked_.push_back(change->agent.id);
        break;
      case PresenceChange::Type::kCapacity:
        break;
    }
    PlanSoon(now);
  }
  if (!presence_.yielded() || closed_) return;
  closed_ = true;
  events_.push_back({.type = MeshEvent::Type::kDuplicate, .agent = presence_.self()});
}

void MeshNode::OnJoined(const Agent& agent, Timestamp now) {
  events_.push_back({.type = MeshEvent::Type::kJoined, .agent = agent});
  if (links_.contains(agent.id)) presence_.OnConnection(agent.id, true, false, now);
  for (auto& [key, stream] : outgoing_) {
    if (!key.first.empty()) continue;
    stream.AddReceiver(agent.id, now);
    next_resend_ = std::min(next_resend_, stream.NextResend());
  }
}

void MeshNode::OnLeft(const Agent& agent) {
  events_.push_back({.type = MeshEvent::Type::kLeft, .agent = agent});
  if (const auto source = sources_.find(agent.id); source != sources_.end()) {
    for (const auto& [kind, incoming] : source->second.streams) {
      counters_.waiting_bytes -= incoming.stream.waiting_bytes();
    }
    sources_.erase(source);
  }
  wanted_.erase(agent.id);
  lingering_.erase(agent.id);
  for (auto at = outgoing_.begin(); at != outgoing_.end();) {
    const StreamKey& key = at->first;
    const bool only = key.first == agent.id;
    if (only || key.first.empty()) {
      at->second.RemoveReceiver(agent.id);
      TellSettled(key, at->second, only ? MeshEvent::Type::kFailed : MeshEvent::Type::kDelivered);
    }
    at = only ? outgoing_.erase(at) : std::next(at);
  }
}

void MeshNode::MakePlan(Timestamp now) {
  plan_at_ = Timestamp::Never();
  const Topology before = plan_ ? plan_->topology() : Topology::kAuto;
  plan_ = options_.make_plan ? options_.make_plan(presence_.Room(), options_.topology)
                             : std::make_shared<Plan>(presence_.Room(), options_.topology);
  self_index_ = plan_->Find(presence_.self().id).value_or(0);
  if (plan_->topology() != before) {
    events_.push_back({.type = MeshEvent::Type::kTopology, .topology = plan_->topology()});
  }

  std::map<std::string, Timestamp, std::less<>> wanted;
  for (const AgentIndex index : plan_->Neighbours(self_index_)) {
    const Agent& agent = plan_->agent(index);
    lingering_.erase(agent.id);
    const auto known = wanted_.find(agent.id);
    if (known != wanted_.end()) {
      wanted.insert(*known);
      continue;
    }
    const bool is_up = links_.contains(agent.id);
    wanted.emplace(agent.id, is_up ? Timestamp::Never() : now + options_.connect_timeout);
    events_.push_back({.type = MeshEvent::Type::kConnect, .agent = agent});
  }
  for (const auto& [id, deadline] : wanted_) {
    if (!wanted.contains(id)) lingering_.emplace(id, now + options_.linger);
  }
  wanted_ = std::move(wanted);

  // In a full mesh everyone speaks for itself; else the neighbours tell who is in the room.
  const bool is_full = plan_->topology() == Topology::kFull;
  for (const std::string& id : asked_) {
    if (is_full || wanted_.contains(id)) presence_.Answer(id, !is_full);
  }
  asked_.clear();
  RetryUnrouted(now);
}

// --- Connections ---

void MeshNode::LinkUp(std::string_view id, Timestamp now) {
  if (closed_ || !IsAgentId(id) || !links_.try_emplace(std::string(id), options_.queue).second) {
    return;
  }
  if (presence_.Find(id) == nullptr) presence_.Ask(id, now);
  presence_.OnConnection(id, true, false, now);
  const auto wanted = wanted_.find(id);
  if (wanted != wanted_.end()) wanted->second = Timestamp::Never();
  RetryUnrouted(now);
}

void MeshNode::RetryUnrouted(Timestamp now) {
  if (!std::exchange(unrouted_, false)) return;
  for (auto& [key, stream] : outgoing_) stream.Hasten(now);
  next_resend_ = now;
}

void MeshNode::LinkDown(std::string_view id, Timestamp now) {
  const auto at = links_.find(id);
  if (at == links_.end()) return;
  links_.erase(at);
  const auto wanted = wanted_.find(id);
  if (wanted != wanted_.end()) wanted->second = now + options_.connect_timeout;
  presence_.OnConnection(id, false, wanted == wanted_.end(), now);
  TakeChanges(now);
}

void MeshNode::SetBuffered(std::string_view id, size_t bytes) {
  const auto at = links_.find(id);
  if (at != links_.end()) at->second.channel_bytes = bytes;
}

uint64_t MeshNode::Buffered(std::string_view id) const {
  const auto at = links_.find(id);
  return at == links_.end() ? 0 : at->second.buffered();
}

void MeshNode::HandleBatch(std::string_view from, ByteView batch, Timestamp now) {
  if (closed_ || !links_.contains(from)) return;
  ByteReader reader(batch);
  while (!reader.AtEnd()) {
    const Result<ByteView> packet = NextInBatch(reader);
    if (!packet.ok()) {
      Drop(DropReason::kMalformed, from, now);
      break;
    }
    HandlePacket(from, packet.value(), now);
  }
  SendAcks(now);
}

void MeshNode::HandlePacket(std::string_view from, ByteView bytes, Timestamp now) {
  const Result<Packet> decoded = DecodePacket(bytes);
  if (!decoded.ok()) return Drop(DropReason::kMalformed, from, now);
  const Packet& packet = decoded.value();
  if (packet.source.id == presence_.self().id) return Drop(DropReason::kLoop, from, now);
  // What its source sends itself has gone no step, and nothing else has its source next to it.
  if ((packet.hops == 0) != (packet.source.id == from)) {
    return Drop(DropReason::kForged, from, now);
  }
  const Agent* agent = presence_.Find(packet.source.id);
  if (agent == nullptr || agent->incarnation != packet.source.incarnation) {
    // Everyone else may know it: what it says is sent again, and then it is known here, too.
    presence_.Ask(packet.source.id, now);
    return Drop(DropReason::kUnknownSource, from, now);
  }
  auto at = sources_.find(packet.source.id);
  if (at == sources_.end()) {
    const FloodGuard messages(options_.flood);
    const FloodGuard acks(AckLimits(options_.flood));
    at = sources_.emplace(agent->id, Source{messages, acks, {}}).first;
  }
  Source& source = at->second;
  const bool is_ack = packet.type == Packet::Type::kAck;
  if (!(is_ack ? source.acks : source.messages).Allow(bytes.size(), now)) {
    return Drop(DropReason::kFlood, packet.source.id, now);
  }

  const bool to_self = packet.destination.id == presence_.self().id;
  if (to_self && packet.destination.incarnation != presence_.self().incarnation) {
    return Drop(DropReason::kUnknownSource, from, now);
  }
  if (!to_self && !packet.ToAll()) return PassOn(from, packet, bytes, now);
  if (is_ack) return HandleAck(packet, now);
  if (Deliver(packet, source, now) && packet.ToAll()) PassOn(from, packet, bytes, now);
}

void MeshNode::HandleAck(const Packet& packet, Timestamp now) {
  const StreamKey key(packet.stream.broadcast ? std::string() : std::string(packet.source.id),
                      packet.stream);
  const auto at = outgoing_.find(key);
  if (at == outgoing_.end()) return;
  if (!at->second.OnAck(packet.source.id, packet.ack, now).ok()) {
    return Drop(DropReason::kMalformed, packet.source.id, now);
  }
  TellSettled(key, at->second, MeshEvent::Type::kDelivered);
}

bool MeshNode::Deliver(const Packet& packet, Source& source, Timestamp now) {
  const auto [at, is_new] = source.streams.try_emplace(
      packet.stream,
      Incoming{IncomingStream(packet.stream.unordered, options_.delivery), now, false});
  Incoming& incoming = at->second;
  const size_t waiting_before = incoming.stream.waiting_bytes();
  if (incoming.stream.Waits(packet.message.sequence) &&
      counters_.waiting_bytes + packet.message.payload.size() > options_.waiting_bytes) {
    Drop(DropReason::kNoRoom, packet.source.id, now);
    return false;
  }
  const IncomingStream::Outcome outcome = incoming.stream.OnMessage(packet.message);
  if (outcome == IncomingStream::Outcome::kOutOfRoom) {
    Drop(DropReason::kNoRoom, packet.source.id, now);
  } else if (!incoming.owes_ack) {
    incoming.owes_ack = true;
    owed_acks_.emplace_back(packet.source.id, packet.stream);
    next_ack_ = std::min(next_ack_, incoming.next_ack);
  }
  if (outcome == IncomingStream::Outcome::kDuplicate) ++counters_.duplicates;

  const Agent* agent = presence_.Find(packet.source.id);
  Delivered delivered;
  while (incoming.stream.Pop(delivered)) {
    MeshEvent event{.type = MeshEvent::Type::kMessage, .agent = *agent};
    if (!packet.stream.broadcast) event.id.destination = presence_.self().id;
    event.id.stream = packet.stream;
    event.id.sequence = delivered.sequence;
    event.timestamp_ms = delivered.timestamp_ms;
    event.compressed = delivered.compressed;
    event.payload = std::move(delivered.payload);
    events_.push_back(std::move(event));
    ++counters_.received;
  }
  counters_.waiting_bytes += incoming.stream.waiting_bytes() - waiting_before;
  return outcome == IncomingStream::Outcome::kTaken;
}

void MeshNode::PassOn(std::string_view from, const Packet& packet, ByteView bytes, Timestamp now) {
  if (packet.hops >= kMaxHops) return Drop(DropReason::kLoop, from, now);
  passing_.assign(bytes.begin(), bytes.end());
  ++passing_[kHopsAt];
  const Level level = packet.type == Packet::Type::kAck ? kAckLevel : packet.stream.level;
  if (!packet.ToAll()) {
    // Whoever sent it this way knows more than this one does.
    if (presence_.Find(packet.destination.id) == nullptr) presence_.Ask(packet.destination.id, now);
    Route(packet.destination.id, level, passing_, from, now);
    return;
  }
  // Who is not in the plan yet has no place to go on from; its source sends again what is missed.
  const std::optional<AgentIndex> index = plan_->Find(from);
  if (index) Flood(index, level, passing_, now);
}

void MeshNode::SendAcks(Timestamp now) {
  if (now < next_ack_) return;
  next_ack_ = Timestamp::Never();
  std::erase_if(owed_acks_, [&](const auto& owed) {
    const auto& [id, kind] = owed;
    const auto source = sources_.find(id);
    if (source == sources_.end()) return true;
    const auto at = source->second.streams.find(kind);
    if (at == source->second.streams.end()) return true;
    Incoming& incoming = at->second;
    if (incoming.next_ack > now) {
      next_ack_ = std::min(next_ack_, incoming.next_ack);
      return false;
    }
    incoming.owes_ack = false;
    incoming.next_ack = now + options_.ack_interval;
    Packet packet = PacketTo(id, kind);
    packet.type = Packet::Type::kAck;
    packet.ack = incoming.stream.Ack();
    Route(id, kAckLevel, Encoded(packet), {}, now);
    return true;
  });
}

// --- Messages ---

Result<MessageId> MeshNode::Send(std::string_view to, ByteView payload, const SendOptions& options,
                                 Timestamp now) {
  if (closed_) return Error{ErrorCode::kClosed, "this agent has left"};
  if (presence_.Find(to) == nullptr) {
    return Error{ErrorCode::kInvalidArgument, "there is no such agent"};
  }
  return Say({std::string(to), {options.level, false, options.unordered}}, payload, options, now);
}

Result<MessageId> MeshNode::Broadcast(ByteView payload, const SendOptions& options, Timestamp now) {
  if (closed_) return Error{ErrorCode::kClosed, "this agent has left"};
  if (presence_.others() == 0) {
    return Error{ErrorCode::kInvalidArgument, "there is no other agent"};
  }
  return Say({std::string(), {options.level, true, options.unordered}}, payload, options, now);
}

Result<MessageId> MeshNode::Say(const StreamKey& key, ByteView payload, const SendOptions& options,
                                Timestamp now) {
  if (payload.size() > kMaxMeshPayloadBytes) {
    return Error{ErrorCode::kTooLarge, "the message is too long"};
  }
  if (!own_.Allow(payload.size(), now)) {
    return Error{ErrorCode::kTooLarge, "more than an agent may say at once"};
  }
  const auto [at, is_new] =
      outgoing_.try_emplace(key, OutgoingStream(options_.delivery, options_.resend));
  OutgoingStream& stream = at->second;
  if (is_new && !key.first.empty()) stream.AddReceiver(key.first, now);
  if (is_new && key.first.empty()) {
    presence_.ForEachOther([&](const Agent& agent) { stream.AddReceiver(agent.id, now); });
  }
  const Result<uint64_t> added = stream.Add(payload, options.timestamp_ms, options.compressed, now);
  if (!added.ok()) return added.error();
  next_resend_ = std::min(next_resend_, stream.NextResend());
  ++counters_.sent;
  Transmit(key, stream, added.value(), key.first, now);
  return MessageId{key.first, key.second, added.value()};
}

void MeshNode::Flush() {
  for (auto& [id, link] : links_) link.flushing = !link.queue.empty();
}

// Sends a message that is kept, to one receiver or (`receiver` empty) along the broadcast's way.
void MeshNode::Transmit(const StreamKey& key, const OutgoingStream& stream, uint64_t sequence,
                        std::string_view receiver, Timestamp now) {
  Packet packet = PacketTo(receiver, key.second);
  if (!stream.Find(sequence, packet.message)) return;
  const ByteView bytes = Encoded(packet);
  if (receiver.empty()) return Flood(std::nullopt, key.second.level, bytes, now);
  if (!Route(receiver, key.second.level, bytes, {}, now)) unrouted_ = true;
}

void MeshNode::Resend(Timestamp now) {
  if (now < next_resend_) return;
  next_resend_ = Timestamp::Never();
  for (auto& [key, stream] : outgoing_) {
    for (const OutgoingStream::Resend& due : stream.DueResends(now)) {
      if (IsCongested(due.receiver)) continue;
      for (const uint64_t sequence : due.sequences) {
        ++counters_.resent;
        Transmit(key, stream, sequence, due.receiver, now);
      }
    }
    next_resend_ = std::min(next_resend_, stream.NextResend());
  }
}

bool MeshNode::IsCongested(std::string_view to) const {
  const std::optional<AgentIndex> next = NextHop(to);
  return next && Buffered(plan_->agent(*next).id) > 4 * uint64_t{options_.channel_bytes};
}

void MeshNode::TellSettled(const StreamKey& key, OutgoingStream& stream, MeshEvent::Type type) {
  uint64_t sequence = 0;
  while (stream.PopSettled(sequence)) {
    events_.push_back({.type = type, .id = {key.first, key.second, sequence}});
  }
}

Packet MeshNode::PacketTo(std::string_view destination, StreamKind stream) const {
  Packet packet;
  packet.stream = stream;
  packet.source = {presence_.self().id, presence_.self().incarnation};
  if (const Agent* agent = presence_.Find(destination)) {
    packet.destination = {agent->id, agent->incarnation};
  }
  return packet;
}

ByteView MeshNode::Encoded(const Packet& packet) {
  ByteWriter writer(scratch_);
  EncodePacket(packet, writer);
  return writer.written();
}

std::optional<AgentIndex> MeshNode::NextHop(std::string_view to) const {
  const std::optional<AgentIndex> index = plan_->Find(to);
  if (!index) return std::nullopt;
  return plan_->NextHop(self_index_, *index, [this](AgentIndex i) { return IsUp(i); });
}

bool MeshNode::Route(std::string_view to, Level level, ByteView bytes, std::string_view not_back_to,
                     Timestamp now) {
  const std::optional<AgentIndex> next = NextHop(to);
  if (!next || plan_->agent(*next).id == not_back_to) return false;
  Enqueue(*next, level, bytes, now);
  return true;
}

void MeshNode::Flood(std::optional<AgentIndex> from, Level level, ByteView bytes, Timestamp now) {
  const std::vector<AgentIndex> to =
      plan_->Forward(self_index_, from, [this](AgentIndex i) { return IsUp(i); });
  for (const AgentIndex index : to) Enqueue(index, level, bytes, now);
  if (to.empty() && !from) unrouted_ = true;
}

void MeshNode::Enqueue(AgentIndex neighbour, Level level, ByteView bytes, Timestamp now) {
  const std::string& id = plan_->agent(neighbour).id;
  MessageQueue& queue = links_.find(id)->second.queue;
  const uint64_t dropped = queue.dropped();
  const bool queued = queue.Push(level, bytes, now);
  if (!queued || queue.dropped() > dropped) Drop(DropReason::kNoRoom, id, now);
  if (queued && bytes[kHopsAt] > 0) ++counters_.forwarded;
}

// --- Time ---

void MeshNode::AdvanceTime(Timestamp now) {
  presence_.AdvanceTime(now);
  TakeChanges(now);
  if (closed_) return;
  if (now >= plan_at_) MakePlan(now);
  Release(now);
  SuspectUnconnected(now);
  SendAcks(now);
  Resend(now);
  Sample(now);
}

void MeshNode::Release(Timestamp now) {
  for (auto at = lingering_.begin(); at != lingering_.end();) {
    if (at->second > now) {
      ++at;
      continue;
    }
    events_.push_back({.type = MeshEvent::Type::kRelease, .agent = {.id = at->first}});
    at = lingering_.erase(at);
  }
}

void MeshNode::SuspectUnconnected(Timestamp now) {
  for (auto& [id, deadline] : wanted_) {
    if (deadline > now) continue;
    deadline = now + options_.connect_timeout;
    presence_.Suspect(id, now);
  }
}

void MeshNode::Sample(Timestamp now) {
  if (adapter_.next_sample().value_or(now) > now) return;
  amounts_.clear();
  for (const auto& [id, link] : links_) amounts_.push_back(link.buffered());
  const std::optional<QualityChange> change = adapter_.Sample(amounts_, now);
  if (change) events_.push_back({.type = MeshEvent::Type::kQuality, .quality = *change});
}

Timestamp MeshNode::NextTimeout(Timestamp now) const {
  Timestamp next = presence_.NextTimeout();
  if (closed_) return next;
  next = std::min({next, plan_at_, next_ack_, next_resend_});
  for (const auto& [id, at] : lingering_) next = std::min(next, at);
  for (const auto& [id, deadline] : wanted_) next = std::min(next, deadline);
  bool busy = adapter_.mode() != QualityMode::kHigh;
  for (const auto& [id, link] : links_) {
    if (link.buffered() == 0) continue;
    busy = true;
    if (link.channel_bytes >= options_.channel_bytes) continue;
    next = std::min(next, link.DueAt(adapter_.batch_delay(), now));
  }
  // An idle mesh needs no samples: they could change nothing.
  if (busy) next = std::min(next, adapter_.next_sample().value_or(now));
  return next;
}

std::optional<MeshOutput> MeshNode::PollOutput(Timestamp now) {
  if (links_.empty()) return std::nullopt;
  auto at = links_.upper_bound(last_served_);
  for (size_t i = 0; i < links_.size(); ++i, ++at) {
    if (at == links_.end()) at = links_.begin();
    Link& link = at->second;
    if (link.queue.empty() || link.channel_bytes >= options_.channel_bytes) continue;
    if (link.DueAt(adapter_.batch_delay(), now) > now) continue;
    MeshOutput output{at->first, *link.queue.PopBatch()};
    if (link.queue.empty()) link.flushing = false;
    link.channel_bytes += output.batch.size();
    last_served_ = at->first;
    ++counters_.batches;
    counters_.batch_bytes += output.batch.size();
    return output;
  }
  return std::nullopt;
}

std::optional<MeshEvent> MeshNode::PollEvent() {
  if (events_.empty()) return std::nullopt;
  MeshEvent event = std::move(events_.front());
  events_.pop_front();
  return event;
}

void MeshNode::Drop(DropReason reason, std::string_view by, Timestamp now) {
  Drops& drops = drops_[static_cast<size_t>(reason)];
  ++drops.all;
  if (now < drops.tell_at) return;
  MeshEvent event{.type = MeshEvent::Type::kDropped};
  event.agent.id = by;
  event.reason = reason;
  event.count = drops.all - std::exchange(drops.told, drops.all);
  events_.push_back(std::move(event));
  drops.tell_at = now + kTellInterval;
}

MeshStats MeshNode::stats() const {
  MeshStats stats = counters_;
  stats.mode = adapter_.mode();
  stats.topology = plan_->topology();
  stats.is_hub = plan_->IsHub(self_index_);
  stats.connections = links_.size();
  for (const auto& [id, link] : links_) {
    stats.max_buffered = std::max(stats.max_buffered, link.buffered());
    stats.sum_buffered += link.buffered();
  }
  for (const auto& [key, stream] : outgoing_) stats.kept_bytes += stream.kept_bytes();
  for (size_t i = 0; i < kDropReasons; ++i) stats.dropped[i] = drops_[i].all;
  return stats;
}

}  // namespace millrace
