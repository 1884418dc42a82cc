// How much one source may say: a token bucket for messages and one for bytes (a flood by one agent
// harms no other).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/time.h"

namespace millrace {

struct FloodLimits {
  int64_t messages_per_second = 1000;
  int64_t bytes_per_second = 8 * 1024 * 1024;
  // How much of that may come at once; at least one packet of the longest kind may.
  Duration burst = Duration::Seconds(2);
};

class FloodGuard {
 public:
  // Rates are taken as 1 to 2^34, the burst as 1 ms to 60 s.
  explicit FloodGuard(FloodLimits limits);

  // Whether a packet of `bytes` is within the limits; if so, it counts. A clock that goes back
  // gives nothing and takes nothing away; one that jumps ahead gives one burst at most.
  bool Allow(size_t bytes, Timestamp now);

 private:
  // In millionths, so that a microsecond gives a whole number of them.
  struct Bucket {
    Bucket(int64_t rate, int64_t burst_us, int64_t least);
    void Fill(int64_t micros);

    int64_t rate;
    int64_t capacity;
    int64_t content;
  };

  int64_t burst_us_;
  Bucket messages_;
  Bucket bytes_;
  std::optional<Timestamp> filled_at_;
};

}  // namespace millrace
