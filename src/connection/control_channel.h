// The control lane of a connection: the queue of reliable frames, and its resumption on a new
// connection.
#pragma once

#include <optional>

#include "lanes/sealed_lane.h"
#include "wire/frame_queue.h"

namespace millrace {

class ControlChannel {
 public:
  // Queued frames take their memory from `memory`, which outlives this.
  explicit ControlChannel(MemoryBudget& memory) : frames_(memory) {}

  // Frames that must arrive are pushed here, sent in order, and kept until they are acknowledged.
  // They outlive a connection.
  FrameQueue& frames() { return frames_; }

  // --- The lane ---

  void Open(size_t max_message_bytes);
  void Close() { lane_.reset(); }
  // Null while there is no connection.
  SealedLane* lane() { return lane_ ? &*lane_ : nullptr; }
  const SealedLane* lane() const { return lane_ ? &*lane_ : nullptr; }
  // The handshake has succeeded: records are sealed from now on.
  void SetKeys(const SessionSecrets& secrets, uint64_t records_per_epoch);
  // The session was resumed: a RESUME frame is owed, and queued frames wait for the peer's RESUME.
  void ExpectResume();
  bool awaits_resume() const { return resume_awaited_; }

  // --- Input ---

  // Whether a frame goes through the queue, so that it is sent again after the connection is lost.
  static bool IsQueued(const Frame& frame);
  // Counts a queued frame of the peer. Errors: kProtocolViolation where the peer owes a RESUME.
  Status OnQueuedFrame();
  // Errors: kProtocolViolation where no RESUME is due, or where its count does not match the frames
  // that were sent.
  Status OnResume(const ResumeFrame& resume);
  // The peer has ended the session. It waits for the acknowledgement of that.
  void OnClose() { close_heard_ = true; }
  // An acknowledgement of the control lane. Errors: as SentRecords::OnAck.
  Status OnAck(const AckFrame& ack, Timestamp now);

  // --- Output ---

  // Whether Poll would answer a record.
  bool WantsToSpeak() const { return resume_owed_ || (!frames_.empty() && !resume_awaited_); }
  // The next record, a part of `out`: RESUME, then as many queued frames as fit; nothing where
  // there is none of these. Cost: sealing the record.
  std::optional<ByteView> Poll(Timestamp now, MutableByteView out);

  // --- State ---

  // The peer acknowledges nothing: as many records are unacknowledged as the limit allows.
  bool IsIgnored() const {
    return lane_ && lane_->sent().remembered() >= kMaxUnackedControlRecords;
  }
  // Bytes of queued frames that were not sent.
  size_t waiting_bytes() const { return frames_.waiting_bytes(); }
  bool HasKeys() const { return lane_ && lane_->has_keys(); }
  // The lane takes another record.
  bool HasRoom() const { return HasKeys() && !lane_->gate().IsPaused(); }
  // All queued frames are acknowledged, and the peer is known to have the acknowledgement of its
  // CLOSE, if it sent one.
  bool IsFinished() const;
  // When an acknowledgement of this lane is due.
  Timestamp ack_due() const { return lane_ ? lane_->received().ack_due() : Timestamp::Never(); }
  // Since when records have been sent and none was acknowledged; Never where none is in flight.
  Timestamp unheard_since() const {
    return lane_ ? lane_->sent().unheard_since() : Timestamp::Never();
  }

 private:
  FrameQueue frames_;
  std::optional<SealedLane> lane_;
  bool privacy_ = false;  // Records are padded.
  bool resume_owed_ = false;
  bool resume_awaited_ = false;
  bool close_heard_ = false;
  uint64_t frames_received_ = 0;  // Of the peer's queue; the count in RESUME.
};

}  // namespace millrace
