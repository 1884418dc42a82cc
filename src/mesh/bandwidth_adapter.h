// How good the mesh's channels are, from what they buffer, and how long messages may wait for
// others to share a record with.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/time.h"

namespace millrace {

enum class QualityMode : uint8_t { kHigh, kMedium, kLow };
inline constexpr size_t kQualityModes = 3;

// Bytes in the fullest channel at which the mode changes, and what each mode means.
struct BandwidthOptions {
  uint64_t medium_above = 512 * 1024;  // HIGH → MEDIUM.
  uint64_t low_above = 1024 * 1024;    // MEDIUM → LOW.
  uint64_t medium_below = 256 * 1024;  // LOW → MEDIUM.
  uint64_t high_below = 128 * 1024;    // MEDIUM → HIGH.
  std::array<Duration, kQualityModes> batch_delays = {Duration(), Duration::Millis(50),
                                                      Duration::Millis(200)};
  Duration sample_interval = Duration::Millis(100);
  // Compares with where the fullest buffer will be after `horizon` if it goes on as it did between
  // the last two samples, instead of with where it is.
  bool predictive = false;
  Duration horizon = Duration::Millis(200);
};

// The options as they can be used: each way back lies at or below its way there, so that no amount
// asks for both; spans are 0 to 10 s.
BandwidthOptions ClampBandwidthOptions(BandwidthOptions wanted);

// The data of bandwidth_quality_changed. Bytes.
struct QualityChange {
  QualityMode old_mode = QualityMode::kHigh;
  QualityMode new_mode = QualityMode::kHigh;
  uint64_t max_buffered = 0;
  uint64_t avg_buffered = 0;
  size_t channel_count = 0;
};

class BandwidthAdapter {
 public:
  explicit BandwidthAdapter(const BandwidthOptions& options)
      : options_(ClampBandwidthOptions(options)) {}

  // Takes what each channel buffers, in bytes, and answers a change of the mode: one step at most.
  // A sample sooner than the interval after the last one is not looked at, so that calling more
  // often does not step faster. A clock that went back starts the interval anew; one that jumped
  // ahead makes one sample. No channels at all count as empty ones.
  // Cost: one pass over `buffered`.
  std::optional<QualityChange> Sample(std::span<const uint64_t> buffered, Timestamp now);

  QualityMode mode() const { return mode_; }
  // How long a message may wait for others in this mode.
  Duration batch_delay() const { return options_.batch_delays[static_cast<size_t>(mode_)]; }
  // When the next sample will be looked at; before the first one, at any time.
  std::optional<Timestamp> next_sample() const;

 private:
  // What the thresholds are compared with.
  uint64_t Level(uint64_t max_buffered, Timestamp now) const;
  QualityMode Next(uint64_t level) const;

  BandwidthOptions options_;
  QualityMode mode_ = QualityMode::kHigh;
  std::optional<Timestamp> sampled_at_;
  uint64_t last_max_ = 0;
};

}  // namespace millrace
