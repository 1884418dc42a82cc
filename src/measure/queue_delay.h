// The queue of the link, from round trips of tiny pings on a connection without bulk (facts: the
// delay of bulk messages says more about their own windows than about the link).
#pragma once

#include <array>
#include <optional>

#include "base/time.h"
#include "measure/windowed_min.h"

namespace millrace {

class QueueDelay {
 public:
  // A round trip without any queue is looked for so far back, as in BBR (draft-ietf-ccwg-bbr,
  // MinRTTFilterLen).
  static constexpr Duration kMinWindow = Duration::Seconds(10);

  // Takes a measured round trip. Negative ones are dropped.
  void OnPing(Duration round_trip, Timestamp now);

  // Nothing before the first ping.
  std::optional<Duration> min_round_trip() const { return min_.Get(); }
  // What all pings of late waited in queues: one may have waited behind a burst, several for a busy
  // event loop; a queue that stands holds all of them up (CoDel, RFC 8289, section 3.1). Zero
  // before the first ping.
  Duration queue() const { return queue_; }
  // The same of the last two pings only: sooner, and sometimes wrong.
  Duration newest_queue() const { return newest_queue_; }
  // How much pings differ from one to the next, on average (RFC 3550, section 6.4.1): what event
  // loops and wireless links add, while a queue moves slowly.
  Duration jitter() const { return jitter_; }
  // When there was last no queue to speak of.
  Timestamp empty_at() const { return empty_at_; }

 private:
  // How long event loops of a busy machine stand still, mostly.
  static constexpr Duration kStanding = Duration::Millis(50);
  // So many pings at least, however far apart, for a queue that stands; and for one that may.
  static constexpr size_t kLeastStanding = 3;
  static constexpr size_t kNewest = 2;
  // As many as kStanding can hold, and more.
  static constexpr size_t kRecent = 16;
  // Pings come at least 5 ms apart. What comes closer together was held up together, by a
  // retransmission on this ordered connection or by a busy event loop, and counts as one.
  static constexpr Duration kTogether = Duration::Millis(3);
  // Pings come every 25 ms at most. A longer silence was an outage, or a retransmission timeout of
  // the pings' own connection (400 ms at least); what was sent before its end tells how long it
  // took.
  static constexpr Duration kSilence = Duration::Millis(300);
  // Below this a queue counts as empty: a few packets, or the noise of timers.
  static constexpr Duration kEmpty = Duration::Millis(2);

  struct Ping {
    Duration round_trip;
    Timestamp at;
  };

  // The least of the last `least` pings, and of all those of the last `span`.
  Duration LeastOf(size_t least, Duration span, Timestamp now) const;

  WindowedMin min_{kMinWindow};
  std::array<Ping, kRecent> recent_{};  // A ring.
  size_t pings_ = 0;
  Timestamp pinged_at_;
  Timestamp silent_until_;
  Duration queue_;
  Duration newest_queue_;
  Duration jitter_;
  Timestamp empty_at_;
};

}  // namespace millrace
