// The answers to a peer's pings, until there is room to send them.
#pragma once

#include <array>

#include "base/time.h"
#include "wire/frames.h"

namespace millrace {

class OwedPongs {
 public:
  // Only the newest pings are answered; older ones say nothing more.
  static constexpr size_t kMost = 4;
  // PONG frames at most, in bytes.
  static constexpr size_t kMostBytes = kMost * (1 + 8 + 8);

  // A ping of the peer arrived.
  void Add(const PingFrame& ping, Timestamp now);
  bool empty() const { return count_ == 0; }
  // Writes them all. `writer` has room for kMostBytes.
  void Pack(ByteWriter& writer);

 private:
  std::array<PongFrame, kMost> pongs_{};  // The first count_ of them, oldest first.
  size_t count_ = 0;
};

}  // namespace millrace
