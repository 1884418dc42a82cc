#include "connection/control_channel.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <string>
#include <vector>

#include "wire/record.h"

namespace millrace {
namespace {

constexpr Timestamp At(int64_t millis) { return Timestamp::FromMicros(millis * 1000); }

SessionSecrets Secrets(Role role, bool privacy) {
  InitializeCrypto();
  SessionSecrets secrets;
  std::fill(secrets.master.bytes().begin(), secrets.master.bytes().end(), uint8_t{3});
  secrets.role = role;
  secrets.agreement.encrypted = true;
  secrets.agreement.privacy = privacy;
  return secrets;
}

std::string NameOf(const Frame& frame) {
  if (std::holds_alternative<ResumeFrame>(frame)) return "RESUME";
  if (std::holds_alternative<PongFrame>(frame)) return "PONG";
  if (std::holds_alternative<PingFrame>(frame)) return "PING";
  if (std::holds_alternative<SignalFrame>(frame)) return "SIGNAL";
  if (std::holds_alternative<CloseFrame>(frame)) return "CLOSE";
  if (const auto* ack = std::get_if<AckFrame>(&frame)) {
    return "ACK " + std::to_string(ack->lane.value);
  }
  return "";  // Padding.
}

using Names = std::vector<std::string>;

// One side of a connection whose pulse has begun, and the peer's end of its control lane.
struct Fixture {
  explicit Fixture(uint32_t bulk_lanes = 0, bool privacy = false)
      : peer({kControlLane, Delivery::kReliable, {1 << 20, 1 << 18}, kMaxMessageBytes}) {
    peer.SetKeys(Secrets(Role::kResponder, privacy));
    control.Open(kMaxMessageBytes);
    control.SetKeys(Secrets(Role::kInitiator, privacy), kRecordsPerEpoch);
    for (uint32_t id = 1; id <= bulk_lanes; ++id) {
      bulk.Open(
          SealedLane({LaneId(id), Delivery::kReliable, {1 << 20, 1 << 18}, kMaxMessageBytes}));
    }
    pulse.Start(At(0));
  }

  // A record of the peer's arrived on that lane and has to be acknowledged.
  void Owe(Lane& lane, uint64_t number = 0) {
    lane.received().Insert(PacketNumber(number), At(0));
    lane.received().OnAckEliciting(At(0));
  }

  // The frames of the next record, in order; none where there is none.
  Names Poll(int64_t now = 0) {
    const auto message = control.Poll(bulk, pulse, {.knows_round_trip = true}, At(now), out);
    if (!message) return {};
    record_bytes = message->size();
    REQUIRE(record_bytes <= kMaxControlRecordBytes);
    std::vector<uint8_t> copy(message->begin(), message->end());
    const Result<MutableByteView> plaintext = peer.OpenRecord(copy, At(now));
    REQUIRE(plaintext.ok());
    Names names;
    ByteReader reader(plaintext.value());
    while (!reader.AtEnd()) {
      const Result<Frame> frame = DecodeFrame(reader);
      REQUIRE(frame.ok());
      if (const std::string name = NameOf(frame.value()); !name.empty()) names.push_back(name);
    }
    return names;
  }
  bool WantsToSpeak(int64_t now) const {
    return control.WantsToSpeak(pulse, bulk.ack_due(), At(now));
  }
  // The peer acknowledges all records.
  void AcknowledgeAll() {
    AckFrame ack;
    ack.ranges[ack.range_count++] = Range{0, control.lane()->sent().next_number().value};
    REQUIRE(control.OnAck(ack, At(1)).ok());
  }

  MemoryBudget memory{kMaxStateBytes};
  ControlChannel control{memory};
  LaneBook<SealedLane> bulk;
  Pulse pulse{Duration::Seconds(30)};
  SealedLane peer;
  std::vector<uint8_t> out = std::vector<uint8_t>(kMaxMessageBytes);
  size_t record_bytes = 0;
};

TEST_CASE("a record has RESUME, acknowledgements, pong, ping and frames, in this order") {
  Fixture f(2);
  f.control.ExpectResume();
  REQUIRE(f.control.OnResume(ResumeFrame{0}).ok());
  f.Owe(*f.control.lane());
  f.Owe(*f.bulk.Find(LaneId(1)));
  f.Owe(*f.bulk.Find(LaneId(2)));
  f.pulse.OnPing(PingFrame{7});
  f.control.frames().Push(SignalFrame{"one"});
  f.control.frames().Push(SignalFrame{"two"});
  CHECK(f.Poll() == Names{"RESUME", "ACK 0", "ACK 1", "ACK 2", "PONG", "PING", "SIGNAL", "SIGNAL"});
  CHECK(f.Poll().empty());
}

TEST_CASE("queued frames wait for the peer's RESUME, and what it misses goes out again") {
  Fixture f;
  f.control.frames().Push(SignalFrame{"one"});
  f.control.frames().Push(SignalFrame{"two"});
  CHECK(f.Poll() == Names{"PING", "SIGNAL", "SIGNAL"});
  REQUIRE(f.control.OnQueuedFrame().ok());

  f.control.Close();
  CHECK(f.control.lane() == nullptr);
  f.control.Open(kMaxMessageBytes);
  f.control.SetKeys(Secrets(Role::kInitiator, false), kRecordsPerEpoch);
  f.peer = SealedLane({kControlLane, Delivery::kReliable, {1 << 20, 1 << 18}, kMaxMessageBytes});
  f.peer.SetKeys(Secrets(Role::kResponder, false));
  f.control.ExpectResume();
  CHECK(f.control.awaits_resume());
  CHECK(f.Poll() == Names{"RESUME"});
  CHECK_FALSE(f.WantsToSpeak(0));
  CHECK(f.control.OnQueuedFrame().error().code == ErrorCode::kProtocolViolation);
  CHECK(f.control.OnResume(ResumeFrame{3}).error().code == ErrorCode::kProtocolViolation);
  REQUIRE(f.control.OnResume(ResumeFrame{1}).ok());
  CHECK(f.Poll() == Names{"SIGNAL"});
  CHECK(f.control.OnQueuedFrame().ok());
  CHECK(f.control.OnResume(ResumeFrame{2}).error().code == ErrorCode::kProtocolViolation);
}

TEST_CASE(
    "frames that have to arrive go through the queue, those that the next one replaces do not") {
  CHECK(ControlChannel::IsQueued(SignalFrame{}));
  CHECK(ControlChannel::IsQueued(ReceiptFrame{}));
  CHECK(ControlChannel::IsQueued(CloseFrame{}));
  CHECK_FALSE(ControlChannel::IsQueued(AckFrame{}));
  CHECK_FALSE(ControlChannel::IsQueued(PingFrame{}));
  CHECK_FALSE(ControlChannel::IsQueued(PongFrame{}));
  CHECK_FALSE(ControlChannel::IsQueued(ResumeFrame{}));
  CHECK_FALSE(ControlChannel::IsQueued(PaddingFrame{}));
}

TEST_CASE(
    "acknowledgements of many lanes leave room for pong and ping, and go on in the next record") {
  constexpr uint32_t kLanes = 24;
  Fixture f(kLanes);
  for (uint32_t id = 1; id <= kLanes; ++id) {
    // As many ranges as an ACK holds.
    for (uint64_t i = 0; i < kMaxAckRanges; ++i) f.Owe(*f.bulk.Find(LaneId(id)), 3 * i);
  }
  f.pulse.OnPing(PingFrame{7});
  f.control.frames().Push(SignalFrame{"signal"});
  const auto acks = [](const Names& names) {
    return std::count_if(names.begin(), names.end(),
                         [](const std::string& name) { return name.starts_with("ACK"); });
  };
  auto left = static_cast<std::ptrdiff_t>(kLanes);
  Names names = f.Poll();
  CHECK(std::count(names.begin(), names.end(), "PONG") == 1);
  CHECK(std::count(names.begin(), names.end(), "PING") == 1);
  for (; !names.empty(); names = f.Poll(30)) left -= acks(names);
  CHECK(left == 0);
  CHECK(f.bulk.ack_due().IsNever());
}

TEST_CASE("the channel speaks when a frame waits, a ping is due or an acknowledgement is") {
  Fixture f(1);
  CHECK(f.WantsToSpeak(0));
  CHECK(f.Poll() == Names{"PING"});
  CHECK_FALSE(f.WantsToSpeak(1));
  f.Owe(*f.bulk.Find(LaneId(1)));
  CHECK_FALSE(f.WantsToSpeak(24));
  CHECK(f.WantsToSpeak(25));
  CHECK(f.Poll(25) == Names{"ACK 1"});
  f.control.frames().Push(SignalFrame{"signal"});
  CHECK(f.WantsToSpeak(26));
}

TEST_CASE("frames are kept until the peer has acknowledged their record") {
  Fixture f;
  f.control.frames().Push(SignalFrame{"signal"});
  CHECK_FALSE(f.control.IsFinished());
  f.Poll();
  CHECK_FALSE(f.control.IsFinished());
  f.AcknowledgeAll();
  CHECK(f.control.IsFinished());
  AckFrame ack;
  ack.ranges[ack.range_count++] = Range{0, 2};
  CHECK(f.control.OnAck(ack, At(2)).error().code == ErrorCode::kProtocolViolation);
}

TEST_CASE("a channel that finishes up says what is queued and acknowledges, and pings no more") {
  Fixture f(1);
  f.control.frames().Push(SignalFrame{"signal"});
  f.control.frames().Push(CloseFrame{});
  f.Owe(*f.bulk.Find(LaneId(1)));
  f.Owe(*f.control.lane());
  f.control.FinishUp();
  CHECK(f.Poll() == Names{"ACK 0", "SIGNAL", "CLOSE"});
  CHECK_FALSE(f.WantsToSpeak(60'000));
  CHECK_FALSE(f.control.IsFinished());
  f.AcknowledgeAll();
  CHECK(f.control.IsFinished());
  f.Owe(*f.control.lane(), 1);
  CHECK_FALSE(f.control.IsFinished());
  CHECK(f.WantsToSpeak(0));
  CHECK(f.Poll() == Names{"ACK 0"});
  CHECK(f.control.IsFinished());
}

TEST_CASE("a peer that acknowledges nothing is found out") {
  Fixture f;
  for (size_t i = 0; i + 1 < kMaxUnackedControlRecords; ++i) {
    f.pulse.PingNow(At(0));
    REQUIRE(f.control.Poll(f.bulk, f.pulse, {}, At(0), f.out));
  }
  CHECK_FALSE(f.control.IsIgnored());
  f.pulse.PingNow(At(0));
  REQUIRE(f.control.Poll(f.bulk, f.pulse, {}, At(0), f.out));
  CHECK(f.control.IsIgnored());
  f.AcknowledgeAll();
  CHECK_FALSE(f.control.IsIgnored());
}

TEST_CASE("acknowledgements alone are not waited for") {
  Fixture f;
  f.Poll();
  f.AcknowledgeAll();
  for (uint64_t number = 0; number < 100; ++number) {
    f.Owe(*f.control.lane(), number);
    REQUIRE(f.Poll(1) == Names{"ACK 0"});
  }
  CHECK(f.control.lane()->sent().remembered() == 0);
}

TEST_CASE("with privacy every record has one of four sizes") {
  Fixture f(0, true);
  f.Poll();
  CHECK(f.record_bytes == 256);
  const std::string signal(1000, 's');
  f.control.frames().Push(SignalFrame{signal});
  f.Poll(1);
  CHECK(f.record_bytes == 4096);
}

TEST_CASE("there is room once there are keys, while the channel is below its high mark") {
  MemoryBudget memory(kMaxStateBytes);
  ControlChannel control(memory);
  CHECK_FALSE(control.HasRoom());
  control.Open(kMaxMessageBytes);
  CHECK_FALSE(control.HasRoom());
  control.SetKeys(Secrets(Role::kInitiator, false), kRecordsPerEpoch);
  CHECK(control.HasRoom());
  control.lane()->gate().OnBuffered(256 * 1024);
  CHECK_FALSE(control.HasRoom());
  control.Close();
  CHECK_FALSE(control.HasKeys());
  CHECK(control.ack_due().IsNever());
}

}  // namespace
}  // namespace millrace
