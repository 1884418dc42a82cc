#include "lanes/received_records.h"

#include <algorithm>

namespace millrace {

namespace {

void InsertBounded(RangeSet& set, PacketNumber number) {
  set.Insert(number.value, number.value + 1);
  if (set.ranges().size() > kMaxGaps) set.RemoveBelow(set.ranges().front().end);
}

}  // namespace

bool ReceivedRecords::Insert(PacketNumber number, Timestamp now) {
  if (number.value < floor_ || numbers_.Insert(number.value, number.value + 1) == 0) return false;
  if (numbers_.count() == 1 || number.value > largest_) {
    largest_ = number.value;
    largest_received_at_ = now;
  }
  InsertBounded(unconfirmed_, number);
  if (awaited_count_ > 0) InsertBounded(since_, number);
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

AckFrame ReceivedRecords::TakeAck(LaneId lane, size_t room) {
  AckFrame ack;
  ack.lane = lane;
  ack.largest_received_at = largest_received_at_;
  const std::span<const Range> ranges = unconfirmed_.ranges();
  ack.range_count = std::min(ranges.size(), ack.ranges.size());
  std::copy_n(ranges.rbegin(), ack.range_count, ack.ranges.begin());
  if (!TrimAck(ack, room)) return ack;
  if (owes_ack()) {
    repeats_left_ = kRepeats;
  } else if (repeats_left_ > 0) {
    --repeats_left_;
  }
  owed_ = 0;
  ack_due_ = Timestamp::Never();
  return ack;
}

void ReceivedRecords::ExpectConfirmation(PacketNumber number) {
  if (awaited_count_ == 0) since_.RemoveBelow(UINT64_MAX);
  if (!since_.empty() || awaited_count_ == awaited_.size()) return;
  awaited_[awaited_count_++] = number;
}

void ReceivedRecords::OnConfirmed(PacketNumber number) {
  const auto end = awaited_.begin() + static_cast<std::ptrdiff_t>(awaited_count_);
  if (std::find(awaited_.begin(), end, number) != end) {
    std::swap(unconfirmed_, since_);
    awaited_count_ = 0;
  } else if (awaited_count_ > 0 && number > end[-1]) {
    awaited_count_ = 0;  // All of them were lost, or overtaken. The next one will do.
  }
}

}  // namespace millrace
