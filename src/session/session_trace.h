// Watches a session and writes down what changes: lanes, decisions about the rate, losses, stalls,
// the chunk size; and a few times a second how the link is. Only looks: a session goes the same way
// with it and without.
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
  // A sample of the link each kLeastInterval, while a transfer is young; later each 600th of the
  // time that it has taken, so that an hour takes five times the entries of a minute.
  static constexpr Duration kLeastInterval = Duration::Millis(100);
  static constexpr Duration kMostInterval = Duration::Seconds(10);
  static constexpr int64_t kSamples = 600;
  // Nothing has arrived for so long, though something is to be sent.
  static constexpr Duration kStall = Duration::Seconds(1);

  // The session as it is now.
  struct View {
    const LaneBook<SealedLane>::Lanes& lanes;
    const FlowControl& flow;
    const ChunkSizer& chunks;
    std::optional<Duration> round_trip;
    std::optional<double> loss;
    size_t record_bytes = 0;           // Payload of the next record.
    double acked_bytes = 0;            // Of bulk, since the session began.
    WaitingTimes::Totals waited{};     // Of both ways.
    bool active = false;               // Some transfer has not ended.
    std::optional<Timestamp> pending;  // Something is to be sent; when something last arrived.
  };

  // Cost: linear in the lanes.
  void Observe(const View& view, Timestamp now);
  // The session gives the lane up; it is in the next view no more.
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
