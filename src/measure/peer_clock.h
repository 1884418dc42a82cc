// Translates times of the peer's clock to this side's clock.
#pragma once

#include "base/time.h"
#include "measure/windowed_min.h"

namespace millrace {

class PeerClock {
 public:
  // No translated time is further back than this, whatever the peer says.
  static constexpr Duration kMostAge = Duration::Millis(500);

  // `peer_time`: a moment on the peer's clock that this side learns of at `now`. Answers that
  // moment on this side's clock, too late by the link's shortest delay: at most `now`, and at least
  // kMostAge before it.
  Timestamp ToLocal(Timestamp peer_time, Timestamp now) {
    // No sum overflows below this, and no honest clock comes near it.
    constexpr int64_t kMost = INT64_MAX / 4;
    if (peer_time.micros() > kMost || peer_time.micros() < -kMost) return now;
    offset_.Add(now - peer_time, now);
    const Timestamp local = peer_time + *offset_.Get();
    return std::clamp(local, now + (Duration() - kMostAge), now);
  }

 private:
  // Clocks drift apart by some 50 µs per second at most. The drift within this window is smaller
  // than anything measured here.
  WindowedMin offset_{Duration::Seconds(10)};
};

}  // namespace millrace
