// One stream of messages as it arrives: duplicates dropped, order restored, within a bound
// (PROTOCOL, "Mesh").
#pragma once

#include <deque>
#include <map>
#include <vector>

#include "base/range_set.h"
#include "mesh/message.h"

namespace millrace {

struct DeliveryLimits {
  // Numbers past the first missing one that a receiver looks at, and that a source may have sent.
  uint64_t window = 256;
  // Payload that waits for its turn in one stream.
  size_t reorder_bytes = 1024 * 1024;
};

struct Delivered {
  uint64_t sequence = 0;
  uint64_t timestamp_ms = 0;
  bool compressed = false;
  std::vector<uint8_t> payload;
};

class IncomingStream {
 public:
  // What became of a message.
  enum class Outcome : uint8_t {
    kTaken,      // New; Pop gives what can be delivered.
    kDuplicate,  // It came before, or its source has given it up.
    kOutOfRoom,  // Past the window or the bytes: not taken, and not acknowledged, so it comes
                 // again.
  };

  IncomingStream(bool unordered, const DeliveryLimits& limits)
      : unordered_(unordered), limits_(limits) {}

  // Takes a message. Its `oldest` counts whatever its outcome is: nothing below is waited for.
  // Cost: logarithmic in what waits.
  Outcome OnMessage(const MessagePacket& message);

  // Whether a message of this number would have to wait for others before it.
  bool Waits(uint64_t sequence) const { return !unordered_ && sequence > next_; }

  // The next message in order, or, in an unordered stream, in the order of arrival; false: none.
  bool Pop(Delivered& message);

  // All below `next`, and the newest of the ranges above it that fit.
  MeshAckPacket Ack() const;

  // Payload that waits for its turn.
  size_t waiting_bytes() const { return waiting_bytes_; }

 private:
  void RaiseFloor(uint64_t floor);
  void Release();

  bool unordered_;
  DeliveryLimits limits_;
  uint64_t next_ = 0;  // All below have come or were given up.
  RangeSet received_;  // Above `next_`.
  std::map<uint64_t, Delivered> waiting_;
  size_t waiting_bytes_ = 0;
  std::deque<Delivered> ready_;
};

}  // namespace millrace
