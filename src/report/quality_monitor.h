// The recent quality of a connection: one sample per second, of which thirty are kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "base/time.h"

namespace millrace {

// Unknown numbers are absent, never 0.
struct QualitySample {
  std::optional<double> rtt_ms;
  std::optional<double> jitter_ms;
  std::optional<double> loss;  // 0 to 1.
  std::optional<double> bytes_per_second;
  std::optional<double> buffered_bytes;
};

// The state of a connection at one moment.
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
  // Between readings that are further apart the machine slept: they give no rate.
  static constexpr Duration kLongestGap = Duration::Seconds(60);

  // Takes a reading as the next sample. Errors: false, and nothing changes, where `now` is not
  // later than the last reading. Numbers that are not finite, negative numbers, and losses above 1
  // count as absent. bytes_per_second comes from two totals that do not fall; jitter is the
  // difference of two round trips.
  bool Add(const QualityReading& reading, Timestamp now);

  size_t samples() const { return samples_.size(); }
  // Nothing before the first sample.
  std::optional<QualitySample> latest() const;
  // The mean of each number over the samples that have it.
  QualitySample mean() const;
  // The QualityScore of the means.
  std::optional<int> quality() const;

 private:
  std::deque<QualitySample> samples_;
  QualityReading last_;
  Timestamp last_at_;
};

}  // namespace millrace
