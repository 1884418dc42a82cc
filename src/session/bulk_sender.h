// Sends bulk: which piece goes out next, on which lane, and when; or the one reason why none can.
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
};

class BulkSender {
  // What becomes of lost pieces; before its uses, since its type is deduced.
  auto OnLost() {
    return [this](PieceId piece) { return sender_.OnLost(piece); };
  }

 public:
  // `sender` has the pieces, and outlives this.
  BulkSender(Sender& sender, const BulkOptions& options);

  // --- Lanes ---

  LaneBook<SealedLane>& lanes() { return lanes_; }
  const LaneBook<SealedLane>& lanes() const { return lanes_; }
  // The longest record that a new lane has to carry: pieces of that size may wait for it.
  size_t least_message_bytes() const { return record_bytes_; }
  // Answers false, and changes nothing, for a number that this connection had before.
  bool OpenLane(const LaneSetup& setup, const SessionSecrets& secrets, uint64_t records_per_epoch,
                Timestamp now);
  void CloseLane(LaneId id);
  // Gives up lanes that are worth less than fresh ones; `on_retired(lane)` before each.
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
  // A new connection: nothing that was measured on the old path holds for it.
  void StartPath() { flow_ = MakeFlow(); }

  // --- Input ---

  void SetPrivacy(bool privacy) { privacy_ = privacy; }
  // The round trip of a ping.
  void OnPong(Duration round_trip, Timestamp now) { flow_.OnPong(round_trip, lanes_.size(), now); }
  // Errors: as LaneBook::OnAck.
  Status OnAck(const AckFrame& ack, Timestamp now);
  void DetectLosses(Timestamp now) { lanes_.DetectLosses(now, OnLost()); }
  // Tells the chunk sizer about the link, where that is due.
  void ReportChunks(std::optional<Duration> round_trip, std::optional<double> loss, Timestamp now);

  // --- Output ---

  // The next record, a part of `out`; nothing where none can go, which holdup() then explains.
  // Cost: sealing the record.
  std::optional<Output> Poll(Timestamp now, MutableByteView out);
  Holdup holdup() const { return holdup_; }
  // When pacing lets the next record go; Never where something else holds it.
  Timestamp due() const { return due_; }
  // Payload of the next record.
  size_t RecordPayload() const;

  // --- What is known ---

  // A piece went out within the last second: the rate is being measured.
  bool IsMoving(Timestamp now) const { return now < moving_until_; }
  // Pieces are in flight or may go.
  bool IsPending() const { return sender_.HasPiece() || lanes_.in_flight_bytes() > 0; }
  // When a piece last arrived, a lane opened, or nothing was pending.
  Timestamp progress_at() const { return progress_at_; }
  const FlowControl& flow() const { return flow_; }
  ChunkSizer& chunks() { return chunks_.sizer(); }
  const ChunkSizer& chunks() const { return chunks_.sizer(); }
  // Acknowledged on bulk lanes, since the session began.
  double acked_bytes() const { return chunks_.acked_bytes(); }

 private:
  FlowControl MakeFlow() const;
  std::optional<Output> PollRecord(Timestamp now, MutableByteView out);
  // A message that makes a young association send more of what it holds.
  std::optional<Output> PollNudge(Timestamp now, MutableByteView out);
  std::optional<Output> PollProbe(Timestamp now, MutableByteView out);
  std::optional<Output> PollCopy(Timestamp now, MutableByteView out);
  Output Send(SealedLane& lane, const OutgoingPiece& piece, Timestamp now, MutableByteView out);
  LaneChoice Choice() const;
  Holdup FindHoldup(Timestamp now) const;

  Sender& sender_;
  BulkOptions options_;
  LaneBook<SealedLane> lanes_;
  FlowControl flow_;
  ChunkReports chunks_;
  bool privacy_ = false;  // Records are padded.
  size_t record_bytes_ = 0;
  size_t nudges_left_ = 0;  // Owed to the lane used last.
  Holdup holdup_ = Holdup::kNothing;
  Timestamp due_ = Timestamp::Never();
  Timestamp moving_until_;
  Timestamp progress_at_;
};

}  // namespace millrace
