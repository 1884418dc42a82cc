#include "mesh/message.h"

#include "wire/utf8.h"

namespace millrace {
namespace {

// The byte that says which stream, and the flag of a compressed payload.
constexpr uint8_t kLevelBits = 0x03;
constexpr uint8_t kBroadcastBit = 0x04;
constexpr uint8_t kUnorderedBit = 0x08;
constexpr uint8_t kCompressedBit = 0x10;
constexpr uint8_t kKnownBits = 0x1f;

uint8_t StreamByte(const Packet& packet) {
  uint8_t byte = static_cast<uint8_t>(packet.stream.level);
  if (packet.stream.broadcast) byte |= kBroadcastBit;
  if (packet.stream.unordered) byte |= kUnorderedBit;
  if (packet.message.compressed) byte |= kCompressedBit;
  return byte;
}

void EncodeName(const AgentName& name, ByteWriter& writer) {
  writer.LengthPrefixed(AsBytes(name.id));
  writer.U64(name.incarnation.value);
}

AgentName ReadName(ByteReader& reader) {
  AgentName name;
  name.id = AsText(reader.LengthPrefixed(kMaxAgentIdBytes));
  name.incarnation = Incarnation(reader.U64());
  return name;
}

void EncodeAck(const MeshAckPacket& ack, ByteWriter& writer) {
  writer.Varint(ack.next);
  writer.Varint(ack.range_count);
  uint64_t previous_end = ack.next;
  for (const Range& range : ack.used()) {
    writer.Varint(range.begin - previous_end);
    writer.Varint(range.length());
    previous_end = range.end;
  }
}

Result<MeshAckPacket> ReadAck(ByteReader& reader) {
  MeshAckPacket ack;
  ack.next = reader.Varint();
  const uint64_t count = reader.Varint();
  if (!reader.ok() || count > kMaxMeshAckRanges) return Violation("mesh ack is cut short");
  ack.range_count = static_cast<size_t>(count);
  uint64_t end = ack.next;
  for (size_t i = 0; i < ack.range_count; ++i) {
    const uint64_t step = reader.Varint();
    const uint64_t length = reader.Varint();
    if (!reader.ok()) return Violation("mesh ack is cut short");
    if (step == 0 || length == 0 || step > kMaxVarint - end || length > kMaxVarint - end - step) {
      return Violation("mesh ack range is empty, touches or overflows");
    }
    ack.ranges[i] = Range{end + step, end + step + length};
    end = ack.ranges[i].end;
  }
  return ack;
}

}  // namespace

bool IsAgentId(std::string_view id) {
  return !id.empty() && id.size() <= kMaxAgentIdBytes && IsUtf8(id);
}

void EncodePacket(const Packet& packet, ByteWriter& writer) {
  writer.U8(kMeshVersion);
  writer.U8(static_cast<uint8_t>(packet.type));
  writer.U8(packet.hops);
  writer.U8(StreamByte(packet));
  EncodeName(packet.source, writer);
  EncodeName(packet.destination, writer);
  if (packet.type == Packet::Type::kAck) return EncodeAck(packet.ack, writer);
  writer.Varint(packet.message.sequence);
  writer.Varint(packet.message.oldest);
  writer.Varint(packet.message.timestamp_ms);
  writer.Bytes(packet.message.payload);
}

Result<Packet> DecodePacket(ByteView bytes) {
  ByteReader reader(bytes);
  Packet packet;
  const uint8_t version = reader.U8();
  const uint8_t type = reader.U8();
  packet.hops = reader.U8();
  const uint8_t stream = reader.U8();
  packet.source = ReadName(reader);
  packet.destination = ReadName(reader);
  if (!reader.ok()) return Violation("mesh packet is cut short");
  if (version != kMeshVersion) return Violation("mesh packet of another version");
  if (packet.hops > kMaxHops) return Violation("mesh packet has gone too far");
  if ((stream & ~kKnownBits) != 0) return Violation("mesh packet with unknown flags");
  packet.stream.level = static_cast<Level>(stream & kLevelBits);
  packet.stream.broadcast = (stream & kBroadcastBit) != 0;
  packet.stream.unordered = (stream & kUnorderedBit) != 0;
  packet.message.compressed = (stream & kCompressedBit) != 0;
  if (!IsAgentId(packet.source.id)) return Violation("mesh packet without a source");
  if (packet.ToAll() ? packet.destination.incarnation != Incarnation()
                     : !IsAgentId(packet.destination.id)) {
    return Violation("mesh packet for no agent");
  }
  if (type == static_cast<uint8_t>(Packet::Type::kAck)) {
    packet.type = Packet::Type::kAck;
    if (packet.ToAll() || packet.message.compressed) return Violation("mesh ack for no one");
    Result<MeshAckPacket> ack = ReadAck(reader);
    if (!ack.ok()) return ack.error();
    if (!reader.AtEnd()) return Violation("mesh ack goes on after its end");
    packet.ack = ack.value();
    return packet;
  }
  if (type != static_cast<uint8_t>(Packet::Type::kMessage)) {
    return Violation("mesh packet of unknown type");
  }
  if (packet.ToAll() && !packet.stream.broadcast) return Violation("mesh message for no agent");
  packet.message.sequence = reader.Varint();
  packet.message.oldest = reader.Varint();
  packet.message.timestamp_ms = reader.Varint();
  if (!reader.ok()) return Violation("mesh message is cut short");
  if (packet.message.oldest > packet.message.sequence) {
    return Violation("mesh message that is not sent any more");
  }
  if (packet.message.sequence == kMaxVarint) return Violation("mesh stream has no numbers left");
  packet.message.payload = reader.rest();
  if (packet.message.payload.size() > kMaxMeshPayloadBytes) {
    return Error{ErrorCode::kTooLarge, "mesh message is too long"};
  }
  return packet;
}

Result<ByteView> NextInBatch(ByteReader& batch) {
  const ByteView packet = batch.LengthPrefixed(kMaxMeshPacketBytes);
  if (!batch.ok() || packet.empty()) return Violation("mesh batch is cut short or holds nothing");
  return packet;
}

}  // namespace millrace
