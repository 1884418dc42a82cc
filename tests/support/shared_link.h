// One direction of a link that all traffic between two hosts shares: a policer, a drop-tail queue
// in front of a bottleneck, then a wire with delay, jitter and loss. Everything may change while it
// runs.
#pragma once

#include <deque>
#include <optional>

#include "base/time.h"
#include "support/link_packet.h"
#include "support/random.h"
#include "support/token_bucket.h"

namespace millrace::testing {

struct SharedLinkOptions {
  Duration delay = Duration::Millis(10);  // One way, without the queue.
  double mbits_per_second = 100;
  // What may wait, the packet in transmission included. An idle link takes any packet.
  size_t queue_bytes = 250'000;
  double loss = 0.0;
  // The mean number of consecutive packets that a loss takes.
  double burst_packets = 1.0;
  // Each packet is delayed by 0 to `jitter` more, evenly distributed; packets keep their order.
  Duration jitter{};
  // A policer in front of the queue drops the packets above this rate; 0: there is none.
  double policer_mbits_per_second = 0;
  size_t policer_burst_bytes = 50'000;

  // The lower of the rates of the bottleneck and the policer.
  double usable_mbits_per_second() const;
};

class SharedLink {
 public:
  struct Arrival {
    uint32_t destination = 0;
    LinkPacket packet;
  };

  SharedLink(const SharedLinkOptions& options, uint64_t seed);

  // Takes a packet, or drops it.
  void Send(uint32_t destination, LinkPacket packet, Timestamp now);
  // Nothing arrives before this time.
  Timestamp NextArrival() const;
  // The next packet that has arrived by `now`, in the order of sending.
  std::optional<Arrival> PollArrival(Timestamp now);

  // The rate from `now` on. Waiting packets leave at it, as does the rest of the one in
  // transmission.
  void SetRate(double mbits_per_second, Timestamp now);
  void SetLoss(double loss) { options_.loss = loss; }
  // The delay of packets that leave the bottleneck after `now`. When it falls they still arrive
  // after those that left before.
  void SetDelay(Duration delay, Timestamp now);
  // Everything that is sent until then is lost.
  void Blackout(Timestamp until) { dark_until_ = until; }
  Timestamp dark_until() const { return dark_until_; }

  // How long a packet that comes now will wait.
  Duration QueueDelay(Timestamp now) const;
  uint64_t dropped_by_queue() const { return dropped_by_queue_; }
  uint64_t dropped_by_policer() const { return dropped_by_policer_; }
  const SharedLinkOptions& options() const { return options_; }

 private:
  struct Waiting {
    Timestamp departs;
    size_t bytes = 0;
    bool lost = false;
    Arrival arrival;
  };
  struct Flying {
    Timestamp due;
    Arrival arrival;
  };

  double TransmissionMicros(size_t bytes) const;
  bool IsLost();
  // Every packet that has left the bottleneck by `now` is on the wire, or lost there.
  void Advance(Timestamp now);

  SharedLinkOptions options_;
  Random random_;
  std::optional<TokenBucket> policer_;
  std::deque<Waiting> queue_;
  size_t queued_bytes_ = 0;
  // When the last packet of the queue has left, in microseconds: whole ones would add up to an
  // error of percents at high rates.
  double free_at_micros_ = 0;
  std::deque<Flying> wire_;
  Timestamp last_due_;  // Later packets must not arrive before.
  Timestamp dark_until_;
  bool in_burst_ = false;
  uint64_t dropped_by_queue_ = 0;
  uint64_t dropped_by_policer_ = 0;
};

}  // namespace millrace::testing
