#include "measure/round_trip.h"

#include <algorithm>

namespace millrace {

void RoundTrip::AddSample(Duration sample) {
  if (sample < Duration()) return;
  if (!smoothed_) {
    smoothed_ = smallest_ = sample;
    variation_ = sample / 2;
    return;
  }
  smallest_ = std::min(*smallest_, sample);
  const Duration error = sample > *smoothed_ ? sample - *smoothed_ : *smoothed_ - sample;
  // RFC 9002, section 5.3: weights 1/4 and 1/8.
  variation_ = (variation_ * 3 + error) / 4;
  smoothed_ = (*smoothed_ * 7 + sample) / 8;
}

}  // namespace millrace
