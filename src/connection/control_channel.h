// The control lane of a connection and everything that goes over it: the queue of reliable frames
// and its resumption on a new connection, acknowledgements, pings and their answers.
#pragma once

#include <optional>

#include "connection/pulse.h"
#include "lanes/lane_book.h"
#include "lanes/sealed_lane.h"
#include "wire/frame_queue.h"

namespace millrace {

class ControlChannel {
 public:
  // Queued frames take their memory from `memory`, which outlives this.
  explicit ControlChannel(MemoryBudget& memory) : frames_(memory) {}

  // Frames that have to arrive: pushed here, sent in order, kept until they have arrived. They
  // outlive a connection.
  FrameQueue& frames() { return frames_; }

  // --- The lane ---

  void Open(size_t max_message_bytes);
  void Close() { lane_.reset(); }
  // Null while there is no connection.
  SealedLane* lane() { return lane_ ? &*lane_ : nullptr; }
  const SealedLane* lane() const { return lane_ ? &*lane_ : nullptr; }
  // The handshake is done: records are sealed from now on.
  void SetKeys(const SessionSecrets& secrets, uint64_t records_per_epoch);
  // The keys are those of a resumed session: a RESUME frame is owed, and frames of the queue wait
  // for the peer's.
  void ExpectResume();
  bool awaits_resume() const { return resume_awaited_; }
  // Only what is in the queue and acknowledgements of the peer's last records go out from now on.
  void FinishUp() { finishing_ = true; }

  // --- Input ---

  // Whether a frame goes through the queue, so that a new connection sends again what a lost one
  // took with it.
  static bool IsQueued(const Frame& frame);
  // Counts a queued frame of the peer. Errors: kProtocolViolation where its RESUME is missing.
  Status OnQueuedFrame();
  // Errors: kProtocolViolation where it does not fit what was sent.
  Status OnResume(const ResumeFrame& resume);
  // An acknowledgement of the control lane. Errors: as SentRecords::OnAck.
  Status OnAck(const AckFrame& ack, Timestamp now);

  // --- Output ---

  // Whether Poll has something to say. `ack_due`: when acknowledgements of bulk have to leave.
  bool WantsToSpeak(const Pulse& pulse, Timestamp ack_due, Timestamp now) const;
  // The next record, a part of `out`: RESUME, acknowledgements of all lanes, pong and ping, then
  // as many queued frames as fit. Nothing where there is nothing to say. Cost: sealing it.
  std::optional<ByteView> Poll(LaneBook<SealedLane>& bulk, Pulse& pulse, const PingNeed& need,
                               Timestamp now, MutableByteView out);

  // --- What is known ---

  // The peer acknowledges nothing: more records wait for it than it may let wait.
  bool IsIgnored() const {
    return lane_ && lane_->sent().remembered() >= kMaxUnackedControlRecords;
  }
  bool HasKeys() const { return lane_ && lane_->has_keys(); }
  // The lane takes another record.
  bool HasRoom() const { return HasKeys() && !lane_->gate().IsPaused(); }
  // All queued frames have arrived, and the peer's last record is acknowledged.
  bool IsFinished() const;
  // When acknowledgements of the control lane have to leave.
  Timestamp ack_due() const { return lane_ ? lane_->received().ack_due() : Timestamp::Never(); }

 private:
  // Answers whether the record has to be acknowledged.
  bool Pack(LaneBook<SealedLane>& bulk, Pulse& pulse, const PingNeed& need, Timestamp now,
            ByteWriter& writer);
  void PackOwnAck(ByteWriter& writer);

  FrameQueue frames_;
  std::optional<SealedLane> lane_;
  bool privacy_ = false;  // Records are padded.
  bool resume_owed_ = false;
  bool resume_awaited_ = false;
  bool finishing_ = false;
  uint64_t frames_received_ = 0;  // Queued frames of the peer, for RESUME.
};

}  // namespace millrace
