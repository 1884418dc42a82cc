#include "control/chunk_sizer.h"

#include <algorithm>

#include "base/leaf.h"
#include "base/number.h"

namespace millrace {
namespace {

bool IsShare(double number) { return IsAmount(number) && number <= 1; }

bool IsUsable(const ChunkMetrics& m) {
  return IsAmount(m.timestamp_ms) && IsAmount(m.bytes_transferred) && IsAmount(m.chunks_sent) &&
         IsAmount(m.chunks_acked) && IsAmount(m.rtt_ms) && IsAmount(m.jitter_ms) &&
         IsShare(m.loss) && IsShare(m.buffer_level);
}

size_t ClampToLeaves(size_t bytes) {
  return std::clamp(bytes, kLeastChunkBytes, kMostChunkBytes) / kLeafBytes * kLeafBytes;
}

bool MayGrow(const ChunkMetrics& now, const ChunkMetrics& last) {
  const bool stuck = now.chunks_sent > now.chunks_acked && now.chunks_acked <= last.chunks_acked;
  return now.buffer_level < 1 && !stuck;
}

}  // namespace

ChunkSizer::ChunkSizer(const ChunkSizerOptions& options) : options_(options) {
  const ProfileLimits limits = LimitsOf(options.profile);
  const size_t least = options.least_chunk_bytes;
  const size_t most = options.most_chunk_bytes;
  most_ = ClampToLeaves(most > 0 ? most : std::max(limits.most_chunk_bytes, least));
  least_ = std::min(ClampToLeaves(least > 0 ? least : limits.least_chunk_bytes), most_);
  chunk_bytes_ = Clamp(kFirstChunkBytes);
}

size_t ChunkSizer::Clamp(size_t bytes) const { return std::clamp(bytes, least_, most_); }

void ChunkSizer::SetPath(bool host_pair, bool cellular) {
  options_.host_pair = host_pair;
  options_.cellular = cellular;
}

NetworkProfile ChunkSizer::profile() const {
  if (options_.profile != NetworkProfile::kAuto || !last_) return options_.profile;
  return DetectProfile(
      {options_.host_pair, options_.cellular, last_->rtt_ms, last_->jitter_ms, last_->loss});
}

SizingMode ChunkSizer::mode() const { return options_.mode.value_or(LimitsOf(profile()).mode); }

ChunkSizer::Patience ChunkSizer::patience() const {
  switch (mode()) {
    case SizingMode::kAggressive:
      return {1, 4};
    case SizingMode::kConservative:
      return {4, 1};
    case SizingMode::kBalanced:
      break;
  }
  return {2, 2};
}

void ChunkSizer::TakeRate(const ChunkMetrics& metrics) {
  const bool fell = last_ && (metrics.bytes_transferred < last_->bytes_transferred ||
                              metrics.chunks_sent < last_->chunks_sent ||
                              metrics.chunks_acked < last_->chunks_acked);
  const double gap = last_ ? metrics.timestamp_ms - last_->timestamp_ms : 0;
  if (!last_ || fell || gap < 0 || gap > kLongestGapMs) {
    rate_from_ = metrics;
    bytes_per_second_ = 0;
    return;
  }
  const double span = metrics.timestamp_ms - rate_from_.timestamp_ms;
  if (span < kRateSpanMs) return;
  bytes_per_second_ = (metrics.bytes_transferred - rate_from_.bytes_transferred) * 1000 / span;
  rate_from_ = metrics;
}

bool ChunkSizer::Report(const ChunkMetrics& metrics) {
  if (!IsUsable(metrics)) return false;
  if (last_) {
    const double gap = metrics.timestamp_ms - last_->timestamp_ms;
    if (gap <= 0 && gap >= -kLongestGapMs) return false;
  }
  TakeRate(metrics);
  const LinkState link{metrics.rtt_ms, metrics.loss, bytes_per_second_};
  const bool first = !last_;
  const bool may_grow = first || MayGrow(metrics, *last_);
  last_ = metrics;
  if (first) {
    chunk_bytes_ = Step(link);
    return true;
  }
  const bool larger = Step(link.WorseBy(kMargin)) > chunk_bytes_;
  const bool smaller = Step(link.WorseBy(1 / kMargin)) < chunk_bytes_;
  if (larger) {
    if (may_grow) streak_ = std::max(streak_, 0) + 1;
  } else {
    streak_ = smaller ? std::min(streak_, 0) - 1 : 0;
  }
  if (streak_ >= patience().to_grow || -streak_ >= patience().to_shrink) {
    chunk_bytes_ = Step(link);
    streak_ = 0;
  }
  return true;
}

}  // namespace millrace
