// One agent of a message mesh: everything between an application that has messages, connections to
// some agents that carry batches, and a room where agents hear of each other (PROTOCOL, "Mesh").
//
// Sans-I/O and pull style, as Session: the user hands over what happened and when, then polls until
// every poll has nothing more to say. The same node runs in pages and in the simulator.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mesh/bandwidth_adapter.h"
#include "mesh/flood_guard.h"
#include "mesh/incoming_stream.h"
#include "mesh/message_queue.h"
#include "mesh/outgoing_stream.h"
#include "mesh/presence.h"
#include "mesh/topology.h"

namespace millrace {

struct MeshOptions {
  TopologyOptions topology;
  BandwidthOptions bandwidth;
  MessageQueueOptions queue;
  DeliveryLimits delivery;
  ResendOptions resend;
  // Of what each source may say, and of what this agent says itself.
  FloodLimits flood;
  PresenceOptions presence;
  // What a channel may hold: what is in it can not be overtaken any more.
  size_t channel_bytes = 64 * 1024;
  // Payload of all streams that waits for its turn.
  size_t waiting_bytes = 16 * 1024 * 1024;
  // A stream's acknowledgements are so far apart at least.
  Duration ack_interval = Duration::Millis(5);
  // Who comes and goes within this is one change of the plan.
  Duration plan_delay = Duration::Millis(30);
  // A neighbour without a connection for so long is suspected to be gone.
  Duration connect_timeout = Duration::Seconds(15);
  // A connection that the plan has no use for any more is kept so long.
  Duration linger = Duration::Seconds(5);
  // Who makes the plan; empty: the node itself. Agents in one program that see the same room may
  // share one.
  std::function<std::shared_ptr<const Plan>(std::vector<Agent>, const TopologyOptions&)> make_plan;
};

struct SendOptions {
  Level level = Level::kNormal;
  bool unordered = false;
  bool compressed = false;
  uint64_t timestamp_ms = 0;
};

// A message of this agent: its destination (empty: all), its stream, its number there.
struct MessageId {
  std::string destination;
  StreamKind stream;
  uint64_t sequence = 0;

  bool operator==(const MessageId&) const = default;
};

enum class DropReason : uint8_t {
  kMalformed,      // No packet of the mesh.
  kForged,         // Someone else's name on what its speaker sent itself, or the other way round.
  kLoop,           // It came back to its source, or has gone too far.
  kUnknownSource,  // From nobody in the room, or from an earlier life.
  kFlood,          // More than a source may say.
  kNoRoom,         // A queue, or the memory for what waits, is full.
};
inline constexpr size_t kDropReasons = 6;
std::string_view NameOf(DropReason reason);

struct MeshEvent {
  enum class Type : uint8_t {
    kJoined,     // `agent` is in the room.
    kLeft,       // It is not any more.
    kConnect,    // A connection to `agent` is wanted.
    kRelease,    // It is not needed any more.
    kMessage,    // From `agent`, in `id.stream`; `id.destination` is empty for a broadcast.
    kDelivered,  // Everyone that `id` was for, and did not leave, has acknowledged it.
    kFailed,     // The one that `id` was for has left before.
    kQuality,    // The mode changed.
    kTopology,   // `topology` holds from now on.
    kDropped,    // `count` packets since the last such event, the last one brought by `agent`.
    kDuplicate,  // Another agent holds the id: this node has left.
  };

  Type type = Type::kJoined;
  Agent agent{};
  MessageId id{};
  uint64_t timestamp_ms = 0;
  bool compressed = false;
  std::vector<uint8_t> payload{};
  QualityChange quality{};
  Topology topology = Topology::kAuto;
  DropReason reason = DropReason::kMalformed;
  uint64_t count = 0;
};

// A batch for the connection to an agent.
struct MeshOutput {
  std::string to;
  std::vector<uint8_t> batch;
};

struct MeshStats {
  QualityMode mode = QualityMode::kHigh;
  Topology topology = Topology::kAuto;
  bool is_hub = false;
  size_t connections = 0;
  uint64_t max_buffered = 0;  // Of one connection: what its channel and its queue hold.
  uint64_t sum_buffered = 0;
  size_t kept_bytes = 0;     // Payload of its own that is not acknowledged by all.
  size_t waiting_bytes = 0;  // Payload of others that waits for its turn.
  uint64_t sent = 0;         // Messages of its own.
  uint64_t received = 0;     // Messages delivered.
  uint64_t forwarded = 0;    // Packets, once for each connection.
  uint64_t resent = 0;
  uint64_t duplicates = 0;
  uint64_t batches = 0;
  uint64_t batch_bytes = 0;
  std::array<uint64_t, kDropReasons> dropped{};
};

class MeshNode {
 public:
  // `self.id` is an agent id. Says in the room that it is here.
  MeshNode(Agent self, const MeshOptions& options, Timestamp now);

  // --- The room ---

  // Takes what somebody said there. Nothing in it is trusted.
  void HandleRoom(const RoomMessage& message, Timestamp now);
  // The way to the room was lost and is back.
  void Rejoin() { presence_.SayAgain(); }
  // What this agent can forward, bytes per second; the others hear of it when its power of two
  // changes.
  void SetCapacity(uint64_t bytes_per_second) { presence_.SetCapacity(bytes_per_second); }
  void Leave();

  // --- Connections ---

  // A connection to an agent is up, wanted or not.
  void LinkUp(std::string_view id, Timestamp now);
  // It is gone; what waited for it is sent again another way.
  void LinkDown(std::string_view id, Timestamp now);
  // What its channel says it still holds, bytes.
  void SetBuffered(std::string_view id, size_t bytes);
  // A message of its channel. What is wrong with it is dropped and told (kDropped); the rest
  // counts. Cost: linear in the bytes; a copy of each payload that is delivered or forwarded.
  void HandleBatch(std::string_view from, ByteView batch, Timestamp now);

  // --- Messages ---

  // Errors, and nothing is sent: kInvalidArgument for an agent that is not here (`to` itself is
  // none) and where nobody else is here; kTooLarge for a payload past the limit, for more than a
  // source may say, and where too much waits to be acknowledged; kClosed once it has left.
  // State after: kept until kDelivered or kFailed tells its end.
  Result<MessageId> Send(std::string_view to, ByteView payload, const SendOptions& options,
                         Timestamp now);
  Result<MessageId> Broadcast(ByteView payload, const SendOptions& options, Timestamp now);
  // What waits for others to share a record with does not wait any longer.
  void Flush();

  // --- Time ---

  void AdvanceTime(Timestamp now);
  // When AdvanceTime or PollOutput has something to do without any input; may be early.
  Timestamp NextTimeout(Timestamp now) const;

  // --- What to do next; each until it answers nothing ---

  std::optional<MeshOutput> PollOutput(Timestamp now);
  std::optional<RoomMessage> PollSay() { return presence_.PollSay(); }
  std::optional<MeshEvent> PollEvent();

  // --- What is known ---

  QualityMode mode() const { return adapter_.mode(); }
  // What the connection to an agent has yet to send, its channel's part included; 0: there is none.
  uint64_t Buffered(std::string_view id) const;
  const Plan& plan() const { return *plan_; }
  const Presence& presence() const { return presence_; }
  MeshStats stats() const;

 private:
  struct Link {
    explicit Link(const MessageQueueOptions& options) : queue(options) {}
    uint64_t buffered() const { return channel_bytes + queue.bytes(); }
    Timestamp DueAt(Duration delay, Timestamp now) const {
      return flushing && !queue.empty() ? now : queue.DueAt(delay, now);
    }

    MessageQueue queue;
    uint64_t channel_bytes = 0;
    bool flushing = false;  // Until the queue is empty.
  };
  struct Incoming {
    IncomingStream stream;
    Timestamp next_ack;
    bool owes_ack = false;
  };
  // What is known of another agent as the source of packets.
  struct Source {
    FloodGuard messages;
    FloodGuard acks;
    std::map<StreamKind, Incoming> streams;
  };
  // The destination (empty: all) and the stream.
  using StreamKey = std::pair<std::string, StreamKind>;
  using Links = std::map<std::string, Link, std::less<>>;
  struct Drops {
    uint64_t all = 0;
    uint64_t told = 0;
    Timestamp tell_at;
  };

  void TakeChanges(Timestamp now);
  void OnJoined(const Agent& agent, Timestamp now);
  void OnLeft(const Agent& agent);
  void PlanSoon(Timestamp now) { plan_at_ = std::min(plan_at_, now + options_.plan_delay); }
  void MakePlan(Timestamp now);
  void Release(Timestamp now);
  void SuspectUnconnected(Timestamp now);

  void HandlePacket(std::string_view from, ByteView bytes, Timestamp now);
  void HandleAck(const Packet& packet, Timestamp now);
  // True: the first of its number.
  bool Deliver(const Packet& packet, Source& source, Timestamp now);
  void PassOn(std::string_view from, const Packet& packet, ByteView bytes, Timestamp now);
  void SendAcks(Timestamp now);

  Result<MessageId> Say(const StreamKey& key, ByteView payload, const SendOptions& options,
                        Timestamp now);
  void Transmit(const StreamKey& key, const OutgoingStream& stream, uint64_t sequence,
                std::string_view receiver, Timestamp now);
  void Resend(Timestamp now);
  // There may be a way for what found none.
  void RetryUnrouted(Timestamp now);
  // The way to an agent is full as it is.
  bool IsCongested(std::string_view to) const;
  std::optional<AgentIndex> NextHop(std::string_view to) const;
  void TellSettled(const StreamKey& key, OutgoingStream& stream, MeshEvent::Type type);

  // Answers whether there was a way.
  bool Route(std::string_view to, Level level, ByteView bytes, std::string_view not_back_to,
             Timestamp now);
  void Flood(std::optional<AgentIndex> from, Level level, ByteView bytes, Timestamp now);
  void Enqueue(AgentIndex neighbour, Level level, ByteView bytes, Timestamp now);
  bool IsUp(AgentIndex index) const { return links_.contains(plan_->agent(index).id); }
  Packet PacketTo(std::string_view destination, StreamKind stream) const;
  ByteView Encoded(const Packet& packet);
  void Drop(DropReason reason, std::string_view by, Timestamp now);
  void Sample(Timestamp now);

  MeshOptions options_;
  Presence presence_;
  BandwidthAdapter adapter_;
  FloodGuard own_;
  std::shared_ptr<const Plan> plan_;
  AgentIndex self_index_ = 0;
  bool closed_ = false;
  Timestamp plan_at_ = Timestamp::Never();
  std::vector<std::string> asked_;  // Agents that are answered once there is a plan with them.
  // Neighbours, and when those without a connection are suspected; Never: it has one.
  std::map<std::string, Timestamp, std::less<>> wanted_;
  std::map<std::string, Timestamp, std::less<>> lingering_;
  Links links_;
  std::string last_served_;  // Connections take turns.
  std::map<std::string, Source, std::less<>> sources_;
  std::map<StreamKey, OutgoingStream> outgoing_;
  Timestamp next_resend_ = Timestamp::Never();  // May be early.
  Timestamp next_ack_ = Timestamp::Never();
  std::vector<std::pair<std::string, StreamKind>> owed_acks_;
  // Something found no way: it goes out as soon as a connection is up.
  bool unrouted_ = false;
  std::deque<MeshEvent> events_;
  std::array<Drops, kDropReasons> drops_{};
  std::vector<uint8_t> scratch_;
  std::vector<uint8_t> passing_;
  std::vector<uint64_t> amounts_;
  MeshStats counters_;
};

}  // namespace millrace
