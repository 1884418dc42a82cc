// The peer's clock on this side's: when something arrived there, as seen from here.
#pragma once

#include "base/time.h"
#include "measure/windowed_min.h"

namespace millrace {

class PeerClock {
 public:
  // What a peer says about the past is believed so far back.
  static constexpr Duration kMostAge = Duration::Millis(500);

  // `peer_time`: a moment on the peer's clock that this side learns of at `now`. Answers it on this
  // side's clock, later by the link's shortest delay: never after `now`, never more than kMostAge
  // before it, whatever the peer says.
  Timestamp ToLocal(Timestamp peer_time, Timestamp now) {
    // Half of the range of time, so that no sum overflows: no honest clock comes near.
    constexpr int64_t kMost = INT64_MAX / 4;
    if (peer_time.micros() > kMost || peer_time.micros() < -kMost) return now;
    offset_.Add(now - peer_time, now);
    const Timestamp local = peer_time + *offset_.Get();
    return std::clamp(local, now + (Duration() - kMostAge), now);
  }

 private:
  // Clocks drift apart by some 50 µs per second at most; what drifted within the window is below
  // anything measured here.
  WindowedMin offset_{Duration::Seconds(10)};
};

}  // namespace millrace
