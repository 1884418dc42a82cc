// How a connection is and was: a sample each second, thirty of them kept (requirement D1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "base/time.h"

namespace millrace {

// What is not known is absent, never 0.
struct QualitySample {
  std::optional<double> rtt_ms;
  std::optional<double> jitter_ms;
  std::optional<double> loss;  // 0 to 1.
  std::optional<double> bytes_per_second;
  std::optional<double> buffered_bytes;
};

// What is read of a connection at one moment.
struct QualityReading {
  std::optional<double> rtt_ms;
  std::optional<double> loss;
  std::optional<double> bytes_total;  // Sent and received so far.
  std::optional<double> buffered_bytes;
};

class QualityMonitor {
 public:
  static constexpr Duration kInterval = Duration::Seconds(1);
  static constexpr size_t kKept = 30;
  // Readings further apart are of a machine that slept: no rate is made of them.
  static constexpr Duration kLongestGap = Duration::Seconds(60);

  // Takes a reading as the next sample, and answers whether it did: not where `now` is not later
  // than the last one. Numbers that are not finite or negative, and losses above 1, count as
  // absent. bytes_per_second comes from two totals that do not fall, jitter from two round trips:
  // their difference.
  bool Add(const QualityReading& reading, Timestamp now);

  size_t samples() const { return samples_.size(); }
  // Nothing before the first one.
  std::optional<QualitySample> latest() const;
  // Of each number over the samples that have it.
  QualitySample mean() const;
  // Of the means (QualityScore).
  std::optional<int> quality() const;

 private:
  std::deque<QualitySample> samples_;
  QualityReading last_;
  Timestamp last_at_;
};

}  // namespace millrace
