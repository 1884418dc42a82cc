// Pairs of sessions that send over modelled SCTP lanes, all on one link: what rate control, lanes
// and the scheduler come to.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "session/session.h"
#include "support/lane_traffic.h"
#include "support/link_plan.h"
#include "support/raw_channel.h"
#include "support/sctp_network.h"

namespace millrace::testing {

// A source that gives so many bytes every so often, and keeps what is not read yet.
struct SourceBursts {
  uint64_t bytes = 0;
  Duration interval{};
};

// Two peers; each side may send one file at a time to the other. `sender` is the side that sends.
class RateFlow {
 public:
  uint64_t delivered_bytes(size_t sender = 0) const { return delivered_[1 - sender]; }
  // Of records on bulk lanes.
  uint64_t sent_bytes(size_t sender = 0) const { return sent_[sender]; }
  // Whether both sides have the receipt of the last file.
  bool done(size_t sender = 0) const { return done_[sender][0] && done_[sender][1]; }
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
  ConnectionId pulse_ = 0;  // The other channel of the control connection.
  std::map<LaneId, ConnectionId> lanes_;
  Duration access_delay_{};           // Of each packet before the shared link, one way.
  std::array<Timestamp, 2> wake_at_;  // When the session's timer fires.
  std::array<std::optional<TransferId>, 2> transfers_;  // By the side that sends.
  std::array<std::array<bool, 2>, 2> done_{};           // By that side, then at which side.
  uint32_t next_lane_ = 1;
  size_t opening_ = 0;
  size_t most_lanes_ = 0;
  uint32_t connection_ = 0;              // How often this pair has reconnected.
  std::array<uint64_t, 2> delivered_{};  // By the side that receives.
  std::array<uint64_t, 2> sent_{};
  std::array<std::optional<SourceBursts>, 2> sources_;
  std::array<uint64_t, 2> source_bytes_{};  // Given by a source of bursts and not read yet.
  std::array<std::deque<ReadRequest>, 2> reads_;
};

struct RateOptions {
  SharedLinkOptions link;
  // What side 1 sends over, where that is another link.
  std::optional<SharedLinkOptions> return_link{};
  SessionOptions session;
  // Timers of sessions fire on multiples of this, as those of browsers do.
  Duration timer_grain = Duration::Millis(4);
  // The clock of each side's page moves by so much at a time (zero: by microseconds), as in
  // browsers that make it hard to recognise a user.
  std::array<Duration, 2> clock_grain{};
  // A lane is there after so many round trips (offer and answer 1, ICE 1, DTLS 2, SCTP 2) and
  // the work in the browser.
  int open_round_trips = 6;
  Duration open_work = Duration::Millis(50);
  bool lanes_open = true;  // Otherwise only the first one ever does.
  // What browsers send for lanes takes its part of the link.
  bool lane_traffic = false;
  Delivery delivery = Delivery::kReliable;
  // The event loops of a busy machine: each side does nothing for up to so long (zero: never),
  // every so often on average.
  Duration longest_stall;
  Duration stall_interval = Duration::Millis(60);
  // Processors that have much to do: while 100 Mbit/s arrive, each side hears of messages so much
  // later on average, and in proportion while less does.
  Duration late_at_100_mbits;
  // What sealing a record of bulk keeps a side's processor busy for.
  Duration sealing;
  // What a side's sink stores; 0: everything at once.
  double sink_bytes_per_second = 0;

  LinkPair links() const { return {link, return_link.value_or(link)}; }
};

// Lanes that are opened along with the connection, and event loops that stall now and then.
RateOptions AsInBrowsers(const LinkPair& links);

class RateSimulation {
 public:
  static constexpr Duration kSample = Duration::Millis(5);

  RateSimulation(const RateOptions& options, uint64_t seed);

  // A new pair of peers, connected, with the first lanes open. Their packets take `access_delay`
  // to the shared link, in each direction. In the background they yield to other traffic.
  RateFlow& AddFlow(Duration access_delay = {}, bool background = false);
  // A raw channel as a rival on the same link.
  RawChannel& AddRawChannel(size_t sender = 0);
  // Other traffic on the same link (SctpNetwork::Start).
  void Start(CrossTraffic& traffic) { network_.Start(traffic); }
  // `sender` offers a file of so many bytes; the other side accepts.
  void Send(RateFlow& flow, uint64_t bytes, size_t sender = 0);
  // `sender` sends a message beside its files, on the control lane.
  void SendMessage(RateFlow& flow, size_t bytes, size_t sender = 0);
  // From now on the sender's files come from a source of bursts.
  void LimitSource(RateFlow& flow, SourceBursts bursts, size_t sender = 0);
  // Answers whether `done` before `limit` has passed.
  bool RunUntil(const std::function<bool()>& done, Duration limit);
  void RunFor(Duration span);
  // Both ends of a lane see it close.
  void CloseLane(RateFlow& flow, LaneId lane);
  std::vector<LaneId> Lanes(const RateFlow& flow) const;
  // Calls `act` so much later, within a run.
  void Schedule(Duration delay, std::function<void()> act);
  // Makes the plan's changes, from now on. The links are those of the plan already.
  void Play(const LinkPlan& plan);
  // The link in both directions.
  void SetRate(double mbits_per_second);
  void SetDelay(Duration one_way);
  void Blackout(Duration span);
  // The connection is lost, and the links of the path are replaced. The new connection begins
  // to be set up after `away`. Needs SessionOptions::reconnect_timeout. No other flow may use the
  // link.
  void Reconnect(RateFlow& flow, const LinkPair& links, Duration away);
  SctpNetwork& network() { return network_; }
  Timestamp now() const { return network_.now(); }

  // What waiting in the link's queue took, every kSample while something was sent.
  Duration QueuePercentile(double share) const;
  // The longest time during which no file bytes came, since the first ones, of all flows.
  Duration longest_silence() const;

 private:
  void Pump(RateFlow& flow, size_t side);
  void Pump(RateFlow& flow);
  bool PumpReads(RateFlow& flow, size_t side);
  // The sink has the bytes of `write`, now or later.
  void Store(RateFlow& flow, size_t side, const WriteRequest& write);
  void HandleEvent(RateFlow& flow, size_t side, const Event& event);
  void OpenControl(RateFlow& flow);
  void FillSource(RateFlow& flow, size_t side);
  void AdvanceSessions();
  // What the page of a side takes for the time.
  Timestamp ClockOf(size_t side) const;
  // Open lanes of all flows.
  size_t OpenLanes() const;
  // Without queues.
  Duration RoundTrip(const RateFlow& flow);
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
  ConnectionId ConnectionOf(const RateFlow& flow, LaneId lane) const;

  RateOptions options_;
  Random random_;
  SctpNetwork network_;
  std::vector<std::unique_ptr<RateFlow>> flows_;
  std::vector<std::unique_ptr<RawChannel>> raw_channels_;
  std::map<ConnectionId, RateFlow*> owners_;
  LaneTraffic lane_traffic_;
  std::multimap<Timestamp, std::function<void()>> later_;
  std::array<Timestamp, 2> stalled_until_;
  std::array<Timestamp, 2> next_stall_;
  std::array<Timestamp, 2> sealing_until_;
  std::array<Timestamp, 2> storing_until_;
  // What came meanwhile, in order.
  std::array<std::vector<std::pair<ConnectionId, std::vector<uint8_t>>>, 2> held_;
  uint8_t next_token_ = 1;
  Timestamp next_sample_;
  // Of the last sample, all flows, and how fast it grows.
  uint64_t sampled_bytes_ = 0;
  double arriving_mbits_ = 0;
  std::vector<Duration> queue_samples_;
  Timestamp progress_at_ = Timestamp::Never();
  Duration longest_silence_;
};

}  // namespace millrace::testing
