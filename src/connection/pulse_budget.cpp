#include "connection/pulse_budget.h"

#include <algorithm>
#include <cmath>

namespace millrace {
namespace {

// The time constant of the rate's exponential average: a few acknowledgements of a slow link.
constexpr double kMemorySeconds = 0.25;

}  // namespace

Duration PulseBudget::Interval(double bytes_per_second, size_t message_bytes) {
  const auto cost = static_cast<double>(message_bytes + kOverheadBytes);
  const double seconds = cost / std::max(bytes_per_second * kShare, 1.0);
  const double most = kMostInterval.seconds();
  return Duration::Micros(static_cast<int64_t>(std::min(seconds, most) * 1e6));
}

void PulseBudget::OnArrived(size_t bytes, Timestamp now) {
  bytes_per_second_ *= std::exp(-(now - arrived_at_).seconds() / kMemorySeconds);
  bytes_per_second_ += static_cast<double>(bytes) / kMemorySeconds;
  arrived_at_ = now;
}

void PulseBudget::OnSent(size_t message_bytes, Timestamp now) {
  sent_at_ = now;
  sent_bytes_ = message_bytes;
}

}  // namespace millrace
