#include "connection/pulse_lane.h"

#include <algorithm>
#include <array>

#include "wire/padding.h"
#include "wire/record.h"

namespace millrace {
namespace {

// Low marks: a record that waits for SCTP's window is superseded before it leaves.
constexpr WaterMarks kWaterMarks{2 * 1024, 512};

// An acknowledgement with more ranges than this asks for a ping, whose pong lets the peer's known
// ranges be left out. A side that only receives sends few pings otherwise.
constexpr size_t kManyRanges = 8;
constexpr Duration kConfirmInterval = Duration::Millis(100);

bool HasManyRanges(const LaneBook<SealedLane>& bulk) {
  return std::any_of(bulk.lanes().begin(), bulk.lanes().end(), [](const auto& entry) {
    return entry.second.received().ranges() > kManyRanges;
  });
}

}  // namespace

void PulseLane::Open(size_t max_message_bytes) {
  lane_.emplace(LaneSetup{kPulseLane, Delivery::kUnreliable, kWaterMarks, max_message_bytes});
}

void PulseLane::Close() {
  lane_.reset();
  budget_ = PulseBudget();
}

void PulseLane::SetKeys(const SessionSecrets& secrets, uint64_t records_per_epoch) {
  if (!lane_) return;
  privacy_ = secrets.agreement.privacy;
  lane_->SetKeys(secrets, records_per_epoch);
}

void PulseLane::OnConfirmed(PacketNumber number, const Acknowledged& lanes) {
  lanes.control.received().OnConfirmed(number);
  lanes.bulk.ForEach([number](SealedLane& lane) { lane.received().OnConfirmed(number); });
}

Timestamp PulseLane::AckDue(Timestamp control_due, Timestamp bulk_due) const {
  return std::max(std::min(control_due, bulk_due), budget_.ready_at());
}

bool PulseLane::PackAck(SealedLane& lane, bool with_ping, ByteWriter& writer) {
  const size_t room = writer.room() - std::min(writer.room(), Pulse::kMostBytes);
  const AckFrame ack = lane.received().TakeAck(lane.id(), room);
  if (ack.range_count == 0) return false;
  EncodeFrame(ack, writer);
  if (with_ping) lane.received().ExpectConfirmation(lane_->sent().next_number());
  return true;
}

void PulseLane::PackAcks(const Acknowledged& lanes, bool with_ping, ByteWriter& writer) {
  // Until it is confirmed it is in every record: the peer keeps the frames of the control lane
  // until they are acknowledged.
  if (!lanes.control.received().confirmed()) PackAck(lanes.control, with_ping, writer);
  const auto pack = [&](SealedLane& lane) { return PackAck(lane, with_ping, writer); };
  const auto wants = [](const ReceivedRecords& received) {
    return received.owes_ack() || received.may_repeat();
  };
  lanes.bulk.PackAcks(wants, pack);
}

ByteView PulseLane::Poll(const Acknowledged& lanes, Pulse& pulse, const PingNeed& need,
                         Timestamp now, MutableByteView out) {
  std::array<uint8_t, kMaxPulseRecordBytes - kRecordOverheadBytes> plaintext;
  ByteWriter writer(plaintext);
  if (HasManyRanges(lanes.bulk) && now - pulse.pinged_at() >= kConfirmInterval) pulse.PingNow(now);
  PackAcks(lanes, pulse.IsPingDue(now), writer);
  pulse.Pack(writer, lane_->sent().next_number(), need, now);
  const size_t bytes = writer.size() + kRecordOverheadBytes;
  if (privacy_) writer.Zeros(PaddedControlBytes(bytes) - bytes);
  const ByteView message = lane_->SealRecord(writer.written(), std::nullopt, false, now, out);
  budget_.OnSent(message.size(), now);
  return message;
}

}  // namespace millrace
