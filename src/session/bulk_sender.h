// Sends bulk: decides which piece is sent next, on which lane and when, or why none can be sent.
#pragma once

#include <optional>

#include "control/flow_control.h"
#include "control/record_size.h"
#include "lanes/lane_book.h"
#include "lanes/sealed_lane.h"
#include "send/sender.h"
#include "session/chunk_reports.h"
#include "session/holdup.h"
#include "session/output.h"

namespace millrace {

struct BulkOptions {
  Scheduler scheduler = Scheduler::kEarliestCompletion;
  LaneLimits lanes;
  ChunkSizerOptions chunks;
  uint64_t most_bytes_per_second = 0;  // 0: no limit by the user.
  bool background = false;             // Yields to all other traffic.
};

class BulkSender {
  // Handles lost pieces. Stands before its uses, since its type is deduced.
  auto OnLost() {
    return [this](PieceId piece) { return sender_.OnLost(piece); };
  }

 public:
  // `sender` provides the pieces, and outlives this object.
  BulkSender(Sender& sender, const BulkOptions& options);

  // --- Lanes ---

  LaneBook<SealedLane>& lanes() { return lanes_; }
  const LaneBook<SealedLane>& lanes() const { return lanes_; }
  // Errors: false, and nothing changes, for a number that this connection has used before.
  bool OpenLane(const LaneSetup& setup, const SessionSecrets& secrets, uint64_t records_per_epoch,
                Timestamp now);
  void CloseLane(LaneId id) { lanes_.Close(id, OnLost()); }
  // Retires lanes that are worth less than new ones. Calls `on_retired(lane)` before each closes.
  template <typename OnRetired>
  void RetireLanes(OnRetired on_retired, Timestamp now) {
    lanes_.Retire(
        flow_.min_round_trip(),
        [this, now](const SealedLane& lane, double mean) {
          return flow_.IsCollapsed(
              {lane.sent().stalled(), lane.load().BytesPerSecond(flow_.min_round_trip()), mean,
               lane.sent().in_flight_bytes()},
              now);
        },
        [this, now, &on_retired](const SealedLane& lane) {
          flow_.OnRetired(now);
          on_retired(lane);
        },
        OnLost());
  }
  // The connection is gone with all its lanes.
  void CloseAllLanes() { lanes_.Reset(OnLost()); }
  // The user's limit from now on, on this connection and on later ones; 0: none.
  void SetMostBytesPerSecond(uint64_t most, Timestamp now);
  // A new connection is up: everything that was measured on the old path is forgotten, and the time
  // without a connection was no standstill.
  void StartPath(Timestamp now) {
    flow_ = MakeFlow();
    progress_at_ = now;
  }

  // --- Input ---

  void SetPrivacy(bool privacy) { privacy_ = privacy; }
  // Whether the peer answers no pings. Nothing is sent meanwhile: it would be lost, and would make
  // the retransmission timers of more lanes back off.
  void SetSilent(bool silent) { silent_ = silent; }
  // A ping was answered.
  void OnPong(const PingSample& sample, Timestamp now) {
    flow_.OnPong(sample, lanes_.size(), lanes_.in_flight_bytes(), now);
    lanes_.SetPathRoundTrip(flow_.round_trip());
  }
  // Errors: as LaneBook::OnAck.
  Status OnAck(const AckFrame& ack, Timestamp now);
  void DetectLosses(Timestamp now) { lanes_.DetectLosses(now, OnLost()); }
  // Reports the state of the link to the chunk sizer, where a report is due.
  void ReportChunks(std::optional<Duration> round_trip, std::optional<double> loss, Timestamp now);

  // --- Output ---

  // The next record, a part of `out`; nothing where none can be sent, for the reason in holdup().
  // Cost: sealing the record.
  std::optional<Output> Poll(Timestamp now, MutableByteView out);
  Holdup holdup() const { return holdup_; }
  // When pacing allows the next record; Never where something else prevents it.
  Timestamp due() const { return due_; }
  // The most payload bytes of the next record, on any lane.
  size_t RecordPayload() const;

  // --- State ---

  // A piece was sent within the last second: the rate is being measured.
  bool IsMoving(Timestamp now) const { return now < moving_until_; }
  // Pieces are in flight or ready.
  bool IsPending() const { return sender_.HasPiece() || lanes_.in_flight_bytes() > 0; }
  // When a piece was last acknowledged, a lane or a new connection opened, or nothing was pending.
  Timestamp progress_at() const { return progress_at_; }
  const FlowControl& flow() const { return flow_; }
  ChunkSizer& chunks() { return chunks_.sizer(); }
  const ChunkSizer& chunks() const { return chunks_.sizer(); }
  // Bytes acknowledged on bulk lanes since the session began.
  double acked_bytes() const { return chunks_.acked_bytes(); }

 private:
  FlowControl MakeFlow() const;
  double MostBytesPerSecond() const;
  std::optional<Output> PollRecord(Timestamp now, MutableByteView out);
  // A tiny message that makes a young SCTP association use its whole congestion window.
  std::optional<Output> PollWindowProbe(Timestamp now, MutableByteView out);
  // A piece on a lane that stalled while no other lane moves.
  std::optional<Output> PollProbe(Timestamp now, MutableByteView out);
  // The tail loss probe.
  std::optional<Output> PollCopy(Timestamp now, MutableByteView out);
  // The next piece, cut for this lane.
  std::optional<Output> SendNext(SealedLane& lane, Timestamp now, MutableByteView out);
  Output Send(SealedLane& lane, const OutgoingPiece& piece, Timestamp now, MutableByteView out);
  LaneChoice Choice() const;
  // The most payload bytes of the next record on a lane with this limit.
  size_t RecordPayload(size_t max_message_bytes) const;
  Holdup FindHoldup(Timestamp now) const;

  Sender& sender_;
  BulkOptions options_;
  LaneBook<SealedLane> lanes_;
  FlowControl flow_;
  ChunkReports chunks_;
  bool privacy_ = false;           // Records are padded.
  bool silent_ = false;            // The peer is.
  size_t window_probes_left_ = 0;  // Owed to the lane used last.
  Holdup holdup_ = Holdup::kNothing;
  Timestamp due_ = Timestamp::Never();
  Timestamp moving_until_;
  Timestamp progress_at_;
  AckedRecords acked_;  // Scratch.
};

}  // namespace millrace
