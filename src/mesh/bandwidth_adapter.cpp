#include "mesh/bandwidth_adapter.h"

#include <algorithm>

namespace millrace {
namespace {

constexpr Duration kLongestSpan = Duration::Seconds(10);
// More than any browser buffers; keeps the sums and the trend far from the ends of 64 bits.
constexpr uint64_t kMostBuffered = uint64_t{1} << 40;

Duration ClampSpan(Duration span) { return std::clamp(span, Duration(), kLongestSpan); }

}  // namespace

BandwidthOptions ClampBandwidthOptions(BandwidthOptions wanted) {
  BandwidthOptions options = wanted;
  options.medium_below = std::min(wanted.medium_below, wanted.low_above);
  options.high_below = std::min(wanted.high_below, wanted.medium_above);
  for (Duration& delay : options.batch_delays) delay = ClampSpan(delay);
  options.sample_interval = ClampSpan(wanted.sample_interval);
  options.horizon = ClampSpan(wanted.horizon);
  return options;
}

std::optional<Timestamp> BandwidthAdapter::next_sample() const {
  if (!sampled_at_) return std::nullopt;
  return *sampled_at_ + options_.sample_interval;
}

uint64_t BandwidthAdapter::Level(uint64_t max_buffered, Timestamp now) const {
  if (!options_.predictive || !sampled_at_ || now <= *sampled_at_) return max_buffered;
  const double slope = (static_cast<double>(max_buffered) - static_cast<double>(last_max_)) /
                       (now - *sampled_at_).seconds();
  const double expected = static_cast<double>(max_buffered) + slope * options_.horizon.seconds();
  return static_cast<uint64_t>(std::clamp(expected, 0.0, static_cast<double>(kMostBuffered)));
}

QualityMode BandwidthAdapter::Next(uint64_t level) const {
  switch (mode_) {
    case QualityMode::kHigh:
      return level > options_.medium_above ? QualityMode::kMedium : mode_;
    case QualityMode::kMedium:
      if (level > options_.low_above) return QualityMode::kLow;
      return level < options_.high_below ? QualityMode::kHigh : mode_;
    case QualityMode::kLow:
      break;
  }
  return level < options_.medium_below ? QualityMode::kMedium : mode_;
}

std::optional<QualityChange> BandwidthAdapter::Sample(std::span<const uint64_t> buffered,
                                                      Timestamp now) {
  if (sampled_at_ && now >= *sampled_at_ && now < *next_sample()) return std::nullopt;
  uint64_t most = 0;
  uint64_t sum = 0;
  for (const uint64_t amount : buffered) {
    const uint64_t bounded = std::min(amount, kMostBuffered);
    most = std::max(most, bounded);
    sum += bounded;
  }
  const QualityMode before = mode_;
  mode_ = Next(Level(most, now));
  sampled_at_ = now;
  last_max_ = most;
  if (mode_ == before) return std::nullopt;
  return QualityChange{before, mode_, most, buffered.empty() ? 0 : sum / buffered.size(),
                       buffered.size()};
}

}  // namespace millrace
