// What agents of a mesh say to each other, over any number of hops: encode beside decode (PROTOCOL,
// "Mesh"). Decoded packets point into what they were read from and live no longer than it.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/range_set.h"

namespace millrace {

// One life of an agent: a random number that it draws when it joins a room.
using Incarnation = StrongId<struct IncarnationTag, uint64_t>;

inline constexpr uint8_t kMeshVersion = 1;
inline constexpr size_t kMaxAgentIdBytes = 64;
// A byte for its type, and the data (PROTOCOL, "Application messages").
inline constexpr size_t kMaxMeshPayloadBytes = 1 + 64 * 1024;
inline constexpr size_t kMaxMeshAckRanges = 16;
// A packet with its headers, and a batch that carries more than one.
inline constexpr size_t kMaxMeshPacketBytes = kMaxMeshPayloadBytes + 256;
inline constexpr size_t kMaxMeshBatchBytes = kMaxMeshPacketBytes + 8;
// More than any route is long: 10 steps halve the distance among 1,024 agents.
inline constexpr uint8_t kMaxHops = 16;

// Higher ones overtake lower ones; the order holds within one.
enum class Level : uint8_t { kLow, kNormal, kHigh, kUrgent };
inline constexpr size_t kLevels = 4;

// What has one sequence of numbers: all messages of one source, to one destination or to all, of
// one level, ordered or not.
struct StreamKind {
  Level level = Level::kNormal;
  bool broadcast = false;
  bool unordered = false;

  constexpr auto operator<=>(const StreamKind&) const = default;
};

struct AgentName {
  std::string_view id;  // UTF-8, 1 to kMaxAgentIdBytes bytes.
  Incarnation incarnation;

  bool operator==(const AgentName&) const = default;
};

struct MessagePacket {
  uint64_t sequence = 0;
  // Nothing below this is sent any more.
  uint64_t oldest = 0;
  // Milliseconds on the source's clock, for the application.
  uint64_t timestamp_ms = 0;
  bool compressed = false;
  ByteView payload;
};

// What `source` has of a stream of `destination`'s: all below `next`, and the ranges above it.
struct MeshAckPacket {
  uint64_t next = 0;
  std::array<Range, kMaxMeshAckRanges> ranges;
  size_t range_count = 0;

  std::span<const Range> used() const { return std::span(ranges).first(range_count); }
};

struct Packet {
  enum class Type : uint8_t { kMessage = 1, kAck = 2 };

  Type type = Type::kMessage;
  uint8_t hops = 0;  // Agents that have forwarded it.
  StreamKind stream;
  AgentName source;
  // Empty, incarnation 0: every agent. Only a broadcast message may say that.
  AgentName destination;
  MessagePacket message;
  MeshAckPacket ack;

  bool ToAll() const { return destination.id.empty(); }
};

bool IsAgentId(std::string_view id);

// Appends a packet; `writer.ok()` tells whether it fitted.
void EncodePacket(const Packet& packet, ByteWriter& writer);

// Reads one whole packet.
// Errors: kProtocolViolation for another version, an unknown type or flag, a name that is none, a
// number out of its range, and for what is cut short or goes on; kTooLarge for a payload past the
// limit.
Result<Packet> DecodePacket(ByteView bytes);

// A batch is what one channel message carries: packets, each behind its length. Takes the next one.
// Errors: kProtocolViolation where it is cut short, empty or longer than a packet may be.
Result<ByteView> NextInBatch(ByteReader& batch);

}  // namespace millrace
