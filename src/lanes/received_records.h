// The packet numbers that arrived on a lane: finds duplicates, and decides what to acknowledge
// when.
//
// A user whose acknowledgements may be lost sends them in numbered records together with pings, and
// reports which of these records were answered. What the peer is then known to have heard is not
// repeated (RFC 9000, section 13.2.4).
#pragma once

#include <array>

#include "base/ids.h"
#include "base/range_set.h"
#include "base/time.h"
#include "wire/frames.h"

namespace millrace {

class ReceivedRecords {
 public:
  // An acknowledgement waits for this many records or this long, whichever comes first. While bulk
  // moves, it mostly shares a record with the answer to a ping. RFC 9002,
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

  bool owes_ack() const { return owed_ > 0; }
  // When the next acknowledgement has to leave; Never where none is owed.
  Timestamp ack_due() const { return ack_due_; }

  // The acknowledgement to send for this lane, of at most `room` bytes; nothing is owed afterwards.
  // It has no range where nothing can be acknowledged, or where there is no room; nothing changes
  // then.
  AckFrame TakeAck(LaneId lane, size_t room = kMaxAckFrameBytes);

  // The last acknowledgement may have been lost, and was not repeated kRepeats times.
  bool may_repeat() const { return repeats_left_ > 0 && !confirmed(); }
  // The acknowledgement that was taken last goes out with a ping in record `number`, which is
  // larger than those before.
  void ExpectConfirmation(PacketNumber number);
  // The ping in record `number` was answered.
  void OnConfirmed(PacketNumber number);
  // The peer is known to have heard of all numbers.
  bool confirmed() const { return unconfirmed_.empty(); }
  // Acknowledgements name this many ranges.
  size_t ranges() const { return unconfirmed_.ranges().size(); }

 private:
  // An acknowledgement goes out again in the next records that leave anyway, so that the end of a
  // burst does not wait for the sender's probe timeout when one packet is lost.
  static constexpr uint32_t kRepeats = 2;

  uint32_t records_per_ack_;
  RangeSet numbers_;
  RangeSet unconfirmed_;  // Those that the peer may not have heard of.
  // Those that arrived after the acknowledgement in awaited_ was taken.
  RangeSet since_;
  // Records whose acknowledgements of this lane are the same, ascending: the peer's answer to one
  // of them confirms it. One acknowledgement is awaited at a time, which confirms as often as pings
  // take a round trip.
  std::array<PacketNumber, 4> awaited_{};
  size_t awaited_count_ = 0;
  uint64_t floor_ = 0;  // Numbers below it count as received.
  uint64_t largest_ = 0;
  Timestamp largest_received_at_;
  uint32_t owed_ = 0;
  uint32_t repeats_left_ = 0;
  Timestamp ack_due_ = Timestamp::Never();
};

}  // namespace millrace
