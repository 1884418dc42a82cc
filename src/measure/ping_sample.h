// The delays that the answer to one ping shows.
#pragma once

#include <algorithm>

#include "base/time.h"

namespace millrace {

struct PingSample {
  // Bounds `one_way`, so that sums and differences of a few samples never overflow, whatever the
  // peer says: 285 years.
  static constexpr Duration kMostOffset = Duration::Micros(int64_t{1} << 53);
  // No queue is this long. A machine that slept, or an outage, held the ping up or its answer.
  static constexpr Duration kMostRoundTrip = Duration::Seconds(10);

  Duration round_trip;
  // The receive time on the peer's clock minus the send time on this side's. The clocks have
  // different zeros, so the value may be negative and of any size up to kMostOffset; the
  // differences between samples are differences of the delay in this direction, apart from clock
  // drift (some 50 µs per second). A peer may lie.
  Duration one_way;

  // A ping that left at `sent_at`, reached the peer at `received_at` on its clock, and was answered
  // by `now`.
  static PingSample Between(Timestamp sent_at, Timestamp received_at, Timestamp now) {
    // Both times are clamped before they are subtracted.
    const auto bounded = [](Timestamp time) {
      constexpr int64_t kMost = kMostOffset.micros() / 2;
      return std::clamp(time.micros(), -kMost, kMost);
    };
    return {now - sent_at, Duration::Micros(bounded(received_at) - bounded(sent_at))};
  }

  // False where the answer took too long to say anything about the path.
  bool MeasuresPath() const { return round_trip <= kMostRoundTrip; }
};

}  // namespace millrace
