// Measures one transfer: the bytes of each interval, round trips and losses, and their statistics.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "base/time.h"
#include "report/bottleneck.h"

namespace millrace {

struct BenchmarkOptions {
  Duration sample_interval = Duration::Seconds(1);  // At least kLeastInterval.
  size_t window_size = 60;                          // Samples kept; 1 to kMostSamples.
  Duration rtt_interval = Duration::Seconds(5);     // How often RttIsDue.
};

// Unknown numbers are absent. Rates are bytes per second.
struct BenchmarkStats {
  // Over the whole run; the other rates over the samples that are kept. A run that is shorter than
  // an interval is one sample. Of a run without any length all rates are 0.
  double throughput_average = 0;
  double throughput_peak = 0;
  double throughput_least = 0;
  double throughput_current = 0;  // The newest sample.
  std::optional<double> rtt_average_ms;
  std::optional<double> rtt_least_ms;
  std::optional<double> rtt_most_ms;
  std::optional<double> rtt_current_ms;
  // The mean difference between successive round trips; absent before the second one.
  std::optional<double> jitter_ms;
  std::optional<double> loss_average;
  std::optional<double> loss_most;
  uint64_t total_bytes = 0;
  Duration duration;
  size_t samples = 0;  // Whole intervals since the start.
  std::optional<int> quality;
  Bottleneck bottleneck = Bottleneck::kNone;
  std::string_view recommendation;
  std::string_view technical_advice;
};

// A time before the last one counts as the last one. Nothing is recorded before Start and after
// Stop; Start resets everything at any time.
class TransferBenchmark {
 public:
  static constexpr Duration kLeastInterval = Duration::Millis(10);
  static constexpr size_t kMostSamples = 3600;

  explicit TransferBenchmark(const BenchmarkOptions& options);

  void Start(Timestamp now);
  void RecordBytes(uint64_t bytes, Timestamp now);
  // Numbers that are not finite, negative numbers, and losses above 1 are ignored.
  void RecordRtt(double rtt_ms, Timestamp now);
  void RecordPacketLoss(double loss, Timestamp now);
  // Other measurements for the bottleneck, from now on; nothing: unknown.
  void SetContext(const std::optional<WaitingShares>& waiting, std::optional<double> memory_share) {
    waiting_ = waiting;
    memory_share_ = memory_share;
  }
  // Advances the time, and answers whether a sample was completed since the last call.
  bool Advance(Timestamp now);
  void Stop(Timestamp now);

  bool running() const { return running_; }
  // No round trip was recorded for rtt_interval: it is time to measure one.
  bool RttIsDue(Timestamp now) const { return running_ && now - rtt_at_ >= options_.rtt_interval; }

  BenchmarkStats Stats(Timestamp now) const;

 private:
  // Running statistics of values that are recorded from time to time.
  struct Series {
    size_t count = 0;
    double sum = 0;
    double least = 0;
    double most = 0;
    double last = 0;

    void Add(double value);
    std::optional<double> Average() const;
  };

  void MoveTo(Timestamp now);
  void AddSample(double bytes_per_second);

  BenchmarkOptions options_;
  bool running_ = false;
  Timestamp started_at_;
  Timestamp now_;
  uint64_t total_bytes_ = 0;
  Timestamp sample_from_;  // The start of the current interval.
  uint64_t sample_bytes_ = 0;
  std::deque<double> window_;
  size_t samples_ = 0;
  bool sampled_ = false;  // Since Advance last said so.
  Series rtt_;
  Timestamp rtt_at_;
  Series rtt_steps_;
  Series loss_;
  std::optional<WaitingShares> waiting_;
  std::optional<double> memory_share_;
};

}  // namespace millrace
