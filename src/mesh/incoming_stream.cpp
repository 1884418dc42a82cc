#include "mesh/incoming_stream.h"

#include <algorithm>
#include <utility>

namespace millrace {

IncomingStream::Outcome IncomingStream::OnMessage(const MessagePacket& message) {
  RaiseFloor(message.oldest);
  const uint64_t sequence = message.sequence;
  if (sequence < next_ || received_.Contains(sequence)) return Outcome::kDuplicate;
  if (sequence - next_ >= limits_.window) return Outcome::kOutOfRoom;
  const bool waits = !unordered_ && sequence != next_;
  if (waits && waiting_bytes_ + message.payload.size() > limits_.reorder_bytes) {
    return Outcome::kOutOfRoom;
  }
  received_.Insert(sequence, sequence + 1);
  Delivered delivered{sequence,
                      message.timestamp_ms,
                      message.compressed,
                      {message.payload.begin(), message.payload.end()}};
  if (unordered_) {
    ready_.push_back(std::move(delivered));
  } else {
    waiting_bytes_ += delivered.payload.size();
    waiting_.emplace(sequence, std::move(delivered));
  }
  Release();
  return Outcome::kTaken;
}

void IncomingStream::RaiseFloor(uint64_t floor) {
  if (floor <= next_) return;
  next_ = floor;
  received_.RemoveBelow(floor);
  Release();
}

// Moves `next_` past what has come, and makes ready what waited for that.
void IncomingStream::Release() {
  if (!received_.empty() && received_.ranges().front().begin == next_) {
    next_ = received_.ranges().front().end;
    received_.RemoveBelow(next_);
  }
  while (!waiting_.empty() && waiting_.begin()->first < next_) {
    Delivered& first = waiting_.begin()->second;
    waiting_bytes_ -= first.payload.size();
    ready_.push_back(std::move(first));
    waiting_.erase(waiting_.begin());
  }
}

bool IncomingStream::Pop(Delivered& message) {
  if (ready_.empty()) return false;
  message = std::move(ready_.front());
  ready_.pop_front();
  return true;
}

MeshAckPacket IncomingStream::Ack() const {
  MeshAckPacket ack;
  ack.next = next_;
  const std::span<const Range> ranges = received_.ranges();
  ack.range_count = std::min(ranges.size(), ack.ranges.size());
  const std::span<const Range> newest = ranges.last(ack.range_count);
  std::copy(newest.begin(), newest.end(), ack.ranges.begin());
  return ack;
}

}  // namespace millrace
