// Frames for the control lane, already encoded, in order; kept until they are known to have
// arrived, so that a new connection can go on where a lost one ended.
#pragma once

#include <deque>
#include <vector>

#include "base/memory_budget.h"
#include "wire/frames.h"

namespace millrace {

class FrameQueue {
 public:
  // What a frame takes beside its bytes: its place in the queue and the allocator's share.
  static constexpr size_t kFrameBytes = 32;

  // The frames take their memory from `memory`, which outlives the queue.
  explicit FrameQueue(MemoryBudget& memory) : memory_(memory) {}

  // Encodes and appends, with PADDING after it up to `least_bytes`. Each frame but DATA fits into a
  // control record by its own limits. Errors: overflowed() where there is no memory for it.
  void Push(const Frame& frame, size_t least_bytes = 0);
  // Forgets all frames, and that some are missing.
  void Clear();
  // A frame is missing for want of memory: what follows would not make sense to the peer.
  bool overflowed() const { return overflowed_; }
  // Whether a frame waits to be sent.
  bool empty() const { return sent_ == frames_.size(); }

  // Bytes of frames that wait to be sent, and of frames that were sent and have not arrived yet.
  size_t waiting_bytes() const { return waiting_bytes_; }
  size_t sent_bytes() const { return sent_bytes_; }

  // Copies as many whole frames as fit to `writer`, to go out as record `number` of the control
  // lane; answers how many.
  size_t PackInto(ByteWriter& writer, PacketNumber number);
  // Record `number` arrived, and on an ordered lane everything before it: what they carried is
  // forgotten.
  void OnArrived(PacketNumber number);
  // A new lane is there: none of its records has carried a frame so far, whatever their numbers.
  void OnNewLane() { packed_.clear(); }
  // On a new lane, before a frame is packed: the peer has `received` frames in all; the rest is to
  // be sent again.
  // Errors: false where that can not be; nothing has changed.
  bool Rewind(uint64_t received);

 private:
  struct Packed {
    PacketNumber number;
    uint64_t frames_end = 0;
  };

  void Forget(uint64_t end);

  std::deque<std::vector<uint8_t>> frames_;  // frames_[i] is the frame base_ + i of the session.
  uint64_t base_ = 0;
  size_t sent_ = 0;  // Of frames_, the first so many have gone out.
  size_t sent_bytes_ = 0;
  size_t waiting_bytes_ = 0;
  std::deque<Packed> packed_;
  MemoryShare memory_;
  bool overflowed_ = false;
};

}  // namespace millrace
