#include "connection/control_channel.h"

#include <array>

#include "wire/padding.h"
#include "wire/record.h"

namespace millrace {
namespace {

// Low marks, since an acknowledgement cannot overtake a message that is in the channel already.
constexpr WaterMarks kWaterMarks{256 * 1024, 64 * 1024};

// The lane itself is reliable: acknowledgements only free frames that are kept for a reconnection.
// One that is sent between a message and its answer would delay the answer.
constexpr uint32_t kRecordsPerAck = kMaxUnackedControlRecords / 4;

// Room for an ACK frame, and a PONG and a PING behind it.
constexpr size_t kAckRoom = kMaxAckFrameBytes + 32;

}  // namespace

void ControlChannel::Open(size_t max_message_bytes) {
  lane_.emplace(
      LaneSetup{kControlLane, Delivery::kReliable, kWaterMarks, max_message_bytes, kRecordsPerAck});
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
  return !std::holds_alternative<PaddingFrame>(frame) &&
         !std::holds_alternative<DataFrame>(frame) && !std::holds_alternative<AckFrame>(frame) &&
         !std::holds_alternative<PingFrame>(frame) && !std::holds_alternative<PongFrame>(frame) &&
         !std::holds_alternative<ResumeFrame>(frame);
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

bool ControlChannel::WantsToSpeak(const Pulse& pulse, Timestamp ack_due, Timestamp now) const {
  if (resume_owed_) return true;
  if (!frames_.empty() && !resume_awaited_) return true;
  if (finishing_) return !this->ack_due().IsNever();
  return pulse.WantsToSpeak(now) || std::min(ack_due, this->ack_due()) <= now;
}

void ControlChannel::PackOwnAck(ByteWriter& writer) {
  if (!ack_due().IsNever()) EncodeFrame(lane_->received().TakeAck(kControlLane), writer);
}

bool ControlChannel::Pack(LaneBook<SealedLane>& bulk, Pulse& pulse, const PingNeed& need,
                          Timestamp now, ByteWriter& writer) {
  bool eliciting = false;
  if (resume_owed_) {
    EncodeFrame(ResumeFrame{frames_received_}, writer);
    resume_owed_ = false;
    eliciting = true;
  }
  PackOwnAck(writer);
  const bool may_send_frames = !resume_awaited_;
  if (!finishing_) {
    bulk.PackAcks(writer, kAckRoom);
    const size_t behind_it = may_send_frames ? std::min(frames_.waiting_bytes(), writer.room()) : 0;
    eliciting = pulse.Pack(writer, frames_.sent_bytes() + behind_it, need, now) || eliciting;
  }
  if (!may_send_frames) return eliciting;
  return frames_.PackInto(writer, lane_->sent().next_number()) > 0 || eliciting;
}

std::optional<ByteView> ControlChannel::Poll(LaneBook<SealedLane>& bulk, Pulse& pulse,
                                             const PingNeed& need, Timestamp now,
                                             MutableByteView out) {
  std::array<uint8_t, kMaxControlRecordBytes - kRecordOverheadBytes> plaintext;
  ByteWriter writer(plaintext);
  const bool eliciting = Pack(bulk, pulse, need, now, writer);
  if (writer.size() == 0) return std::nullopt;
  const size_t bytes = writer.size() + kRecordOverheadBytes;
  if (privacy_) writer.Zeros(PaddedControlBytes(bytes) - bytes);
  return lane_->SealRecord(writer.written(), std::nullopt, eliciting, now, out);
}

bool ControlChannel::IsFinished() const {
  return frames_.empty() && frames_.sent_bytes() == 0 && ack_due().IsNever();
}

}  // namespace millrace
