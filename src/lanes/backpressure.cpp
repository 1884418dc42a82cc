#include "lanes/backpressure.h"

#include <algorithm>

namespace millrace {

WaterMarks ClampWaterMarks(WaterMarks wanted) {
  WaterMarks marks;
  marks.high = std::clamp<size_t>(wanted.high, 1, kMaxHighWater);
  marks.low = std::min(wanted.low, marks.high - 1);
  return marks;
}

void Backpressure::SetMarks(WaterMarks marks) {
  marks_ = ClampWaterMarks(marks);
  OnBuffered(buffered_);
}

void Backpressure::OnSent(size_t bytes) {
  buffered_ += bytes;
  if (buffered_ >= marks_.high) paused_ = true;
}

void Backpressure::OnBuffered(size_t bytes) {
  buffered_ = bytes;
  if (buffered_ >= marks_.high) paused_ = true;
  if (buffered_ <= marks_.low) paused_ = false;
}

double Backpressure::BufferLevel() const {
  return std::min(1.0, static_cast<double>(buffered_) / static_cast<double>(marks_.high));
}

}  // namespace millrace
