// A policer: tokens of one byte each arrive at a rate, up to a burst; a packet without enough
// tokens is dropped, and nothing waits.
#pragma once

#include <algorithm>
#include <cstddef>

#include "base/time.h"

namespace millrace::testing {

class TokenBucket {
 public:
  TokenBucket(double mbits_per_second, size_t burst_bytes)
      : bytes_per_micro_(mbits_per_second / 8),
        burst_(static_cast<double>(burst_bytes)),
        tokens_(burst_) {}

  // Whether a packet of so many bytes may pass now; takes its tokens if so.
  bool Take(size_t bytes, Timestamp now) {
    const auto passed = static_cast<double>((now - filled_at_).micros());
    tokens_ = std::min(burst_, tokens_ + passed * bytes_per_micro_);
    filled_at_ = now;
    if (tokens_ < static_cast<double>(bytes)) return false;
    tokens_ -= static_cast<double>(bytes);
    return true;
  }

 private:
  double bytes_per_micro_;
  double burst_;
  double tokens_;
  Timestamp filled_at_;
};

}  // namespace millrace::testing
