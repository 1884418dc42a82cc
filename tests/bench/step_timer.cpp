#include "bench/step_timer.h"

#include <algorithm>
#include <chrono>

namespace millrace::bench {
namespace {

StepTimer* running = nullptr;

double MeasureClock() {
  constexpr int kReadings = 1000;
  double least = 1e9;
  for (int round = 0; round < 20; ++round) {
    const double begin = NowNanos();
    for (int i = 0; i < kReadings; ++i) NowNanos();
    least = std::min(least, (NowNanos() - begin) / kReadings);
  }
  return least;
}

double ClockNanos() {
  static const double cost = MeasureClock();
  return cost;
}

}  // namespace

double NowNanos() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double, std::nano>(now).count();
}

void StepTimer::Start() {
  ClockNanos();
  running = this;
  nested_ns_ = 0;
  lap_began_ns_ = NowNanos();
}

void StepTimer::Stop() { running = nullptr; }

StepTimer* StepTimer::Running() { return running; }

void StepTimer::Lap(Step step) {
  if (running != this) return;
  const double now = NowNanos();
  times_[static_cast<size_t>(step)] += now - lap_began_ns_ - nested_ns_ - ClockNanos();
  nested_ns_ = 0;
  lap_began_ns_ = now;
}

void StepTimer::AddNested(Step step, double begin_ns, double end_ns) {
  const double span = end_ns - begin_ns;
  times_[static_cast<size_t>(step)] += span - ClockNanos();
  // The other reading lies outside the span, in the lap.
  nested_ns_ += span + ClockNanos();
}

}  // namespace millrace::bench
