#include "control/pacer.h"

#include <algorithm>
#include <cmath>

namespace millrace {

double Pacer::Budget(Timestamp now) const {
  const double seconds = std::max(0.0, (now - updated_).seconds());
  const double most = kMostBurst.seconds() * bytes_per_second_;
  return std::min(budget_ + seconds * bytes_per_second_, most);
}

void Pacer::SetRate(double bytes_per_second, Timestamp now) {
  budget_ = Budget(now);
  updated_ = now;
  bytes_per_second_ = std::max(1.0, bytes_per_second);
}

Timestamp Pacer::ready_at() const {
  if (budget_ >= 0) return updated_;
  return updated_ +
         Duration::Micros(static_cast<int64_t>(std::ceil(-budget_ / bytes_per_second_ * 1e6)));
}

void Pacer::OnSent(size_t bytes, Timestamp now) {
  budget_ = Budget(now) - static_cast<double>(bytes);
  updated_ = now;
}

}  // namespace millrace
