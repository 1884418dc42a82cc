// Whether going up is worth it. A rate above the bandwidth is a question to the link. The answer is
// that more arrives, or all that is sent, or that the queue grows. Where none of these happens,
// packets are lost: the queue is too short to be seen, or a policer drops what is too much. Then
// asking has to rest, longer each time.
#pragma once

#include <algorithm>

#include "base/time.h"

namespace millrace {

class UpProbe {
 public:
  struct Input {
    double correction = 0;  // The rate is the bandwidth times 1 and this.
    double bandwidth = 0;
    double arrived_share = 0;  // Of what was sent a delay of the loop ago.
    Duration queue;
    Duration target;
    Duration loop;  // The delay of the loop, and what measuring the bandwidth takes.
  };

  // The correction that may be made: `correction`, or 0 where it is above and asking rests.
  double Limit(const Input& input, Timestamp now) {
    if (input.correction <= kSlight) {
      asking_ = false;
      return input.correction;
    }
    if (now < rest_until_) return 0;
    if (!asking_) Ask(input, now);
    asked_ = std::max(asked_, input.correction);
    if (now - asked_at_ < input.loop * kLoops) return input.correction;
    const bool more_arrives = input.bandwidth >= asked_bandwidth_ * (1 + asked_ * kAnswer);
    const bool queue_grows = input.queue >= asked_queue_ + input.target / 8;
    if (more_arrives || queue_grows || input.arrived_share > kAll) {
      rest_ = Duration();
      Ask(input, now);
      return input.correction;
    }
    rest_ = std::clamp(rest_ * 2, std::max(kLeastRest, input.loop * kLoops), kMostRest);
    rest_until_ = now + rest_;
    asking_ = false;
    return 0;
  }

 private:
  // The noise of what is measured.
  static constexpr double kSlight = 0.02;
  // What was sent more arrives a loop later, and is measured and smoothed over another one.
  static constexpr int64_t kLoops = 2;
  static constexpr double kAnswer = 0.3;
  // Everything arrives, but for the noise of measuring.
  static constexpr double kAll = 0.95;
  static constexpr Duration kLeastRest = Duration::Millis(500);
  static constexpr Duration kMostRest = Duration::Seconds(4);

  void Ask(const Input& input, Timestamp now) {
    asking_ = true;
    asked_ = 0;
    asked_at_ = now;
    asked_bandwidth_ = input.bandwidth;
    asked_queue_ = input.queue;
  }

  bool asking_ = false;
  double asked_ = 0;
  Timestamp asked_at_;
  double asked_bandwidth_ = 0;
  Duration asked_queue_;
  Duration rest_;
  Timestamp rest_until_;
};

}  // namespace millrace
