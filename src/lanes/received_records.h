// The packet numbers that arrived on a lane: finds duplicates, and decides what to acknowledge
// when.
#pragma once

#include <optional>

#include "base/ids.h"
#include "base/range_set.h"
#include "base/time.h"
#include "wire/frames.h"

namespace millrace {

class ReceivedRecords {
 public:
  // An acknowledgement waits for this many records or this long, whichever comes first. It shares a
  // record with anything else that is sent: while bulk moves, with the answers to pings. RFC 9002,
  // section 6.2.1, takes 25 ms as the default of max_ack_delay. Each message, however short, costs
  // two browsers about a third of a millisecond of processor (control/flow_control.cpp).
  static constexpr uint32_t kRecordsPerAck = 16;
  static constexpr Duration kMaxAckDelay = Duration::Millis(25);

  explicit ReceivedRecords(uint32_t records_per_ack = kRecordsPerAck)
      : records_per_ack_(records_per_ack) {}

  // Notes a record that was opened. Errors: false for a duplicate, and for a record so old that it
  // may be one; it must be dropped unread.
  bool Insert(PacketNumber number, Timestamp now);

  // Whether every number below the largest one arrived.
  bool complete() const { return numbers_.gaps() == 0 && numbers_.Contains(0); }

  // The record inserted last has to be acknowledged.
  void OnAckEliciting(Timestamp now);

  // When the next acknowledgement has to leave; Never where none is owed.
  Timestamp ack_due() const { return ack_due_; }

  // The acknowledgement to send for this lane; nothing is owed afterwards.
  AckFrame TakeAck(LaneId lane);

 private:
  uint32_t records_per_ack_;
  RangeSet numbers_;
  uint64_t floor_ = 0;  // Numbers below it count as received.
  uint64_t largest_ = 0;
  Timestamp largest_received_at_;
  uint32_t owed_ = 0;
  Timestamp ack_due_ = Timestamp::Never();
};

}  // namespace millrace
