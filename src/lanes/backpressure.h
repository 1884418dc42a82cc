// When a lane may be written to: high and low water marks on its channel's bufferedAmount
// (requirement A2).
#pragma once

#include <cstddef>
#include <cstdint>

namespace millrace {

struct WaterMarks {
  size_t high = 0;
  size_t low = 0;
};

// Chromium's send queue holds 16 MiB and throws past it; a message may still follow the mark
// (facts: libwebrtc).
inline constexpr size_t kMaxHighWater = 15 * 1024 * 1024;

// The prescribed marks (A2), those of the event-driven pump with its small threshold (A3), those of
// most pages, and what was measured to be enough for a turn of the event loop.
inline constexpr WaterMarks kPrescribedMarks{16 * 1024 * 1024, 4 * 1024 * 1024};
inline constexpr WaterMarks kEventDrivenMarks{1024 * 1024, 64 * 1024};
inline constexpr WaterMarks kDeepMarks{8 * 1024 * 1024, 1024 * 1024};
inline constexpr WaterMarks kMeasuredMarks{1024 * 1024, 256 * 1024};

// The marks as they can be used: `high` at least one byte and at most kMaxHighWater, `low` below
// `high`.
WaterMarks ClampWaterMarks(WaterMarks wanted);

class Backpressure {
 public:
  explicit Backpressure(WaterMarks marks) : marks_(ClampWaterMarks(marks)) {}

  void SetMarks(WaterMarks marks);
  // A message was handed to the channel.
  void OnSent(size_t bytes);
  // What the channel says it still holds.
  void OnBuffered(size_t bytes);

  // Above the high mark, until the buffer has fallen to the low one.
  bool IsPaused() const { return paused_; }
  const WaterMarks& marks() const { return marks_; }
  size_t buffered() const { return buffered_; }
  // 0 to 1 of the high mark.
  double BufferLevel() const;

 private:
  WaterMarks marks_;
  size_t buffered_ = 0;
  bool paused_ = false;
};

}  // namespace millrace
