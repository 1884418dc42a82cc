// Pairs of sessions that send over modelled SCTP lanes, all on one link: what rate control, lanes
// and the scheduler come to.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "session/session.h"
#include "support/sctp_network.h"

namespace millrace::testing {

// Two peers; side 0 sends one file to side 1.
class RateFlow {
 public:
  uint64_t delivered_bytes() const { return delivered_; }
  // Of records on bulk lanes.
  uint64_t sent_bytes() const { return sent_; }
  bool done() const { return done_[0] && done_[1]; }
  bool connected() const { return sessions_[0]->connected() && sessions_[1]->connected(); }
  bool closed() const { return sessions_[0]->closed() || sessions_[1]->closed(); }
  size_t lanes() const { return lanes_.size(); }
  size_t most_lanes() const { return most_lanes_; }
  Session& sender() { return *sessions_[0]; }
  const Session& sender() const { return *sessions_[0]; }

 private:
  friend class RateSimulation;

  std::array<std::unique_ptr<Session>, 2> sessions_;
  ConnectionId control_ = 0;
  std::map<LaneId, ConnectionId> lanes_;
  std::array<Timestamp, 2> wake_at_;  // When the session's timer fires.
  std::array<bool, 2> done_{};
  uint32_t next_lane_ = 1;
  size_t opening_ = 0;
  size_t most_lanes_ = 0;
  uint64_t delivered_ = 0;
  uint64_t sent_ = 0;
};

struct RateOptions {
  SharedLinkOptions link;
  SessionOptions session;
  // Timers of sessions fire on multiples of this, as those of browsers do.
  Duration timer_grain = Duration::Millis(4);
  // A lane is there after so many round trips (offer and answer 1, ICE 1, DTLS 2, SCTP 2) and
  // the work in the browser.
  int open_round_trips = 6;
  Duration open_work = Duration::Millis(50);
  bool lanes_open = true;  // Otherwise only the first one ever does.
  // The event loops of a busy machine: each side does nothing for up to so long (zero: never),
  // every so often on average.
  Duration longest_stall;
  Duration stall_interval = Duration::Millis(60);
  // Processors that have much to do: while 100 Mbit/s arrive, each side hears of messages so much
  // later on average, and in proportion while less does.
  Duration late_at_100_mbits;
};

class RateSimulation {
 public:
  static constexpr Duration kSample = Duration::Millis(5);

  RateSimulation(const RateOptions& options, uint64_t seed);

  // A new pair of peers, connected, with the first lanes open.
  RateFlow& AddFlow();
  // Offers a file of so many bytes; the other side accepts.
  void Send(RateFlow& flow, uint64_t bytes);
  // Answers whether `done` before `limit` has passed.
  bool RunUntil(const std::function<bool()>& done, Duration limit);
  void RunFor(Duration span);
  // Both ends of a lane see it close.
  void CloseLane(RateFlow& flow, LaneId lane);
  std::vector<LaneId> Lanes(const RateFlow& flow) const;
  // The link in both directions.
  void SetRate(double mbits_per_second);
  void Blackout(Duration span);
  SctpNetwork& network() { return network_; }
  Timestamp now() const { return network_.now(); }

  // What waiting in the link's queue took, every kSample while something was sent.
  Duration QueuePercentile(double share) const;
  // The longest time during which no file bytes came, since the first ones, of all flows.
  Duration longest_silence() const { return longest_silence_; }

 private:
  void Pump(RateFlow& flow, size_t side);
  void Pump(RateFlow& flow);
  void PlanLanes(RateFlow& flow);
  void OpenLane(RateFlow& flow);
  void OnMessage(ConnectionId connection, size_t side, const std::vector<uint8_t>& message);
  void OnBuffered(ConnectionId connection, size_t side, size_t buffered);
  void Sample();
  // When the side's event loop is free; every now and then it stalls, from now on.
  Timestamp FreeAt(size_t side);
  // How long a message waits for a processor.
  Duration Lateness();
  void Deliver(ConnectionId connection, size_t side, const std::vector<uint8_t>& message);
  void DeliverHeld(size_t side);
  std::optional<LaneId> LaneOf(const RateFlow& flow, ConnectionId connection) const;

  RateOptions options_;
  Random random_;
  SctpNetwork network_;
  std::vector<std::unique_ptr<RateFlow>> flows_;
  std::map<ConnectionId, RateFlow*> owners_;
  std::multimap<Timestamp, std::function<void()>> later_;
  std::array<Timestamp, 2> stalled_until_;
  std::array<Timestamp, 2> next_stall_;
  // What came meanwhile, in order.
  std::array<std::vector<std::pair<ConnectionId, std::vector<uint8_t>>>, 2> held_;
  Timestamp next_sample_;
  // Of the last sample, all flows, and how fast it grows.
  uint64_t sampled_bytes_ = 0;
  double arriving_mbits_ = 0;
  Timestamp dark_until_;
  std::vector<Duration> queue_samples_;
  Timestamp progress_at_ = Timestamp::Never();
  Duration longest_silence_;
};

}  // namespace millrace::testing
