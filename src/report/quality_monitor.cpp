#include "report/quality_monitor.h"

#include <cmath>

#include "base/number.h"
#include "report/quality_score.h"

namespace millrace {
namespace {

void DropUnless(bool usable, std::optional<double>& number) {
  if (!usable) number.reset();
}

QualityReading Checked(QualityReading reading) {
  for (std::optional<double>* number :
       {&reading.rtt_ms, &reading.loss, &reading.bytes_total, &reading.buffered_bytes}) {
    DropUnless(*number && IsAmount(**number), *number);
  }
  DropUnless(reading.loss && *reading.loss <= 1, reading.loss);
  return reading;
}

}  // namespace

bool QualityMonitor::Add(const QualityReading& reading, Timestamp now) {
  if (!samples_.empty() && now <= last_at_) return false;
  const QualityReading checked = Checked(reading);
  QualitySample sample{
      .rtt_ms = checked.rtt_ms, .loss = checked.loss, .buffered_bytes = checked.buffered_bytes};
  const Duration gap = now - last_at_;
  if (!samples_.empty() && gap <= kLongestGap) {
    if (checked.rtt_ms && last_.rtt_ms)
      sample.jitter_ms = std::abs(*checked.rtt_ms - *last_.rtt_ms);
    if (checked.bytes_total && last_.bytes_total && *checked.bytes_total >= *last_.bytes_total) {
      sample.bytes_per_second = (*checked.bytes_total - *last_.bytes_total) / gap.seconds();
    }
  }
  samples_.push_back(sample);
  if (samples_.size() > kKept) samples_.pop_front();
  last_ = checked;
  last_at_ = now;
  return true;
}

std::optional<QualitySample> QualityMonitor::latest() const {
  if (samples_.empty()) return std::nullopt;
  return samples_.back();
}

QualitySample QualityMonitor::mean() const {
  QualitySample mean;
  for (std::optional<double> QualitySample::*const field :
       {&QualitySample::rtt_ms, &QualitySample::jitter_ms, &QualitySample::loss,
        &QualitySample::bytes_per_second, &QualitySample::buffered_bytes}) {
    double sum = 0;
    size_t count = 0;
    for (const QualitySample& sample : samples_) {
      if (!(sample.*field)) continue;
      sum += *(sample.*field);
      ++count;
    }
    if (count > 0) mean.*field = sum / static_cast<double>(count);
  }
  return mean;
}

std::optional<int> QualityMonitor::quality() const {
  const QualitySample of = mean();
  return QualityScore({of.rtt_ms, of.jitter_ms, of.loss, std::nullopt});
}

}  // namespace millrace
