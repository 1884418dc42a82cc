#include "report/transfer_benchmark.h"

#include <algorithm>
#include <cmath>

#include "base/number.h"
#include "report/quality_score.h"

namespace millrace {
namespace {

std::optional<double> Variation(const std::deque<double>& samples, double mean) {
  if (samples.size() < 2 || mean <= 0) return std::nullopt;
  double squares = 0;
  for (const double sample : samples) squares += (sample - mean) * (sample - mean);
  return std::sqrt(squares / static_cast<double>(samples.size())) / mean;
}

double Mean(const std::deque<double>& samples) {
  double sum = 0;
  for (const double sample : samples) sum += sample;
  return sum / static_cast<double>(samples.size());
}

}  // namespace

void TransferBenchmark::Series::Add(double value) {
  least = count == 0 ? value : std::min(least, value);
  most = count == 0 ? value : std::max(most, value);
  last = value;
  sum += value;
  ++count;
}

std::optional<double> TransferBenchmark::Series::Average() const {
  if (count == 0) return std::nullopt;
  return sum / static_cast<double>(count);
}

TransferBenchmark::TransferBenchmark(const BenchmarkOptions& options) : options_(options) {
  options_.sample_interval = std::max(options.sample_interval, kLeastInterval);
  options_.window_size = std::clamp<size_t>(options.window_size, 1, kMostSamples);
}

void TransferBenchmark::Start(Timestamp now) {
  *this = TransferBenchmark(options_);
  running_ = true;
  started_at_ = now_ = sample_from_ = now;
  rtt_at_ = now + (Duration() - options_.rtt_interval);
}

void TransferBenchmark::AddSample(double bytes_per_second) {
  window_.push_back(bytes_per_second);
  if (window_.size() > options_.window_size) window_.pop_front();
  ++samples_;
  sampled_ = true;
}

void TransferBenchmark::MoveTo(Timestamp now) {
  now_ = std::max(now_, now);
  const Duration interval = options_.sample_interval;
  const int64_t whole = (now_ - sample_from_).micros() / interval.micros();
  if (whole == 0) return;
  AddSample(static_cast<double>(sample_bytes_) / interval.seconds());
  sample_bytes_ = 0;
  // Nothing moved in the others. More than are kept need not be made one by one.
  const int64_t kept = std::min(whole - 1, static_cast<int64_t>(options_.window_size));
  for (int64_t i = 0; i < kept; ++i) AddSample(0);
  samples_ += static_cast<size_t>(whole - 1 - kept);
  sample_from_ = sample_from_ + interval * whole;
}

void TransferBenchmark::RecordBytes(uint64_t bytes, Timestamp now) {
  if (!running_) return;
  MoveTo(now);
  total_bytes_ += bytes;
  sample_bytes_ += bytes;
}

void TransferBenchmark::RecordRtt(double rtt_ms, Timestamp now) {
  if (!running_ || !IsAmount(rtt_ms)) return;
  MoveTo(now);
  if (rtt_.count > 0) rtt_steps_.Add(std::abs(rtt_ms - rtt_.last));
  rtt_.Add(rtt_ms);
  rtt_at_ = now_;
}

void TransferBenchmark::RecordPacketLoss(double loss, Timestamp now) {
  if (!running_ || !IsAmount(loss) || loss > 1) return;
  MoveTo(now);
  loss_.Add(loss);
}

bool TransferBenchmark::Advance(Timestamp now) {
  if (running_) MoveTo(now);
  const bool sampled = sampled_;
  sampled_ = false;
  return sampled;
}

void TransferBenchmark::Stop(Timestamp now) {
  if (!running_) return;
  MoveTo(now);
  running_ = false;
}

BenchmarkStats TransferBenchmark::Stats(Timestamp now) const {
  TransferBenchmark moved = *this;
  if (running_) moved.MoveTo(now);
  BenchmarkStats stats;
  stats.total_bytes = moved.total_bytes_;
  stats.duration = moved.now_ - started_at_;
  stats.samples = moved.samples_;
  if (stats.duration > Duration()) {
    stats.throughput_average = static_cast<double>(stats.total_bytes) / stats.duration.seconds();
  }
  if (moved.window_.empty()) moved.window_.push_back(stats.throughput_average);
  const auto [least, peak] = std::minmax_element(moved.window_.begin(), moved.window_.end());
  stats.throughput_least = *least;
  stats.throughput_peak = *peak;
  stats.throughput_current = moved.window_.back();
  stats.rtt_average_ms = rtt_.Average();
  if (rtt_.count > 0) {
    stats.rtt_least_ms = rtt_.least;
    stats.rtt_most_ms = rtt_.most;
    stats.rtt_current_ms = rtt_.last;
  }
  stats.jitter_ms = rtt_steps_.Average();
  stats.loss_average = loss_.Average();
  if (loss_.count > 0) stats.loss_most = loss_.most;
  const std::optional<double> variation = Variation(moved.window_, Mean(moved.window_));
  stats.quality =
      QualityScore({stats.rtt_average_ms, stats.jitter_ms, stats.loss_average, variation});
  BottleneckFacts known{.loss = stats.loss_average,
                        .rtt_ms = stats.rtt_average_ms,
                        .jitter_ms = stats.jitter_ms,
                        .throughput_variation = variation,
                        .memory_share = memory_share_,
                        .waiting = waiting_};
  if (stats.duration > Duration()) known.bytes_per_second = stats.throughput_average;
  stats.bottleneck = FindBottleneck(known);
  stats.recommendation = RecommendationFor(stats.bottleneck, waiting_);
  stats.technical_advice = TechnicalAdviceFor(stats.bottleneck);
  return stats;
}

}  // namespace millrace
