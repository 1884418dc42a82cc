// How fast a session may send: finds the rate of the bottleneck and holds it with a short queue.
//
// Values in, values out. The queue of the link comes from pings (QueueDelay), what arrives from
// acknowledgements (DeliveryRate). While there is a queue, what arrives is the bottleneck's rate,
// or this sender's share of it. So the rate is that, corrected such that the queue comes to a
// target within a few round trips. Losses are no signal: SCTP answers them by itself, and random
// ones say nothing about the link. docs/rate-control.md explains each state and constant.
#pragma once

#include <algorithm>
#include <cstddef>

#include "control/up_probe.h"
#include "measure/delivery_rate.h"
#include "measure/first_window.h"
#include "measure/queue_delay.h"

namespace millrace {

class RateController {
 public:
  enum class Phase : uint8_t {
    kStart,  // Doubling until a queue builds, or until no more arrives.
    kHold,   // Near the bandwidth, with the queue at its target.
    kDrain,  // Below it until the queue is empty, so that the base delay is seen.
    kTest,   // At half of it, to see whether a queue that stands is this sender's.
    kRival,  // Beside a flow that fills the queue: as fast as the windows of two lanes allow.
    kYield,  // The same in the background: at a trickle, until no queue stands any more.
  };

  // Before the first round trip is known.
  static constexpr double kInitialBytesPerSecond = 125'000;
  // Two first windows of TCP (RFC 6928) in the first round trip: they fit into the queue of almost
  // every access link (30 kB before 0.5 Mbit/s is one of the shortest).
  static constexpr double kFirstFlightBytes = 2 * kFirstWindowBytes;
  // A packet of 1 KiB each 60 ms: below that nothing is left to measure with.
  static constexpr double kLeastBytesPerSecond = 16'384;
  // 10 Gbit/s: beyond every data channel; keeps sums finite.
  static constexpr double kMostBytesPerSecond = 1.25e9;

  // A user's limit from now on; less than kLeastBytesPerSecond counts as that.
  void SetMostBytesPerSecond(double most);
  // Yields to whatever else fills the queue (RFC 6297: less than best effort).
  void SetBackground(bool background) { background_ = background; }
  // All lanes share one congestion window: a start that passes the bottleneck's rate by much halves
  // all of it.
  void SetOneWindow() { one_window_ = true; }

  // What is known of this sender when a ping is answered.
  struct Sending {
    // Shares of the recent time: pacing has limited what was sent; the source, the processor or the
    // peer's credit have. The rest were the windows of lanes.
    double pacing_share = 0;
    double own_share = 0;
    size_t in_flight_bytes = 0;

    // What is left explains no more than the noise of what is measured.
    static constexpr double kPacingBound = 0.7;
    static constexpr double kPacingDelays = 0.2;
    static constexpr double kOwn = 0.5;

    // Otherwise, what arrives says nothing about the link where it is less than expected.
    bool pacing_bound() const { return pacing_share > kPacingBound; }
    // A higher rate would carry more.
    bool pacing_delays() const { return pacing_share > kPacingDelays; }
    // The link filled up, whether pacing or the windows of lanes limited.
    bool link_bound() const { return own_share < kOwn; }
  };
  // A ping was answered.
  void OnPing(const PingSample& sample, const Sending& sending, Timestamp now);
  // A record of bulk was sent.
  void OnSent(size_t bytes, Timestamp now) {
    record_bytes_ = static_cast<double>(bytes);
    sent_at_ = std::min(sent_at_, now);
    sending_.OnDelivered(bytes, now);
  }
  // Bytes of bulk arrived at the peer during the time `over` before `at`, on this side's clock.
  void OnDelivered(size_t bytes, Timestamp at, Duration over = Duration()) {
    delivery_.OnDelivered(bytes, at, over);
    delivered_ += static_cast<double>(bytes);
    arrived_at_ = std::max(arrived_at_, at);
    spread_ = spread_ + (over - spread_) / 16;
  }

  double pacing_bytes_per_second() const;
  // What may be on its way in all: more only stands in queues.
  size_t in_flight_limit_bytes() const;

  // The bottleneck's rate as far as known.
  double bandwidth_bytes_per_second() const { return bandwidth_; }
  // All bytes of bulk that have arrived.
  double delivered_bytes() const { return delivered_; }
  // What arrives; bounded by what was sent, since a receiver that stood still hears of much at
  // once.
  double delivered_bytes_per_second() const;
  const QueueDelay& queue_delay() const { return queue_delay_; }
  // No queue has stood for a while: what limits is elsewhere.
  bool HasRoom(Timestamp now) const;
  // Doubling, or just stopped and not sure yet whether for a reason.
  bool starting() const { return phase_ == Phase::kStart || start_in_doubt_; }
  // Whether the link has ever been full.
  bool was_full() const { return full_bandwidth_ > 0; }
  Phase phase() const { return phase_; }

 private:
  // The delay of this loop: the round trip with the queues in it, and what measuring takes.
  Duration LoopDelay() const;
  Duration DeliveryWindow() const;
  // What delays the recent pings although there is no queue: so many times their jitter, or what a
  // wireless link does.
  Duration Noise(int64_t jitters) const;
  // The queue that is aimed at.
  Duration TargetQueue() const;
  // Never nothing, whatever arrives: queues are computed from it, and the next ping comes late.
  void SetBandwidth(double bytes_per_second);
  // The rate of sending a delay of the loop ago, over the window of the delivery rate.
  double SentBefore(Timestamp now) const;
  void Start(Duration elapsed, const Sending& sending, Timestamp now);
  void BeginStart(Timestamp now);
  void EndStart(double delivered, bool link_bound, Timestamp now);
  void DoubtStart(Timestamp now);
  bool StartIsFlat(double delivered, bool pacing_bound, Timestamp now);
  void Hold(Duration elapsed, const Sending& sending, Timestamp now);
  void StartDrain(Timestamp now);
  void Drain(Timestamp now);
  bool QueueIsStuck(bool pacing_bound, Timestamp now);
  void BeginTest(Timestamp now);
  void Test(const Sending& sending, Timestamp now);
  void BeginRival(Timestamp now);
  void Rival(Duration elapsed, Timestamp now);
  void BeginYield();
  void Yield(Timestamp now);
  // What the queue does from now on is the answer to this sender going below the bandwidth.
  void ForgetQueue(Timestamp now);
  // How long a change of what arrives takes to be the bandwidth: a delay of the loop.
  Duration Memory() const;
  // Lets the bandwidth follow what arrives, smoothed over `memory`.
  void FollowDelivered(Duration elapsed, Duration memory);
  void TakeBandwidth(Duration elapsed, bool pacing_bound);
  double Correction(Timestamp now);

  Phase phase_ = Phase::kStart;
  double most_ = kMostBytesPerSecond;
  bool background_ = false;
  bool one_window_ = false;
  double rate_ = kInitialBytesPerSecond;
  double bandwidth_ = kInitialBytesPerSecond;
  QueueDelay queue_delay_;
  DeliveryRate delivery_;
  DeliveryRate sending_;                    // What is sent.
  Timestamp arrived_at_;                    // When the last bytes did.
  Duration spread_;                         // The mean time that an acknowledgement covers.
  double delivered_ = 0;                    // Bytes in all.
  double most_sent_ = 0;                    // The greatest recent rate of sending.
  Duration others_queue_;                   // What was there before this sender's own bulk.
  Duration idle_noise_;                     // The longest delays that the link itself made then.
  double record_bytes_ = 0;                 // Of the last one.
  Timestamp sent_at_ = Timestamp::Never();  // The first one.
  Timestamp pinged_at_;
  Duration ping_interval_;  // The mean of the recent ones.
  Timestamp reached_at_;    // When the newest pings last saw as much queue as is aimed at.
  Timestamp standing_at_;   // When there last was one that stood.

  // Start: the first flight and what had arrived when it began; since when no more arrives.
  bool knows_path_ = false;
  double start_flight_ = kFirstFlightBytes;
  double start_delivered_ = 0;
  double flat_rate_ = 0;
  Timestamp flat_at_;
  int64_t restarts_in_vain_ = 0;
  Timestamp next_restart_;
  // The start ended: whether that may have been for nothing, when, at what rate and queue.
  bool start_in_doubt_ = false;
  Timestamp start_ended_at_;
  double start_rate_ = 0;
  Duration start_queue_;
  bool start_filled_link_ = false;  // Neither source nor processor limited it then.

  UpProbe up_;
  Timestamp drain_until_;
  Timestamp drain_known_at_;  // From then on what arrives was sent in the drain.
  Timestamp next_drain_;

  // What arrived when a queue of the link last stood while pacing limited; 0 before.
  double full_bandwidth_ = 0;

  // The queue stands above its target since then; what arrived before; whether it was ever below.
  Timestamp fine_at_;
  double fine_bandwidth_ = 0;
  bool was_fine_ = false;
  Timestamp test_until_;
  Duration test_queue_;
  bool rival_tested_ = false;  // The test began beside a rival.
  Timestamp next_test_;
  Timestamp next_rebase_;
};

}  // namespace millrace
