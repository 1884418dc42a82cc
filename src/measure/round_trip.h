// The smoothed round-trip time of RFC 9002, section 5.
#pragma once

#include <optional>

#include "base/time.h"

namespace millrace {

class RoundTrip {
 public:
  // Takes a measured round trip; negative ones (a clock that jumped) are dropped.
  void AddSample(Duration sample);

  // Nothing before the first sample. `smallest`: since the first one.
  std::optional<Duration> smoothed() const { return smoothed_; }
  std::optional<Duration> smallest() const { return smallest_; }
  Duration variation() const { return variation_; }

 private:
  std::optional<Duration> smoothed_;
  std::optional<Duration> smallest_;
  Duration variation_;
};

}  // namespace millrace
