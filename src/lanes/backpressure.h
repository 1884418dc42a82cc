// Backpressure of one lane: high and low water marks on its channel's bufferedAmount.
#pragma once

#include <cstddef>
#include <cstdint>

namespace millrace {

struct WaterMarks {
  size_t high = 0;
  size_t low = 0;
};

// Chromium's send queue holds 16 MiB, and `send` throws beyond that. One more message may follow
// once the mark is reached.
inline constexpr size_t kMaxHighWater = 15 * 1024 * 1024;

// Marks for comparison (deep buffers, the event-driven pump with its small threshold, those of most
// pages), and the default, which was measured to be enough for a turn of the event loop.
inline constexpr WaterMarks kPrescribedMarks{16 * 1024 * 1024, 4 * 1024 * 1024};
inline constexpr WaterMarks kEventDrivenMarks{1024 * 1024, 64 * 1024};
inline constexpr WaterMarks kDeepMarks{8 * 1024 * 1024, 1024 * 1024};
inline constexpr WaterMarks kMeasuredMarks{1024 * 1024, 256 * 1024};

// Usable marks: `high` is at least one byte and at most kMaxHighWater, `low` is below `high`.
WaterMarks ClampWaterMarks(WaterMarks wanted);

class Backpressure {
 public:
  explicit Backpressure(WaterMarks marks) : marks_(ClampWaterMarks(marks)) {}

  void SetMarks(WaterMarks marks);
  // A message was handed to the channel.
  void OnSent(size_t bytes);
  // The channel reports its bufferedAmount.
  void OnBuffered(size_t bytes);

  // True from the high mark on, until the buffer has fallen to the low mark.
  bool IsPaused() const { return paused_; }
  const WaterMarks& marks() const { return marks_; }
  size_t buffered() const { return buffered_; }
  // The share of the high mark that is filled, 0 to 1.
  double BufferLevel() const;

 private:
  WaterMarks marks_;
  size_t buffered_ = 0;
  bool paused_ = false;
};

}  // namespace millrace
