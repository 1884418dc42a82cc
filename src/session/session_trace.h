// Observes a session and logs what changes (lanes, rate decisions, losses, stalls, the chunk size),
// and a few times a second the state of the link. It never influences the session.
#pragma once

#include <map>
#include <optional>

#include "control/chunk_sizer.h"
#include "control/flow_control.h"
#include "lanes/lane_book.h"
#include "lanes/sealed_lane.h"
#include "report/trace.h"
#include "report/waiting.h"

namespace millrace {

class SessionTrace {
 public:
  // The interval of samples: a kSamples-th of the time that the transfer has taken, within these
  // bounds, so that an hour takes about five times the entries of a minute.
  static constexpr Duration kLeastInterval = Duration::Millis(100);
  static constexpr Duration kMostInterval = Duration::Seconds(10);
  static constexpr int64_t kSamples = 600;
  // A stall is logged after no record was acknowledged for this long while some are pending.
  static constexpr Duration kStall = Duration::Seconds(1);

  // The current state of the session.
  struct View {
    const LaneBook<SealedLane>::Lanes& lanes;
    const FlowControl& flow;
    const ChunkSizer& chunks;
    std::optional<Duration> round_trip;
    std::optional<double> loss;
    size_t record_bytes = 0;           // Payload of the next record.
    double acked_bytes = 0;            // Of bulk, since the session began.
    WaitingTimes::Totals waited{};     // Of sending and receiving together.
    bool active = false;               // There is a transfer that has not ended.
    std::optional<Timestamp> pending;  // Pieces are pending; the time of the last progress.
  };

  // Cost: linear in the lanes.
  void Observe(const View& view, Timestamp now);
  // The session retires the lane, so the next view will not have it.
  void OnRetired(const Lane& lane, Timestamp now);

  std::optional<TraceEntry> Poll() { return trace_.Poll(); }

 private:
  struct KnownLane {
    uint64_t bytes_sent = 0;
    uint64_t bytes_received = 0;
    uint64_t lost_records = 0;
    std::optional<Timestamp> stalled_since;
  };

  void ObserveLanes(const View& view, Timestamp now);
  void ObserveLane(const Lane& lane, KnownLane& known, Timestamp now);
  void ObserveRate(const View& view, Timestamp now);
  void ObserveStall(const View& view, Timestamp now);
  void Sample(const View& view, Timestamp now);

  Trace trace_;
  std::map<LaneId, KnownLane> lanes_;  // Of bulk.
  uint64_t sent_bytes_ = 0;            // On bulk lanes, since the session began.
  uint64_t received_bytes_ = 0;
  std::optional<RateController::Phase> phase_;
  size_t lanes_wanted_ = 0;
  size_t chunk_bytes_ = 0;
  std::optional<Timestamp> stalled_since_;
  std::optional<Timestamp> active_since_;
  Timestamp next_sample_;
  WaitingTimes::Totals waited_{};  // Up to the last sample.
};

}  // namespace millrace
