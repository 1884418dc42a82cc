#include "wire/frame_queue.h"

#include <array>

#include "wire/record.h"

namespace millrace {

void FrameQueue::Push(const Frame& frame, size_t least_bytes) {
  std::array<uint8_t, kMaxControlRecordBytes - kRecordOverheadBytes> scratch;
  ByteWriter writer(scratch);
  EncodeFrame(frame, writer);
  if (writer.size() < least_bytes) writer.Zeros(least_bytes - writer.size());
  const MutableByteView encoded = writer.written();
  if (!writer.ok() || overflowed_) return;
  if (memory_.Resize(memory_.bytes() + kFrameBytes + encoded.size())) {
    frames_.emplace_back(encoded.begin(), encoded.end());
    waiting_bytes_ += encoded.size();
  } else {
    overflowed_ = true;
  }
}

void FrameQueue::Clear() {
  base_ += frames_.size();
  frames_.clear();
  sent_ = 0;
  sent_bytes_ = 0;
  waiting_bytes_ = 0;
  packed_.clear();
  memory_.Resize(0);
  overflowed_ = false;
}

size_t FrameQueue::PackInto(ByteWriter& writer, PacketNumber number) {
  const size_t before = sent_;
  while (!empty() && frames_[sent_].size() <= writer.room()) {
    const std::vector<uint8_t>& frame = frames_[sent_++];
    writer.Bytes(frame);
    sent_bytes_ += frame.size();
    waiting_bytes_ -= frame.size();
  }
  if (sent_ > before) packed_.push_back(Packed{number, base_ + sent_});
  return sent_ - before;
}

void FrameQueue::Forget(uint64_t end) {
  while (base_ < end && sent_ > 0) {
    sent_bytes_ -= frames_.front().size();
    memory_.Resize(memory_.bytes() - kFrameBytes - frames_.front().size());
    frames_.pop_front();
    ++base_;
    --sent_;
  }
}

void FrameQueue::OnArrived(PacketNumber number) {
  while (!packed_.empty() && packed_.front().number <= number) {
    Forget(packed_.front().frames_end);
    packed_.pop_front();
  }
}

bool FrameQueue::Rewind(uint64_t received) {
  if (received < base_ || received > base_ + sent_) return false;
  Forget(received);
  waiting_bytes_ += sent_bytes_;
  sent_bytes_ = 0;
  sent_ = 0;
  return true;
}

}  // namespace millrace
