// Spreads records over time: a bucket that fills at the pacing rate.
#pragma once

#include <cstddef>

#include "base/time.h"

namespace millrace {

class Pacer {
 public:
  // The most that may leave at once, as time at the pacing rate. Timers of browsers fire late (4 ms
  // when nested, HTML "timers"; a busy event loop, tens of milliseconds), and what they are late
  // has to be made up for. The link's queue drains meanwhile, and SCTP itself sends no more than
  // four packets an acknowledgement.
  static constexpr Duration kMostBurst = Duration::Millis(25);

  // From now on.
  void SetRate(double bytes_per_second, Timestamp now);

  // A record may leave.
  bool IsReady(Timestamp now) const { return now >= ready_at(); }
  // When one may; in the past where it may now.
  Timestamp ready_at() const;
  // One has left: the next one waits for as long as it takes at this rate.
  void OnSent(size_t bytes, Timestamp now);

 private:
  // Bytes that may leave now; below zero while the last record is being paid for.
  double Budget(Timestamp now) const;

  double bytes_per_second_ = 1;
  double budget_ = 0;  // At `updated_`.
  Timestamp updated_;
};

}  // namespace millrace
