#include "lanes/received_records.h"

#include <algorithm>

namespace millrace {

bool ReceivedRecords::Insert(PacketNumber number, Timestamp now) {
  if (number.value < floor_ || numbers_.Insert(number.value, number.value + 1) == 0) return false;
  if (numbers_.count() == 1 || number.value > largest_) {
    largest_ = number.value;
    largest_received_at_ = now;
  }
  if (numbers_.ranges().size() > kMaxGaps) {
    floor_ = numbers_.ranges().front().end;
    numbers_.RemoveBelow(floor_);
  }
  return true;
}

void ReceivedRecords::OnAckEliciting(Timestamp now) {
  ++owed_;
  ack_due_ = std::min(ack_due_, owed_ >= records_per_ack_ ? now : now + kMaxAckDelay);
}

AckFrame ReceivedRecords::TakeAck(LaneId lane) {
  AckFrame ack;
  ack.lane = lane;
  ack.largest_received_at = largest_received_at_;
  const std::span<const Range> ranges = numbers_.ranges();
  ack.range_count = std::min(ranges.size(), ack.ranges.size());
  std::copy_n(ranges.rbegin(), ack.range_count, ack.ranges.begin());
  owed_ = 0;
  ack_due_ = Timestamp::Never();
  return ack;
}

}  // namespace millrace
