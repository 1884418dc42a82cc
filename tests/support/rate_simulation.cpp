#include "support/rate_simulation.h"

#include <algorithm>
#include <utility>

#include "crypto/secret.h"
#include "support/handshakes.h"
#include "support/percentile.h"

namespace millrace::testing {

RateOptions AsInBrowsers(const LinkPair& links) {
  RateOptions options;
  options.link = links[0];
  options.return_link = links[1];
  options.session.lanes.least = 4;
  options.longest_stall = Duration::Millis(8);
  return options;
}

RateSimulation::RateSimulation(const RateOptions& options, uint64_t seed)
    : options_(options),
      random_(seed),
      network_(options.links(), seed),
      lane_traffic_([this] { return OpenLanes(); }) {
  InitializeCrypto();
  network_.on_message = [this](ConnectionId id, size_t side, const std::vector<uint8_t>& message) {
    OnMessage(id, side, message);
  };
  network_.on_buffered = [this](ConnectionId id, size_t side, size_t buffered) {
    OnBuffered(id, side, buffered);
  };
  next_sample_ = now();
  if (options_.lane_traffic) network_.Start(lane_traffic_);
}

size_t RateSimulation::OpenLanes() const {
  size_t lanes = 0;
  for (const auto& flow : flows_) lanes += flow->lanes();
  return lanes;
}

void RateSimulation::OpenControl(RateFlow& flow) {
  flow.control_ = network_.Open(SctpAssociation::Kind::kOrdered, flow.access_delay_);
  flow.pulse_ = network_.AddChannel(flow.control_, SctpAssociation::Kind::kUnreliable);
  owners_[flow.control_] = &flow;
  owners_[flow.pulse_] = &flow;
  for (size_t side = 0; side < 2; ++side) {
    Session& session = *flow.sessions_[side];
    session.SetFingerprints(side == 0 ? kFingerprintA : kFingerprintB,
                            side == 0 ? kFingerprintB : kFingerprintA);
    session.OpenLane(kControlLane, kMaxMessageBytes, Delivery::kReliable, ClockOf(side));
    session.OpenLane(kPulseLane, kMaxMessageBytes, Delivery::kUnreliable, ClockOf(side));
  }
  Pump(flow);
}

RateFlow& RateSimulation::AddFlow(Duration access_delay, bool background) {
  SessionOptions options = options_.session;
  options.background = background;
  RateFlow& flow = *flows_.emplace_back(std::make_unique<RateFlow>());
  flow.access_delay_ = access_delay;
  for (size_t side = 0; side < 2; ++side) {
    flow.sessions_[side] =
        std::make_unique<Session>(options, MakeHandshake(random_), ClockOf(side));
  }
  OpenControl(flow);
  RunUntil([&] { return flow.connected(); }, Duration::Seconds(30));
  PlanLanes(flow);
  if (!options_.lanes_open) OpenLane(flow);
  RunUntil([&] { return flow.opening_ == 0; }, Duration::Seconds(30));
  return flow;
}

RawChannel& RateSimulation::AddRawChannel(size_t sender) {
  return *raw_channels_.emplace_back(std::make_unique<RawChannel>(network_, sender));
}

void RateSimulation::Send(RateFlow& flow, uint64_t bytes, size_t sender) {
  flow.done_[sender] = {};
  flow.transfers_[sender] = flow.sessions_[sender]->Offer(
      {FileInfo{bytes, 0, "file", ""}}, TransferToken{next_token_++}, ClockOf(sender));
  Pump(flow);
}

void RateSimulation::SendMessage(RateFlow& flow, size_t bytes, size_t sender) {
  flow.sessions_[sender]->Message(std::vector<uint8_t>(bytes), ClockOf(sender));
  Pump(flow, sender);
}

void RateSimulation::LimitSource(RateFlow& flow, SourceBursts bursts, size_t sender) {
  const bool running = flow.sources_[sender].has_value();
  flow.sources_[sender] = bursts;
  if (!running) FillSource(flow, sender);
}

void RateSimulation::FillSource(RateFlow& flow, size_t side) {
  flow.source_bytes_[side] += flow.sources_[side]->bytes;
  Pump(flow, side);
  Schedule(flow.sources_[side]->interval, [this, &flow, side] { FillSource(flow, side); });
}

bool RateSimulation::PumpReads(RateFlow& flow, size_t side) {
  Session& session = *flow.sessions_[side];
  std::deque<ReadRequest>& reads = flow.reads_[side];
  while (const auto read = session.PollRead()) reads.push_back(*read);
  bool answered = false;
  while (!reads.empty()) {
    const ReadRequest read = reads.front();
    if (flow.sources_[side]) {
      if (flow.source_bytes_[side] < read.bytes.size()) break;
      flow.source_bytes_[side] -= read.bytes.size();
    }
    reads.pop_front();
    // What the file holds does not matter here; that it arrives unchanged, the receipt proves.
    session.ReadDone(read.chunk, read.bytes.size(), ClockOf(side));
    answered = true;
  }
  return answered;
}

void RateSimulation::Store(RateFlow& flow, size_t side, const WriteRequest& write) {
  if (options_.sink_bytes_per_second == 0) {
    return flow.sessions_[side]->WriteDone(write.write, ClockOf(side));
  }
  const double seconds = static_cast<double>(write.bytes.size()) / options_.sink_bytes_per_second;
  const Timestamp begin = std::max(now(), storing_until_[side]);
  storing_until_[side] = begin + Duration::Micros(static_cast<int64_t>(seconds * 1e6));
  Schedule(storing_until_[side] - now(), [this, &flow, side, id = write.write] {
    flow.sessions_[side]->WriteDone(id, ClockOf(side));
    Pump(flow, side);
  });
}

void RateSimulation::Schedule(Duration delay, std::function<void()> act) {
  later_.emplace(now() + delay, std::move(act));
}

void RateSimulation::Play(const LinkPlan& plan) {
  for (const LinkChange& change : plan.changes) {
    Schedule(change.after, [this, change, links = plan.links] {
      Apply(change, LinkPlan{links, {}}, network_);
    });
  }
}

void RateSimulation::Reconnect(RateFlow& flow, const LinkPair& links, Duration away) {
  ++flow.connection_;
  flow.opening_ = 0;
  network_.Close(flow.control_);
  for (const auto& [lane, connection] : flow.lanes_) network_.Close(connection);
  flow.lanes_.clear();
  flow.next_lane_ = 1;
  network_.ReplaceLinks(links);
  for (size_t side = 0; side < 2; ++side) {
    flow.sessions_[side]->CloseLane(kControlLane, ClockOf(side));
  }
  Pump(flow);
  const Duration set_up = RoundTrip(flow) * options_.open_round_trips + options_.open_work;
  Schedule(away + set_up, [this, &flow] {
    for (size_t side = 0; side < 2; ++side) {
      Session& session = *flow.sessions_[side];
      session.Reconnect(MakeHandshake(random_, session.secrets()), ClockOf(side));
    }
    OpenControl(flow);
  });
}

std::optional<LaneId> RateSimulation::LaneOf(const RateFlow& flow, ConnectionId connection) const {
  if (connection == flow.control_) return kControlLane;
  if (connection == flow.pulse_) return kPulseLane;
  for (const auto& [lane, id] : flow.lanes_) {
    if (id == connection) return lane;
  }
  return std::nullopt;
}

ConnectionId RateSimulation::ConnectionOf(const RateFlow& flow, LaneId lane) const {
  if (lane == kControlLane) return flow.control_;
  return lane == kPulseLane ? flow.pulse_ : flow.lanes_.at(lane);
}

void RateSimulation::OpenLane(RateFlow& flow) {
  const LaneId lane(flow.next_lane_++);
  const bool reliable = options_.delivery == Delivery::kReliable;
  const ConnectionId connection = network_.Open(
      reliable ? SctpAssociation::Kind::kUnordered : SctpAssociation::Kind::kUnreliable,
      flow.access_delay_);
  flow.lanes_[lane] = connection;
  owners_[connection] = &flow;
  flow.most_lanes_ = std::max(flow.most_lanes_, flow.lanes_.size());
  for (size_t side = 0; side < 2; ++side) {
    flow.sessions_[side]->OpenLane(lane, kMaxMessageBytes, options_.delivery, ClockOf(side));
  }
}

void RateSimulation::CloseLane(RateFlow& flow, LaneId lane) {
  network_.Close(flow.lanes_.at(lane));
  flow.lanes_.erase(lane);
  for (size_t side = 0; side < 2; ++side) flow.sessions_[side]->CloseLane(lane, ClockOf(side));
  Pump(flow);
}

std::vector<LaneId> RateSimulation::Lanes(const RateFlow& flow) const {
  std::vector<LaneId> lanes;
  for (const auto& [lane, connection] : flow.lanes_) lanes.push_back(lane);
  return lanes;
}

Duration RateSimulation::RoundTrip(const RateFlow& flow) {
  return network_.link(0).options().delay + network_.link(1).options().delay +
         flow.access_delay_ * 2;
}

void RateSimulation::PlanLanes(RateFlow& flow) {
  if (!options_.lanes_open || !flow.connected()) return;
  const size_t wanted =
      std::max(flow.sessions_[0]->lanes_wanted(), flow.sessions_[1]->lanes_wanted());
  while (flow.lanes_.size() + flow.opening_ < wanted) {
    ++flow.opening_;
    // Setting up needs the link: a blackout holds it up.
    const Duration round_trip = RoundTrip(flow) + network_.link(0).QueueDelay(now());
    const Timestamp begin = std::max(now(), network_.link(0).dark_until());
    if (options_.lane_traffic) lane_traffic_.OnOpening(RoundTrip(flow), begin);
    later_.emplace(begin + round_trip * options_.open_round_trips + options_.open_work,
                   [this, &flow, connection = flow.connection_] {
                     if (connection != flow.connection_) return;
                     --flow.opening_;
                     OpenLane(flow);
                     Pump(flow);
                   });
  }
}

void RateSimulation::OnMessage(ConnectionId connection, size_t side,
                               const std::vector<uint8_t>& message) {
  // What comes while others wait goes with them.
  if (held_[side].empty()) {
    const Timestamp heard_at = FreeAt(side) + Lateness();
    if (heard_at == now()) return Deliver(connection, side, message);
    later_.emplace(heard_at, [this, side] { DeliverHeld(side); });
  }
  held_[side].emplace_back(connection, message);
}

void RateSimulation::DeliverHeld(size_t side) {
  for (const auto& [connection, message] : std::exchange(held_[side], {})) {
    Deliver(connection, side, message);
  }
}

void RateSimulation::Deliver(ConnectionId connection, size_t side,
                             const std::vector<uint8_t>& message) {
  const auto owner = owners_.find(connection);
  if (owner == owners_.end()) {
    for (const auto& raw : raw_channels_) {
      if (raw->connection() == connection) raw->OnMessage(message.size());
    }
    return;
  }
  RateFlow& flow = *owner->second;
  const std::optional<LaneId> lane = LaneOf(flow, connection);
  if (!lane) return;
  Session& session = *flow.sessions_[side];
  const MutableByteView buffer = session.InputBuffer(*lane, message.size());
  if (buffer.empty()) return;
  std::copy(message.begin(), message.end(), buffer.begin());
  session.HandleInput(*lane, ClockOf(side));
  Pump(flow, side);
}

void RateSimulation::OnBuffered(ConnectionId connection, size_t side, size_t buffered) {
  const auto owner = owners_.find(connection);
  if (owner == owners_.end()) return;  // Of a raw channel, which looks for itself.
  RateFlow& flow = *owner->second;
  const std::optional<LaneId> lane = LaneOf(flow, connection);
  if (lane) flow.sessions_[side]->SetBuffered(*lane, buffered, ClockOf(side));
}

void RateSimulation::Pump(RateFlow& flow) {
  Pump(flow, 0);
  Pump(flow, 1);
}

void RateSimulation::Pump(RateFlow& flow, size_t side) {
  Session& session = *flow.sessions_[side];
  bool busy = true;
  while (busy) {
    busy = false;
    while (const auto write = session.PollWrite()) {
      flow.delivered_[side] += write->bytes.size();
      if (!progress_at_.IsNever()) {
        longest_silence_ = std::max(longest_silence_, now() - progress_at_);
      }
      progress_at_ = now();
      Store(flow, side, *write);
      busy = true;
    }
    busy = PumpReads(flow, side) || busy;
    while (now() >= sealing_until_[side]) {
      const auto output = session.PollOutput(ClockOf(side));
      if (!output) break;
      if (!IsOfControlConnection(output->lane)) {
        flow.sent_[side] += output->message.size();
        sealing_until_[side] = now() + options_.sealing;
      }
      network_.Send(ConnectionOf(flow, output->lane), side,
                    {output->message.begin(), output->message.end()});
      busy = true;
    }
    while (const auto event = session.PollEvent()) {
      HandleEvent(flow, side, *event);
      busy = true;
    }
  }
  Timestamp timeout = session.NextTimeout();
  // A timer runs for as long as the page's clock lacks.
  if (!timeout.IsNever()) timeout = timeout + (now() - ClockOf(side));
  const int64_t grain = options_.timer_grain.micros();
  flow.wake_at_[side] = timeout.IsNever()
                            ? timeout
                            : Timestamp::FromMicros((timeout.micros() + grain - 1) / grain * grain);
  if (sealing_until_[side] > now()) flow.wake_at_[side] = sealing_until_[side];
  PlanLanes(flow);
}

void RateSimulation::HandleEvent(RateFlow& flow, size_t side, const Event& event) {
  Session& session = *flow.sessions_[side];
  if (event.type == EventType::kOffer) session.Accept(event.transfer, ClockOf(side));
  if (event.type == EventType::kFileReceived) {
    session.FileStored(event.transfer, event.file, ClockOf(side));
  }
  for (size_t sender = 0; sender < 2; ++sender) {
    const bool is_done = event.type == EventType::kDone;
    if (is_done && flow.transfers_[sender] == event.transfer) flow.done_[sender][side] = true;
  }
  if (event.type == EventType::kLaneRetired && flow.lanes_.count(event.lane) > 0) {
    CloseLane(flow, event.lane);
  }
}

Timestamp RateSimulation::FreeAt(size_t side) {
  if (options_.longest_stall > Duration() && now() >= next_stall_[side]) {
    const auto up_to = [this](Duration most) {
      return Duration::Micros(
          static_cast<int64_t>(random_.Below(static_cast<uint64_t>(most.micros()))));
    };
    stalled_until_[side] = now() + up_to(options_.longest_stall);
    next_stall_[side] = stalled_until_[side] + up_to(options_.stall_interval * 2);
  }
  return std::max(now(), stalled_until_[side]);
}

Duration RateSimulation::Lateness() {
  const auto average = static_cast<uint64_t>(
      static_cast<double>(options_.late_at_100_mbits.micros()) * arriving_mbits_ / 100);
  if (average == 0) return {};
  return Duration::Micros(static_cast<int64_t>(random_.Between(average / 2, average * 3 / 2)));
}

void RateSimulation::Sample() {
  next_sample_ = next_sample_ + kSample;
  uint64_t bytes = 0;
  for (const auto& flow : flows_) bytes += flow->delivered_[0] + flow->delivered_[1];
  const double mbits = static_cast<double>(bytes - sampled_bytes_) * 8e-6 / kSample.seconds();
  sampled_bytes_ = bytes;
  arriving_mbits_ += (mbits - arriving_mbits_) / 20;
  if (progress_at_.IsNever()) return;
  queue_samples_.push_back(network_.link(0).QueueDelay(now()));
}

Timestamp RateSimulation::ClockOf(size_t side) const {
  const int64_t grain = options_.clock_grain[side].micros();
  return grain == 0 ? now() : Timestamp::FromMicros(now().micros() / grain * grain);
}

bool RateSimulation::RunUntil(const std::function<bool()>& done, Duration limit) {
  const Timestamp deadline = now() + limit;
  while (!done()) {
    Timestamp next = std::min(network_.NextHappening(), next_sample_);
    if (!later_.empty()) next = std::min(next, later_.begin()->first);
    for (const auto& flow : flows_) next = std::min({next, flow->wake_at_[0], flow->wake_at_[1]});
    if (next > deadline) {
      network_.AdvanceTo(deadline);
      return done();
    }
    network_.AdvanceTo(next);
    for (const auto& channel : raw_channels_) channel->Fill();
    while (!later_.empty() && later_.begin()->first <= now()) {
      const std::function<void()> act = std::move(later_.begin()->second);
      later_.erase(later_.begin());
      act();
    }
    AdvanceSessions();
    if (next_sample_ <= now()) Sample();
  }
  return true;
}

void RateSimulation::AdvanceSessions() {
  for (const auto& flow : flows_) {
    for (size_t side = 0; side < 2; ++side) {
      if (flow->wake_at_[side] > now()) continue;
      flow->wake_at_[side] = FreeAt(side);
      if (flow->wake_at_[side] > now()) continue;
      flow->sessions_[side]->AdvanceTime(ClockOf(side));
      Pump(*flow, side);
    }
  }
}

void RateSimulation::RunFor(Duration span) {
  RunUntil([] { return false; }, span);
}

void RateSimulation::SetRate(double mbits_per_second) {
  for (size_t side = 0; side < 2; ++side) network_.link(side).SetRate(mbits_per_second, now());
}

void RateSimulation::SetDelay(Duration one_way) {
  for (size_t side = 0; side < 2; ++side) network_.link(side).SetDelay(one_way, now());
}

void RateSimulation::Blackout(Duration span) {
  for (size_t side = 0; side < 2; ++side) network_.link(side).Blackout(now() + span);
}

Duration RateSimulation::longest_silence() const {
  const auto waits = [](const auto& flow) {
    return (flow->transfers_[0] && !flow->done()) || (flow->transfers_[1] && !flow->done(1));
  };
  const bool waiting = std::any_of(flows_.begin(), flows_.end(), waits);
  if (!waiting || progress_at_.IsNever()) return longest_silence_;
  return std::max(longest_silence_, now() - progress_at_);
}

Duration RateSimulation::QueuePercentile(double share) const {
  return Percentile(queue_samples_, share);
}

}  // namespace millrace::testing
