#include "connection/control_channel.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <string>
#include <vector>

#include "support/handshakes.h"
#include "wire/record.h"

namespace millrace {
namespace {

using testing::FixedSecrets;

constexpr Timestamp At(int64_t millis) { return Timestamp::FromMicros(millis * 1000); }

std::string NameOf(const Frame& frame) {
  if (std::holds_alternative<ResumeFrame>(frame)) return "RESUME";
  if (std::holds_alternative<SignalFrame>(frame)) return "SIGNAL";
  return std::holds_alternative<CloseFrame>(frame) ? "CLOSE" : "";  // Else padding.
}

using Names = std::vector<std::string>;

// One side of a connection, and the peer's end of its control lane.
struct Fixture {
  explicit Fixture(bool privacy = false)
      : peer({kControlLane, Delivery::kReliable, {1 << 20, 1 << 18}, kMaxMessageBytes}) {
    peer.SetKeys(FixedSecrets(Role::kResponder, {.privacy = privacy}));
    control.Open(kMaxMessageBytes);
    control.SetKeys(FixedSecrets(Role::kInitiator, {.privacy = privacy}), kRecordsPerEpoch);
  }

  // The frames of the next record, in order; none where there is none.
  Names Poll(int64_t now = 0) {
    const auto message = control.Poll(At(now), out);
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
  // The peer acknowledges all records.
  void AcknowledgeAll() {
    AckFrame ack;
    ack.ranges[ack.range_count++] = Range{0, control.lane()->sent().next_number().value};
    REQUIRE(control.OnAck(ack, At(1)).ok());
  }

  MemoryBudget memory{kMaxStateBytes};
  ControlChannel control{memory};
  SealedLane peer;
  std::vector<uint8_t> out = std::vector<uint8_t>(kMaxMessageBytes);
  size_t record_bytes = 0;
};

TEST_CASE("a record has RESUME, then the queued frames, in order") {
  Fixture f;
  CHECK_FALSE(f.control.WantsToSpeak());
  f.control.ExpectResume();
  REQUIRE(f.control.OnResume(ResumeFrame{0}).ok());
  f.control.frames().Push(SignalFrame{"one"});
  f.control.frames().Push(CloseFrame{});
  CHECK(f.control.WantsToSpeak());
  CHECK(f.Poll() == Names{"RESUME", "SIGNAL", "CLOSE"});
  CHECK_FALSE(f.control.WantsToSpeak());
  CHECK(f.Poll().empty());
}

TEST_CASE("queued frames wait for the peer's RESUME, and what it misses goes out again") {
  Fixture f;
  f.control.frames().Push(SignalFrame{"one"});
  f.control.frames().Push(SignalFrame{"two"});
  CHECK(f.Poll() == Names{"SIGNAL", "SIGNAL"});
  REQUIRE(f.control.OnQueuedFrame().ok());

  f.control.Close();
  CHECK(f.control.lane() == nullptr);
  f.control.Open(kMaxMessageBytes);
  f.control.SetKeys(FixedSecrets(Role::kInitiator, {.privacy = false}), kRecordsPerEpoch);
  f.peer = SealedLane({kControlLane, Delivery::kReliable, {1 << 20, 1 << 18}, kMaxMessageBytes});
  f.peer.SetKeys(FixedSecrets(Role::kResponder, {.privacy = false}));
  f.control.ExpectResume();
  CHECK(f.control.awaits_resume());
  CHECK(f.Poll() == Names{"RESUME"});
  CHECK_FALSE(f.control.WantsToSpeak());
  // The acknowledgement may come before the peer's RESUME: it has another lane.
  f.AcknowledgeAll();
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

TEST_CASE("a channel that heard a CLOSE is finished when the peer has its acknowledgement") {
  Fixture f;
  f.control.OnClose();
  ReceivedRecords& received = f.control.lane()->received();
  received.Insert(PacketNumber(0), At(0));
  received.OnAckEliciting(At(0));
  CHECK_FALSE(f.control.IsFinished());
  received.TakeAck(kControlLane);
  CHECK_FALSE(f.control.IsFinished());
  received.ExpectConfirmation(PacketNumber(3));
  received.OnConfirmed(PacketNumber(3));
  CHECK(f.control.IsFinished());
}

TEST_CASE("a peer that acknowledges nothing is found out") {
  Fixture f;
  const auto send = [&f] {
    f.control.frames().Push(SignalFrame{"s"});
    REQUIRE(f.control.Poll(At(5), f.out));
  };
  CHECK(f.control.unheard_since().IsNever());
  for (size_t i = 0; i + 1 < kMaxUnackedControlRecords; ++i) send();
  CHECK(f.control.unheard_since() == At(5));
  CHECK_FALSE(f.control.IsIgnored());
  send();
  CHECK(f.control.IsIgnored());
  f.AcknowledgeAll();
  CHECK_FALSE(f.control.IsIgnored());
  CHECK(f.control.unheard_since().IsNever());
}

TEST_CASE("with privacy every record has one of four sizes") {
  Fixture f(true);
  f.control.frames().Push(SignalFrame{"s"});
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
  control.SetKeys(FixedSecrets(Role::kInitiator, {.privacy = false}), kRecordsPerEpoch);
  CHECK(control.HasRoom());
  control.lane()->gate().OnBuffered(256 * 1024);
  CHECK_FALSE(control.HasRoom());
  control.Close();
  CHECK_FALSE(control.HasKeys());
  CHECK(control.ack_due().IsNever());
}

}  // namespace
}  // namespace millrace
