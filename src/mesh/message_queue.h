// The queue of packets for one neighbour's channel: by level, bounded, and cut into batches.
#pragma once

#include <array>
#include <deque>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "mesh/message.h"

namespace millrace {

struct MessageQueueOptions {
  size_t max_bytes = 4 * 1024 * 1024;
  // A batch is closed before the packet that would take it past this; a longer packet goes alone.
  size_t batch_bytes = 16 * 1024;
};

class MessageQueue {
 public:
  explicit MessageQueue(const MessageQueueOptions& options) : options_(options) {}

  // Queues a copy of an encoded packet. Where there is no room, packets of lower levels make it,
  // the lowest level's newest ones first; where those do not suffice, the packet is refused and
  // nothing is dropped. Answers whether it was queued.
  // Cost: amortised constant.
  bool Push(Level level, ByteView packet, Timestamp now);

  // When the next batch is due, with messages that may wait `delay` for others: at once where one
  // is urgent or a batch is full; Never while the queue is empty. Delays that change, and clocks
  // that go back, count at once: no message waits longer than `delay` from now on.
  Timestamp DueAt(Duration delay, Timestamp now) const;

  // The next batch: higher levels first, in order within one. Nothing while the queue is empty.
  std::optional<std::vector<uint8_t>> PopBatch();

  bool empty() const { return bytes_ == 0; }
  size_t bytes() const { return bytes_; }
  // Packets that made room for others so far.
  uint64_t dropped() const { return dropped_; }

 private:
  struct Waiting {
    std::vector<uint8_t> packet;  // Behind its length.
    Timestamp since;
  };

  std::deque<Waiting>& queue(Level level) { return queues_[static_cast<size_t>(level)]; }

  MessageQueueOptions options_;
  std::array<std::deque<Waiting>, kLevels> queues_;
  std::array<size_t, kLevels> level_bytes_{};
  size_t bytes_ = 0;
  uint64_t dropped_ = 0;
};

}  // namespace millrace
