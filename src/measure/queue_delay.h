// The queueing delay of the way to the peer, from tiny pings on a channel without bulk. (The delay
// of bulk messages says more about their own congestion windows than about the link.)
//
// The delay is measured one way, as a difference of two clocks, so only its changes mean something:
// the queue is what it exceeds the base by, the least one of the last ten seconds. Queues of the
// way back, and event loops that answer late, are not in it. It never counts for more than the
// round trip has grown by, whatever the peer says about its clock.
#pragma once

#include <array>
#include <optional>

#include "base/time.h"
#include "measure/ping_sample.h"
#include "measure/windowed_min.h"

namespace millrace {

class QueueDelay {
 public:
  // As in BBR (draft-ietf-ccwg-bbr, MinRTTFilterLen). Clocks drift apart by less than 1 ms
  // meanwhile.
  static constexpr Duration kMinWindow = Duration::Seconds(10);

  // Takes the answer to a ping. Samples with a negative round trip are dropped.
  void OnPing(const PingSample& sample, Timestamp now);
  // The path has become longer: what the recent pings took is the base from now on.
  void Rebase(Timestamp now);

  // Nothing before the first ping.
  std::optional<Duration> min_round_trip() const { return min_round_trip_.Get(); }
  // The mean of the recent round trips, queues of both ways included; zero before the first ping.
  Duration round_trip() const { return smoothed_round_trip_; }
  // The least queueing delay of the recent pings, those of the last 50 ms or of a quarter of the
  // round trip. One ping may have waited behind a burst, several for a busy event loop; a standing
  // queue delays all of them (CoDel, RFC 8289, section 3.1; Copa, section 2.2, looks at half a
  // round trip). Zero before the first ping.
  Duration queue() const { return queue_; }
  // The same of the last two pings, or an eighth of the round trip: it sees a queue sooner, and is
  // sometimes wrong.
  Duration newest_queue() const { return newest_queue_; }
  // The mean difference between successive delays (RFC 3550, section 6.4.1). Event loops and
  // wireless links cause it, while a queue changes slowly.
  Duration jitter() const { return jitter_; }
  // The longest delay that the link itself adds to the recent pings, if such delays are spread
  // evenly; zero where that is below 10 ms, and while few pings are known. A link that delays each
  // packet by another amount shows in most pings and in most differences between them. An event
  // loop that is busy now and then delays only a few pings, and a queue changes slowly. Cost: sorts
  // 31 numbers.
  Duration LinkJitter() const;
  // When the queue was last empty.
  Timestamp empty_at() const { return empty_at_; }

 private:
  // A typical stall of an event loop on a busy machine.
  static constexpr Duration kStanding = Duration::Millis(50);
  // queue() looks at this many pings at least, however far apart; newest_queue() at kNewest.
  static constexpr size_t kLeastStanding = 2;
  static constexpr size_t kNewest = 2;
  // LinkJitter() looks at this many.
  static constexpr size_t kSpread = 16;
  // More pings than a quarter of a long round trip holds.
  static constexpr size_t kRecent = 64;
  // Pings are sent at least 5 ms apart. Those that arrive closer together waited together for a
  // busy event loop of the peer, and count as one.
  static constexpr Duration kTogether = Duration::Millis(3);
  // A shorter delay counts as an empty queue: a few packets, or the noise of timers.
  static constexpr Duration kEmpty = Duration::Millis(2);

  struct Ping {
    PingSample sample;
    Timestamp received_at;  // On the peer's clock.
    Timestamp at;           // When the answer came.
  };

  void Remember(const PingSample& sample, Timestamp now);
  Duration QueueOf(const PingSample& sample) const;
  // The least queue of the last `least` pings, and of all pings of the last `span`.
  Duration LeastOf(size_t least, Duration span, Timestamp now) const;
  void Update(Timestamp now);

  WindowedMin base_{kMinWindow};
  WindowedMin min_round_trip_{kMinWindow};
  std::array<Ping, kRecent> recent_{};  // A ring.
  size_t pings_ = 0;
  Duration smoothed_round_trip_;
  Duration queue_;
  Duration newest_queue_;
  Duration jitter_;
  Timestamp empty_at_;
};

}  // namespace millrace
