// The chunk size that follows the measured link.
//
// Each report moves the link to a step of the ladder. A step is left only when the link is past its
// bound by a quarter: values that differ from each other by less, such as those of a steady link
// under 10 % of noise either way (1.1 / 0.9 = 1.22), never make it go back and forth. And it is
// left only after some reports in a row have said so, how many of them is the mode.
#pragma once

#include <cstddef>
#include <optional>

#include "control/chunk_ladder.h"
#include "control/network_profile.h"

namespace millrace {

// One report: totals since the beginning, and how the link is now.
struct ChunkMetrics {
  double timestamp_ms = 0;
  double bytes_transferred = 0;
  double chunks_sent = 0;
  double chunks_acked = 0;
  double rtt_ms = 0;
  double loss = 0;  // 0 to 1.
  double jitter_ms = 0;
  double buffer_level = 0;  // 0 to 1 of the high water mark.
};

struct ChunkSizerOptions {
  Ladder ladder = Ladder::kDefault;
  NetworkProfile profile = NetworkProfile::kAuto;
  std::optional<SizingMode> mode;  // Nothing: what the profile suggests.
  // Bounds instead of the profile's; 0: the profile's. Clamped to kLeastChunkBytes and
  // kMostChunkBytes, and to whole leaves.
  size_t least_chunk_bytes = 0;
  size_t most_chunk_bytes = 0;
  // What the path is made of; see DetectProfile.
  bool host_pair = false;
  bool cellular = false;
};

// Chunks of this size whatever the link does.
inline ChunkSizerOptions FixedChunks(size_t bytes) {
  return {.least_chunk_bytes = bytes, .most_chunk_bytes = bytes};
}

class ChunkSizer {
 public:
  // Before the first report, within the bounds: the middle of the ladder.
  static constexpr size_t kFirstChunkBytes = 64 * 1024;
  // Reports further apart than this, or going back by more, are of a clock that was set or a
  // machine that slept.
  static constexpr double kLongestGapMs = 60'000;

  explicit ChunkSizer(const ChunkSizerOptions& options);

  // Takes a report, and answers whether it did. Ignored as a whole: one with a number that is not
  // finite, negative, or (loss, buffer level) above 1, and one that is not later than the last one.
  // After a gap or a jump back of more than kLongestGapMs, and where a total falls, the rate is
  // measured anew; the rest of the report counts. The first report decides alone. No growth while
  // the buffer is full, or while chunks are out and none was acknowledged since the last report.
  bool Report(const ChunkMetrics& metrics);
  // The path changed.
  void SetPath(bool host_pair, bool cellular);

  // A whole number of leaves of 16 KiB.
  size_t chunk_bytes() const { return chunk_bytes_; }
  size_t least_chunk_bytes() const { return least_; }
  size_t most_chunk_bytes() const { return most_; }
  Ladder ladder() const { return options_.ladder; }
  // The chosen one; where that is kAuto, what the path looks like, kAuto before the first report.
  NetworkProfile profile() const;
  SizingMode mode() const;
  // As the reports had it; 0 before two of them.
  double bytes_per_second() const { return bytes_per_second_; }

 private:
  // Reports closer together than this add up to one measurement of the rate.
  static constexpr double kRateSpanMs = 250;
  // See above.
  static constexpr double kMargin = 1.25;

  struct Patience {
    int to_grow;
    int to_shrink;
  };

  Patience patience() const;
  void TakeRate(const ChunkMetrics& metrics);
  size_t Clamp(size_t bytes) const;
  size_t Step(const LinkState& link) const { return Clamp(ChunkBytesFor(options_.ladder, link)); }

  ChunkSizerOptions options_;
  size_t least_;
  size_t most_;
  size_t chunk_bytes_;
  std::optional<ChunkMetrics> last_;
  ChunkMetrics rate_from_;  // Where the measurement of the rate began.
  double bytes_per_second_ = 0;
  int streak_ = 0;  // Reports in a row that wanted it larger (above 0) or smaller (below).
};

}  // namespace millrace
