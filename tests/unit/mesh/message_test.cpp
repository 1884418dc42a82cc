#include "mesh/message.h"

#include <catch2/catch_test_macros.hpp>
#include <string>
#include <vector>

namespace millrace {
namespace {

std::vector<uint8_t> Encoded(const Packet& packet) {
  std::vector<uint8_t> bytes(kMaxMeshPacketBytes + 1000);
  ByteWriter writer(bytes);
  EncodePacket(packet, writer);
  REQUIRE(writer.ok());
  bytes.resize(writer.size());
  return bytes;
}

Packet SomeMessage() {
  static const std::vector<uint8_t> payload = {9, 8, 7};
  Packet packet;
  packet.hops = 3;
  packet.stream = {Level::kUrgent, false, true};
  packet.source = {"anna", Incarnation(0x0102030405060708)};
  packet.destination = {"björn", Incarnation(5)};
  packet.message = {70, 64, 1'700'000'000'000, true, payload};
  return packet;
}

Packet SomeAck() {
  Packet packet;
  packet.type = Packet::Type::kAck;
  packet.source = {"a", Incarnation(1)};
  packet.destination = {"b", Incarnation(2)};
  packet.ack.next = 5;
  packet.ack.ranges[0] = {6, 8};
  packet.ack.ranges[1] = {10, 11};
  packet.ack.range_count = 2;
  return packet;
}

TEST_CASE("a mesh message comes back as it was") {
  const std::vector<uint8_t> bytes = Encoded(SomeMessage());
  const Result<Packet> packet = DecodePacket(bytes);
  REQUIRE(packet.ok());
  CHECK(packet.value().hops == 3);
  CHECK(packet.value().stream == SomeMessage().stream);
  CHECK(packet.value().source == SomeMessage().source);
  CHECK(packet.value().destination == SomeMessage().destination);
  CHECK(packet.value().message.sequence == 70);
  CHECK(packet.value().message.oldest == 64);
  CHECK(packet.value().message.timestamp_ms == 1'700'000'000'000);
  CHECK(packet.value().message.compressed);
  CHECK(packet.value().message.payload.size() == 3);
  CHECK(Encoded(packet.value()) == bytes);
}

TEST_CASE("a mesh ack comes back as it was") {
  const std::vector<uint8_t> bytes = Encoded(SomeAck());
  const Result<Packet> packet = DecodePacket(bytes);
  REQUIRE(packet.ok());
  CHECK(packet.value().ack.next == 5);
  REQUIRE(packet.value().ack.range_count == 2);
  CHECK(packet.value().ack.ranges[1] == Range{10, 11});
  CHECK(Encoded(packet.value()) == bytes);
}

TEST_CASE("a packet cut anywhere is an error, or a message with a shorter payload") {
  for (const Packet& whole : {SomeMessage(), SomeAck()}) {
    const std::vector<uint8_t> bytes = Encoded(whole);
    const size_t headers = bytes.size() - whole.message.payload.size();
    for (size_t length = 0; length < headers; ++length) {
      const Result<Packet> packet = DecodePacket(ByteView(bytes).first(length));
      REQUIRE_FALSE(packet.ok());
      CHECK(packet.error().code == ErrorCode::kProtocolViolation);
    }
  }
}

TEST_CASE("fields out of their range are refused") {
  const auto refused = [](auto change, ErrorCode code = ErrorCode::kProtocolViolation) {
    Packet packet = SomeMessage();
    change(packet);
    const std::vector<uint8_t> bytes = Encoded(packet);
    const Result<Packet> decoded = DecodePacket(bytes);
    return !decoded.ok() && decoded.error().code == code;
  };
  const std::string long_id(kMaxAgentIdBytes + 1, 'x');
  const std::vector<uint8_t> long_payload(kMaxMeshPayloadBytes + 1);
  CHECK(refused([](Packet& p) { p.hops = kMaxHops + 1; }));
  CHECK(refused([](Packet& p) { p.source.id = ""; }));
  CHECK(refused([](Packet& p) { p.source.id = "\xff"; }));
  CHECK(refused([&](Packet& p) { p.source.id = long_id; }));
  CHECK(refused([](Packet& p) { p.destination.id = "\xc0\x80"; }));
  CHECK(refused([](Packet& p) { p.destination = {}; }));  // For all, on a stream that is for one.
  CHECK(refused([](Packet& p) { p.stream.broadcast = true, p.destination.id = ""; }));
  CHECK(refused([](Packet& p) { p.message.oldest = 71; }));
  CHECK(refused([](Packet& p) { p.message.sequence = kMaxVarint; }));
  CHECK(refused([](Packet& p) { p.type = static_cast<Packet::Type>(3); }));
  CHECK(refused([&](Packet& p) { p.message.payload = long_payload; }, ErrorCode::kTooLarge));

  std::vector<uint8_t> bytes = Encoded(SomeMessage());
  bytes[0] = kMeshVersion + 1;
  CHECK_FALSE(DecodePacket(bytes).ok());
  bytes[0] = kMeshVersion;
  bytes[3] |= 0x20;
  CHECK_FALSE(DecodePacket(bytes).ok());

  std::vector<uint8_t> ack = Encoded(SomeAck());
  ack.push_back(0);
  CHECK_FALSE(DecodePacket(ack).ok());
}

TEST_CASE("ack ranges that touch, are empty, overflow or are too many are refused") {
  const std::vector<uint8_t> bytes = Encoded(SomeAck());
  // next 5, two ranges, (step 1, length 2), (step 2, length 1)
  const size_t at = bytes.size() - 6;
  REQUIRE(bytes[at] == 5);
  for (size_t field = 2; field <= 5; ++field) {
    std::vector<uint8_t> bent = bytes;
    bent[at + field] = 0;
    CHECK_FALSE(DecodePacket(bent).ok());
  }
  std::vector<uint8_t> many = bytes;
  many[at + 1] = kMaxMeshAckRanges + 1;
  CHECK_FALSE(DecodePacket(many).ok());
  std::vector<uint8_t> far(bytes.begin(), bytes.end() - 1);
  far.insert(far.end(), 8, 0xff);  // A length of 2^62 − 1.
  CHECK_FALSE(DecodePacket(far).ok());
}

TEST_CASE("a batch gives its packets one by one, and an error where it is cut") {
  std::vector<uint8_t> bytes(100);
  ByteWriter writer(bytes);
  writer.LengthPrefixed(AsBytes("one"));
  writer.LengthPrefixed(AsBytes("three"));
  ByteReader batch(writer.written());
  CHECK(AsText(NextInBatch(batch).value()) == "one");
  CHECK(AsText(NextInBatch(batch).value()) == "three");
  CHECK(batch.AtEnd());
  ByteReader cut(writer.written().first(5));
  CHECK(NextInBatch(cut).ok());
  CHECK_FALSE(NextInBatch(cut).ok());
  const std::vector<uint8_t> nothing = {0};
  ByteReader empty(nothing);
  CHECK_FALSE(NextInBatch(empty).ok());
}

}  // namespace
}  // namespace millrace
