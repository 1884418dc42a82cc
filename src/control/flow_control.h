// When the next record may go, how large it should be, and how many lanes to have: what the parts
// of rate control come to.
#pragma once

#include <cstddef>

#include "control/lane_planner.h"
#include "control/pacer.h"
#include "control/rate_controller.h"
#include "measure/limit_shares.h"
#include "measure/peer_clock.h"
#include "measure/ping_sample.h"

namespace millrace {

class FlowControl {
 public:
  explicit FlowControl(LaneLimits lanes) : planner_(lanes) {
    SetMostBytesPerSecond(RateController::kMostBytesPerSecond, Timestamp());
  }

  // A limit of the user's, in bytes per second, from now on.
  void SetMostBytesPerSecond(double most, Timestamp now) {
    rate_.SetMostBytesPerSecond(most);
    pacer_.SetRate(rate_.pacing_bytes_per_second(), now);
  }
  void SetBackground(bool background) { rate_.SetBackground(background); }
  void SetOneWindow() { rate_.SetOneWindow(); }

  // --- What happened ---

  // A ping was answered; `open_lanes` are open and hold `in_flight` bytes. Pings are sent each
  // PingInterval() while bulk moves.
  void OnPong(const PingSample& sample, size_t open_lanes, size_t in_flight, Timestamp now);
  // Records of so many bytes were acknowledged that one lane has carried since `since`, the last of
  // them until `peer_time` on the peer's clock. Answers that on this side's clock: the lane's next
  // `since`.
  Timestamp OnAcked(size_t bytes, Timestamp since, Timestamp peer_time, Timestamp now) {
    const Timestamp arrived_at = peer_clock_.ToLocal(peer_time, now);
    rate_.OnDelivered(bytes, arrived_at, std::clamp(arrived_at - since, Duration(), kMostSpread));
    return arrived_at;
  }
  void OnSent(size_t bytes, Timestamp now) {
    pacer_.OnSent(bytes, now);
    rate_.OnSent(bytes, now);
  }
  // A lane was given up.
  void OnRetired(Timestamp now) { planner_.OnRetired(now); }
  // What keeps the sender from sending more, now that it stops for a while.
  void OnLimited(SendLimit limit, Timestamp now) { limits_.Set(limit, now); }

  // --- What to do ---

  // With `in_flight` bytes on their way, whether another record may go; if not, it may at
  // ready_at() or after an acknowledgement.
  bool MaySend(size_t in_flight, Timestamp now) const {
    return pacer_.IsReady(now) && in_flight < rate_.in_flight_limit_bytes();
  }
  Timestamp ready_at() const { return pacer_.ready_at(); }
  // Payload of a record: what goes out within a few milliseconds, in whole leaves, at least one, at
  // most `most_bytes`.
  size_t RecordPayload(size_t most_bytes) const;
  // What may wait before a lane's window, as time: what keeps the window full between two turns of
  // an event loop, and what is stuck when the lane stops.
  Duration LaneBacklog() const;
  Duration PingInterval() const;
  size_t lanes_wanted() const { return planner_.wanted(); }
  // How many lanes may carry records at a time.
  size_t lanes_usable() const {
    return rate_.phase() == RateController::Phase::kRival ? 2 : planner_.usable();
  }
  // Whether the lane should be given up for a fresh one.
  bool IsCollapsed(const LanePlanner::LaneState& lane, Timestamp now) const {
    return planner_.IsCollapsed(lane, now);
  }

  // --- What is known ---

  // Whether enough pings came back to know the link's round trip: the first ones wait for event
  // loops that are busy with connecting.
  bool KnowsRoundTrip() const { return pongs_ >= kFirstPongs; }
  const RateController& rate() const { return rate_; }
  const LimitShares& limits() const { return limits_; }
  // The link's minimum round trip, without queues; zero before the first ping.
  Duration min_round_trip() const {
    return rate_.queue_delay().min_round_trip().value_or(Duration());
  }
  // The mean of the recent round trips, queues included; zero before the first ping.
  Duration round_trip() const { return rate_.queue_delay().round_trip(); }

 private:
  // Neither pacing nor the windows of lanes limit.
  bool LinkIsIdle() const;

  static constexpr size_t kFirstPongs = 4;
  // Acknowledgements are no further apart on a lane that moves, though one of them may be lost.
  static constexpr Duration kMostSpread = Duration::Millis(100);

  RateController rate_;
  Pacer pacer_;
  PeerClock peer_clock_;
  LimitShares limits_;
  LanePlanner planner_;
  size_t open_lanes_ = 0;
  size_t pongs_ = 0;
};

}  // namespace millrace
