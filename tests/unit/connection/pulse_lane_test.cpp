#include "connection/pulse_lane.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <map>
#include <string>
#include <vector>

#include "crypto/secret.h"
#include "support/handshakes.h"
#include "wire/record.h"

namespace millrace {
namespace {

using testing::FixedSecrets;

constexpr Timestamp At(int64_t millis) { return Timestamp::FromMicros(millis * 1000); }

// What a record says.
struct Said {
  std::vector<std::string> names;
  std::map<LaneId, AckFrame> acks;
  std::vector<PongFrame> pongs;
  std::optional<PingFrame> ping;
};

std::string Note(const Frame& frame, Said& said) {
  if (const auto* ack = std::get_if<AckFrame>(&frame)) {
    said.acks[ack->lane] = *ack;
    return "ACK " + std::to_string(ack->lane.value);
  }
  if (const auto* pong = std::get_if<PongFrame>(&frame)) {
    said.pongs.push_back(*pong);
    return "PONG";
  }
  if (const auto* ping = std::get_if<PingFrame>(&frame)) {
    said.ping = *ping;
    return "PING";
  }
  return "";  // Padding.
}

// One side of a connection whose pulse has begun, and the peer's end of its pulse lane.
struct Fixture {
  explicit Fixture(uint32_t bulk_lanes = 0, bool privacy = false)
      : control({kControlLane, Delivery::kReliable, {1 << 20, 1 << 18}, kMaxMessageBytes}),
        peer({kPulseLane, Delivery::kUnreliable, {1 << 20, 1 << 18}, kMaxMessageBytes}) {
    peer.SetKeys(FixedSecrets(Role::kResponder, {.privacy = privacy}));
    lane.Open(kMaxMessageBytes);
    lane.SetKeys(FixedSecrets(Role::kInitiator, {.privacy = privacy}), kRecordsPerEpoch);
    for (uint32_t id = 1; id <= bulk_lanes; ++id) {
      bulk.Open(
          SealedLane({LaneId(id), Delivery::kUnreliable, {1 << 20, 1 << 18}, kMaxMessageBytes}));
    }
    pulse.Start(At(0));
  }

  // A record of the peer's arrived on that lane and has to be acknowledged.
  void Owe(Lane& on, uint64_t number = 0) {
    on.received().Insert(PacketNumber(number), At(0));
    on.received().OnAckEliciting(At(0));
  }
  SealedLane& Bulk(uint32_t id) { return *bulk.Find(LaneId(id)); }

  Said Poll(int64_t now) {
    const ByteView message =
        lane.Poll({control, bulk}, pulse, {.knows_round_trip = true}, At(now), out);
    lane.lane()->gate().OnBuffered(0);
    record_bytes = message.size();
    REQUIRE(record_bytes <= kMaxPulseRecordBytes);
    std::vector<uint8_t> copy(message.begin(), message.end());
    const Result<MutableByteView> plaintext = peer.OpenRecord(copy, At(now));
    REQUIRE(plaintext.ok());
    Said said;
    ByteReader reader(plaintext.value());
    while (!reader.AtEnd()) {
      const Result<Frame> frame = DecodeFrame(reader);
      REQUIRE(frame.ok());
      const std::string name = Note(frame.value(), said);
      if (!name.empty()) said.names.push_back(name);
    }
    return said;
  }
  // The peer answers a ping.
  void Answer(const Said& said, int64_t now) {
    REQUIRE(said.ping);
    const auto answer = pulse.OnPong(PongFrame{said.ping->token, At(now)}, At(now));
    REQUIRE(answer);
    lane.OnConfirmed(answer->record, {control, bulk});
  }

  SealedLane control;
  LaneBook<SealedLane> bulk;
  Pulse pulse{Duration::Seconds(30)};
  PulseLane lane;
  SealedLane peer;
  std::vector<uint8_t> out = std::vector<uint8_t>(kMaxMessageBytes);
  size_t record_bytes = 0;
};

using Names = std::vector<std::string>;

TEST_CASE("a record has acknowledgements, pongs and ping, in this order, and takes no memory") {
  Fixture f(2);
  f.Owe(f.control);
  f.Owe(f.Bulk(1));
  f.Owe(f.Bulk(2));
  f.pulse.OnPing(PingFrame{7}, At(0));
  f.pulse.OnPing(PingFrame{8}, At(0));
  CHECK(f.Poll(0).names == Names{"ACK 0", "ACK 1", "ACK 2", "PONG", "PONG", "PING"});
  CHECK(f.lane.lane()->sent().remembered() == 0);
}

TEST_CASE("the control lane's acknowledgement is in each record until its ping is answered") {
  Fixture f;
  f.Owe(f.control);
  const Said first = f.Poll(0);
  CHECK(first.names == Names{"ACK 0", "PING"});
  CHECK(f.Poll(5000).names == Names{"ACK 0", "PING"});
  f.Answer(first, 5001);
  CHECK(f.Poll(10'000).names == Names{"PING"});
  f.Owe(f.control, 1);
  const Said next = f.Poll(15'000);
  REQUIRE(next.acks.count(kControlLane) == 1);
  CHECK(next.acks.at(kControlLane).ranges[0] == Range{1, 2});
}

TEST_CASE("an answer to a ping whose record had no acknowledgement confirms none") {
  Fixture f;
  const Said first = f.Poll(0);
  f.Owe(f.control);
  f.Answer(first, 10);
  CHECK(f.Poll(5000).names == Names{"ACK 0", "PING"});
}

TEST_CASE("bulk lanes' acknowledgements are repeated twice, with what is sent anyway") {
  Fixture f(1);
  f.Owe(f.Bulk(1));
  CHECK(f.Poll(0).names == Names{"ACK 1", "PING"});
  CHECK(f.lane.AckDue(Timestamp::Never(), f.bulk.ack_due()).IsNever());
  for (int i = 0; i < 2; ++i) {
    f.pulse.OnPing(PingFrame{7}, At(1));
    CHECK(f.Poll(1).names == Names{"ACK 1", "PONG"});
  }
  f.pulse.OnPing(PingFrame{7}, At(1));
  CHECK(f.Poll(1).names == Names{"PONG"});
}

TEST_CASE("a lossy lane does not carry its old gaps for ever: a ping asks what the peer knows") {
  Fixture f(1);
  f.Answer(f.Poll(0), 1);
  uint64_t number = 0;
  size_t most_ranges = 0;
  size_t pings = 0;
  for (int64_t now = 10; now < 20'000; now += 10) {
    // Every third record is lost.
    for (int i = 0; i < 2; ++i) f.Owe(f.Bulk(1), number++);
    ++number;
    f.pulse.OnPing(PingFrame{7}, At(now));
    const Said said = f.Poll(now);
    REQUIRE(said.acks.count(LaneId(1)) == 1);
    most_ranges = std::max(most_ranges, said.acks.at(LaneId(1)).range_count);
    if (!said.ping) continue;
    ++pings;
    f.Answer(said, now);
  }
  CHECK(most_ranges < 24);
  CHECK(pings > 50);
  CHECK(pings < 210);
}

TEST_CASE("acknowledgements of many lanes go into several records, each lane in its turn") {
  constexpr uint32_t kLanes = 24;
  Fixture f(kLanes);
  for (uint32_t id = 1; id <= kLanes; ++id) {
    // As many ranges as an ACK holds.
    for (uint64_t i = 0; i < kMaxAckRanges; ++i) f.Owe(f.Bulk(id), 3 * i);
  }
  f.pulse.OnPing(PingFrame{7}, At(0));
  std::map<LaneId, size_t> acked;
  for (int records = 0; !f.bulk.ack_due().IsNever(); ++records) {
    REQUIRE(records < 8);
    const Said said = f.Poll(30);
    CHECK(said.ping.has_value() == (records == 0));
    CHECK(said.pongs.size() == (records == 0 ? 1 : 0));
    for (const auto& [id, ack] : said.acks) ++acked[id];
  }
  CHECK(acked.size() == kLanes);
}

TEST_CASE("acknowledgements wait for the lane's share of what arrives") {
  Fixture f(1);
  f.Poll(1000);
  f.Owe(f.Bulk(1));
  CHECK(f.lane.AckDue(Timestamp::Never(), At(1025)) == At(1200));
  f.lane.OnArrived(1'000'000, At(1001));
  CHECK(f.lane.AckDue(Timestamp::Never(), At(1025)) == At(1025));
  CHECK(f.lane.AckDue(At(1010), At(1025)) == At(1010));
  CHECK(f.lane.AckDue(Timestamp::Never(), Timestamp::Never()).IsNever());
}

TEST_CASE("with privacy a record has one of two sizes") {
  constexpr uint32_t kLanes = 24;
  Fixture f(kLanes, true);
  f.Poll(0);
  CHECK(f.record_bytes == 256);
  for (uint32_t id = 1; id <= kLanes; ++id) f.Owe(f.Bulk(id));
  f.Poll(1);
  CHECK(f.record_bytes == 1024);
}

TEST_CASE("there is room once there are keys, while little waits in the channel") {
  PulseLane lane;
  CHECK_FALSE(lane.HasRoom());
  lane.SetKeys(FixedSecrets(Role::kInitiator, {.privacy = false}), kRecordsPerEpoch);
  CHECK(lane.lane() == nullptr);
  lane.Open(kMaxMessageBytes);
  CHECK_FALSE(lane.HasRoom());
  lane.SetKeys(FixedSecrets(Role::kInitiator, {.privacy = false}), kRecordsPerEpoch);
  CHECK(lane.HasRoom());
  lane.lane()->gate().OnBuffered(2 * 1024);
  CHECK_FALSE(lane.HasRoom());
  lane.lane()->gate().OnBuffered(512);
  CHECK(lane.HasRoom());
  lane.Close();
  CHECK(lane.lane() == nullptr);
  CHECK_FALSE(lane.HasRoom());
}

}  // namespace
}  // namespace millrace
