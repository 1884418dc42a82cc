// How fast a session may send: finds the bottleneck's rate and holds it with a short queue (design,
// "Rate control").
//
// Values in, values out. The link's queue comes from pings (QueueDelay), what arrives from
// acknowledgements (DeliveryRate). While there is a queue, what arrives is the bottleneck's rate,
// or this sender's share of it; so the rate is that, corrected so that the queue comes to a target
// within a few round trips. Losses are no signal: SCTP answers them by itself, and random ones say
// nothing about the link.
#pragma once

#include <algorithm>
#include <cstddef>

#include "measure/delivery_rate.h"
#include "measure/queue_delay.h"

namespace millrace {

class RateController {
 public:
  enum class Phase : uint8_t {
    kStart,  // Doubling until a queue builds.
    kHold,   // Near the bandwidth, with the queue at its target.
    kDrain,  // Below it until the queue is empty, so that the least round trip is seen.
  };

  // 10 Mbit/s: paced loops that started at about this rate were measured to do no harm.
  static constexpr double kInitialBytesPerSecond = 1'250'000;
  // A record of 16 KiB each second: below that nothing is left to measure with.
  static constexpr double kLeastBytesPerSecond = 16'384;
  // 10 Gbit/s: beyond every data channel; keeps sums finite.
  static constexpr double kMostBytesPerSecond = 1.25e9;

  // No more than this, ever; at least kLeastBytesPerSecond. A user's limit.
  void SetMostBytesPerSecond(double most) { most_ = most; }

  // The round trip of a ping came in. `pacing_bound`: pacing, not the source, the peer's credit or
  // the windows of lanes, has limited what was sent lately; otherwise what arrives says nothing
  // about the link.
  void OnPing(Duration round_trip, bool pacing_bound, Timestamp now);
  // A record of bulk was sent.
  void OnSent(size_t bytes, Timestamp now) {
    record_bytes_ = static_cast<double>(bytes);
    sent_at_ = std::min(sent_at_, now);
  }
  // Bytes of bulk arrived at the peer during the time `over` before `at`, on this side's clock.
  void OnDelivered(size_t bytes, Timestamp at, Duration over = Duration()) {
    delivery_.OnDelivered(bytes, at, over);
  }

  double pacing_bytes_per_second() const;
  // What may be on its way in all: more only stands in queues.
  size_t in_flight_limit_bytes() const;

  // The bottleneck's rate as far as known.
  double bandwidth_bytes_per_second() const { return bandwidth_; }
  // What arrives.
  double delivered_bytes_per_second() const { return delivery_.BytesPerSecond(DeliveryWindow()); }
  const QueueDelay& queue_delay() const { return queue_delay_; }
  // No queue has stood for a while: what limits is elsewhere.
  bool HasRoom(Timestamp now) const;
  // Doubling, or just stopped and not sure yet whether for a reason.
  bool starting() const { return phase_ == Phase::kStart || start_in_doubt_; }
  Phase phase() const { return phase_; }

 private:
  // The least round trip and what measuring takes: the delay of this loop.
  Duration LoopDelay() const;
  Duration DeliveryWindow() const;
  Duration TargetQueue() const;
  void Start(Duration elapsed, bool pacing_bound, Timestamp now);
  void Hold(Duration elapsed, bool pacing_bound, Timestamp now);
  void EndStart(double delivered, Timestamp now);
  void DoubtStart(Timestamp now);
  void StartDrain(Timestamp now);
  void Drain(Timestamp now);
  void TakeBandwidth(Duration elapsed, bool pacing_bound);
  double Correction(Timestamp now) const;

  Phase phase_ = Phase::kStart;
  double most_ = kMostBytesPerSecond;
  double rate_ = kInitialBytesPerSecond;
  double bandwidth_ = kInitialBytesPerSecond;
  QueueDelay queue_delay_;
  DeliveryRate delivery_;
  Duration others_queue_;                   // What was there before this sender's own bulk.
  double record_bytes_ = 0;                 // Of the last one.
  Timestamp sent_at_ = Timestamp::Never();  // The first one.
  Timestamp pinged_at_;
  Timestamp queued_at_;    // When the newest pings last saw a queue.
  Timestamp standing_at_;  // When there last was one that stood.
  // The start ended: whether that may have been for nothing, when, at what rate and queue.
  bool start_in_doubt_ = false;
  Timestamp start_ended_at_;
  double start_rate_ = 0;
  Duration start_queue_;
  Timestamp drain_until_;
  Timestamp next_drain_;
};

}  // namespace millrace
