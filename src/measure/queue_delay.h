// The queueing delay of the link, from round trips of tiny pings on a connection without bulk. (The
// delay of bulk messages says more about their own congestion windows than about the link.)
#pragma once

#include <array>
#include <optional>

#include "base/time.h"
#include "measure/windowed_min.h"

namespace millrace {

class QueueDelay {
 public:
  // The minimum round trip is that of this window, as in BBR (draft-ietf-ccwg-bbr,
  // MinRTTFilterLen).
  static constexpr Duration kMinWindow = Duration::Seconds(10);

  // Takes a measured round trip. Negative ones are dropped.
  void OnPing(Duration round_trip, Timestamp now);

  // Nothing before the first ping.
  std::optional<Duration> min_round_trip() const { return min_.Get(); }
  // The least queueing delay of the recent pings. One ping may have waited behind a burst, several
  // for a busy event loop; a standing queue delays all of them (CoDel, RFC 8289, section 3.1). Zero
  // before the first ping.
  Duration queue() const { return queue_; }
  // The same of the last two pings only: it sees a queue sooner, and is sometimes wrong.
  Duration newest_queue() const { return newest_queue_; }
  // The mean difference between successive round trips (RFC 3550, section 6.4.1). Event loops and
  // wireless links cause it, while a queue changes slowly.
  Duration jitter() const { return jitter_; }
  // When the queue was last empty.
  Timestamp empty_at() const { return empty_at_; }

 private:
  // A typical stall of an event loop on a busy machine.
  static constexpr Duration kStanding = Duration::Millis(50);
  // queue() looks at this many pings at least, however far apart; newest_queue() at kNewest.
  static constexpr size_t kLeastStanding = 3;
  static constexpr size_t kNewest = 2;
  // More pings than kStanding can hold.
  static constexpr size_t kRecent = 16;
  // Pings are sent at least 5 ms apart. Pongs that arrive closer together waited together, for a
  // retransmission on this ordered connection or for a busy event loop, and count as one.
  static constexpr Duration kTogether = Duration::Millis(3);
  // While bulk moves, pings are at most 25 ms apart. A longer silence was an outage, or a
  // retransmission timeout of the pings' own connection (at least 400 ms). Pings that were sent
  // before it ended measure the silence, not the queue.
  static constexpr Duration kSilence = Duration::Millis(300);
  // A shorter delay counts as an empty queue: a few packets, or the noise of timers.
  static constexpr Duration kEmpty = Duration::Millis(2);

  struct Ping {
    Duration round_trip;
    Timestamp at;
  };

  // The least round trip of the last `least` pings, and of all pings of the last `span`.
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
