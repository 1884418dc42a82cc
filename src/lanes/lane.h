// One lane: its packet numbers both ways, its backpressure, its load, its counters.
#pragma once

#include "base/ids.h"
#include "lanes/backpressure.h"
#include "lanes/lane_counters.h"
#include "lanes/lane_load.h"
#include "lanes/received_records.h"
#include "lanes/sent_records.h"

namespace millrace {

struct LaneSetup {
  LaneId id;
  Delivery delivery = Delivery::kReliable;
  WaterMarks water_marks = kMeasuredMarks;
  size_t max_message_bytes = 0;  // The longest message that its channel carries.
  uint32_t records_per_ack = ReceivedRecords::kRecordsPerAck;
};

class Lane {
 public:
  explicit Lane(const LaneSetup& setup)
      : id_(setup.id),
        max_message_bytes_(setup.max_message_bytes),
        gate_(setup.water_marks),
        sent_(setup.delivery),
        received_(setup.records_per_ack) {}

  LaneId id() const { return id_; }
  size_t max_message_bytes() const { return max_message_bytes_; }
  Backpressure& gate() { return gate_; }
  const Backpressure& gate() const { return gate_; }
  // Records of a lane in a LaneBook are changed only through the book, which keeps the sum over its
  // lanes.
  SentRecords& sent() { return sent_; }
  const SentRecords& sent() const { return sent_; }
  LaneLoad& load() { return load_; }
  const LaneLoad& load() const { return load_; }
  ReceivedRecords& received() { return received_; }
  const ReceivedRecords& received() const { return received_; }
  LaneCounters& counters() { return counters_; }
  const LaneCounters& counters() const { return counters_; }
  // When the last acknowledged record had arrived at the peer, on this side's clock.
  Timestamp arrived_at() const { return arrived_at_; }
  void set_arrived_at(Timestamp at) { arrived_at_ = at; }

 private:
  LaneId id_;
  size_t max_message_bytes_;
  Backpressure gate_;
  SentRecords sent_;
  LaneLoad load_;
  ReceivedRecords received_;
  LaneCounters counters_;
  Timestamp arrived_at_;
};

}  // namespace millrace
