// Frames that wait for the control lane, already encoded, in order.
#pragma once

#include <deque>
#include <vector>

#include "wire/frames.h"

namespace millrace {

class FrameQueue {
 public:
  // Encodes and appends. Each frame but DATA fits into a control record by its own limits.
  void Push(const Frame& frame);
  void Clear() { frames_.clear(); }
  bool empty() const { return frames_.empty(); }

  // Moves as many whole frames as fit to `writer`; answers how many.
  size_t PackInto(ByteWriter& writer);

 private:
  std::deque<std::vector<uint8_t>> frames_;
};

}  // namespace millrace
