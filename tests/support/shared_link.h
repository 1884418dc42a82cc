// One direction of a link that everything between two hosts shares: a drop-tail queue before a
// bottleneck, then a delay; random loss, losses in bursts, blackouts; all may change while running.
#pragma once

#include <deque>
#include <functional>
#include <optional>

#include "base/time.h"
#include "support/random.h"
#include "support/sctp_packet.h"

namespace millrace::testing {

struct SharedLinkOptions {
  Duration delay = Duration::Millis(10);  // One way, without the queue.
  double mbits_per_second = 100;
  size_t queue_bytes = 250'000;
  double loss = 0.0;
  // How many packets a loss takes in a row, on average.
  double burst_packets = 1.0;
};

class SharedLink {
 public:
  struct Arrival {
    uint32_t destination = 0;
    SctpPacket packet;
  };

  SharedLink(const SharedLinkOptions& options, uint64_t seed) : options_(options), random_(seed) {}

  // Takes a packet, or drops it.
  void Send(uint32_t destination, SctpPacket packet, Timestamp now);
  Timestamp NextArrival() const;
  std::optional<Arrival> PollArrival(Timestamp now);

  // The rate from now on; what waits in the queue leaves at it.
  void SetRate(double mbits_per_second, Timestamp now);
  void SetLoss(double loss) { options_.loss = loss; }
  void SetDelay(Duration delay) { options_.delay = delay; }
  // Everything that is sent until then is lost.
  void Blackout(Timestamp until) { dark_until_ = until; }

  // How long a packet that comes now will wait.
  Duration QueueDelay(Timestamp now) const;
  uint64_t dropped_by_queue() const { return dropped_by_queue_; }
  const SharedLinkOptions& options() const { return options_; }

 private:
  struct Entry {
    Timestamp departs;
    Arrival arrival;
  };

  Duration SerializationTime(size_t bytes) const;
  bool IsLost();

  SharedLinkOptions options_;
  Random random_;
  std::deque<Entry> entries_;  // In the queue or under way, in order.
  Timestamp free_at_;
  Timestamp dark_until_;
  bool in_burst_ = false;
  uint64_t dropped_by_queue_ = 0;
};

}  // namespace millrace::testing
