#include "connection/control_channel.h"

#include <array>

#include "wire/padding.h"
#include "wire/record.h"

namespace millrace {
namespace {

// A whole offer with many files passes at once; more than this only waits in the channel.
constexpr WaterMarks kWaterMarks{256 * 1024, 64 * 1024};

// The lane itself is reliable: acknowledgements only free frames that are kept for a reconnection.
constexpr uint32_t kRecordsPerAck = kMaxUnackedControlRecords / 4;

}  // namespace

void ControlChannel::Open(size_t max_message_bytes) {
  lane_.emplace(
      LaneSetup{kControlLane, Delivery::kReliable, kWaterMarks, max_message_bytes, kRecordsPerAck});
  frames_.OnNewLane();
}

void ControlChannel::SetKeys(const SessionSecrets& secrets, uint64_t records_per_epoch) {
  privacy_ = secrets.agreement.privacy;
  lane_->SetKeys(secrets, records_per_epoch);
}

void ControlChannel::ExpectResume() {
  resume_owed_ = true;
  resume_awaited_ = true;
}

bool ControlChannel::IsQueued(const Frame& frame) {
  return !IsPulse(frame) && !std::holds_alternative<PaddingFrame>(frame) &&
         !std::holds_alternative<DataFrame>(frame) && !std::holds_alternative<ResumeFrame>(frame);
}

Status ControlChannel::OnQueuedFrame() {
  if (resume_awaited_) return Violation("the peer sent a frame before its RESUME");
  ++frames_received_;
  return Status::Ok();
}

Status ControlChannel::OnResume(const ResumeFrame& resume) {
  if (!resume_awaited_ || !frames_.Rewind(resume.frames_received)) {
    return Violation("the peer's RESUME does not match the frames that were sent");
  }
  resume_awaited_ = false;
  return Status::Ok();
}

Status ControlChannel::OnAck(const AckFrame& ack, Timestamp now) {
  AckedRecords acked;
  const Status taken = lane_->sent().OnAck(ack, now, acked);
  if (taken.ok()) frames_.OnArrived(PacketNumber(ack.ranges[0].end - 1));
  return taken;
}

std::optional<ByteView> ControlChannel::Poll(Timestamp now, MutableByteView out) {
  std::array<uint8_t, kMaxControlRecordBytes - kRecordOverheadBytes> plaintext;
  ByteWriter writer(plaintext);
  if (resume_owed_) EncodeFrame(ResumeFrame{frames_received_}, writer);
  resume_owed_ = false;
  if (!resume_awaited_) frames_.PackInto(writer, lane_->sent().next_number());
  if (writer.size() == 0) return std::nullopt;
  const size_t bytes = writer.size() + kRecordOverheadBytes;
  if (privacy_) writer.Zeros(PaddedControlBytes(bytes) - bytes);
  return lane_->SealRecord(writer.written(), std::nullopt, true, now, out);
}

bool ControlChannel::IsFinished() const {
  const bool acknowledged = frames_.empty() && frames_.sent_bytes() == 0;
  return acknowledged && (!close_heard_ || (lane_ && lane_->received().confirmed()));
}

}  // namespace millrace
