#include "support/rate_simulation.h"

#include <algorithm>
#include <utility>

#include "crypto/secret.h"
#include "support/handshakes.h"

namespace millrace::testing {

RateSimulation::RateSimulation(const RateOptions& options, uint64_t seed)
    : options_(options), random_(seed), network_(options.link, seed) {
  InitializeCrypto();
  network_.on_message = [this](ConnectionId id, size_t side, const std::vector<uint8_t>& message) {
    OnMessage(id, side, message);
  };
  network_.on_buffered = [this](ConnectionId id, size_t side, size_t buffered) {
    OnBuffered(id, side, buffered);
  };
  next_sample_ = now();
}

RateFlow& RateSimulation::AddFlow() {
  RateFlow& flow = *flows_.emplace_back(std::make_unique<RateFlow>());
  flow.control_ = network_.Open(true);
  owners_[flow.control_] = &flow;
  for (std::unique_ptr<Session>& session : flow.sessions_) {
    session = std::make_unique<Session>(options_.session, MakeHandshake(random_), now());
    const bool first = &session == &flow.sessions_[0];
    session->SetFingerprints(first ? kFingerprintA : kFingerprintB,
                             first ? kFingerprintB : kFingerprintA);
    session->OpenLane(kControlLane, kMaxMessageBytes, Delivery::kReliable, now());
  }
  Pump(flow);
  RunUntil([&] { return flow.connected(); }, Duration::Seconds(30));
  PlanLanes(flow);
  if (!options_.lanes_open) OpenLane(flow);
  RunUntil([&] { return flow.opening_ == 0; }, Duration::Seconds(30));
  return flow;
}

void RateSimulation::Send(RateFlow& flow, uint64_t bytes) {
  flow.sessions_[0]->Offer({FileInfo{bytes, 0, "file", ""}}, TransferToken{1}, now());
  Pump(flow);
}

std::optional<LaneId> RateSimulation::LaneOf(const RateFlow& flow, ConnectionId connection) const {
  if (connection == flow.control_) return kControlLane;
  for (const auto& [lane, id] : flow.lanes_) {
    if (id == connection) return lane;
  }
  return std::nullopt;
}

void RateSimulation::OpenLane(RateFlow& flow) {
  const LaneId lane(flow.next_lane_++);
  const ConnectionId connection = network_.Open(false);
  flow.lanes_[lane] = connection;
  owners_[connection] = &flow;
  flow.most_lanes_ = std::max(flow.most_lanes_, flow.lanes_.size());
  for (const auto& session : flow.sessions_) {
    session->OpenLane(lane, kMaxMessageBytes, Delivery::kReliable, now());
  }
}

void RateSimulation::CloseLane(RateFlow& flow, LaneId lane) {
  network_.Close(flow.lanes_.at(lane));
  flow.lanes_.erase(lane);
  for (const auto& session : flow.sessions_) session->CloseLane(lane, now());
  Pump(flow);
}

std::vector<LaneId> RateSimulation::Lanes(const RateFlow& flow) const {
  std::vector<LaneId> lanes;
  for (const auto& [lane, connection] : flow.lanes_) lanes.push_back(lane);
  return lanes;
}

void RateSimulation::PlanLanes(RateFlow& flow) {
  if (!options_.lanes_open || !flow.connected()) return;
  while (flow.lanes_.size() + flow.opening_ < flow.sessions_[0]->lanes_wanted()) {
    ++flow.opening_;
    // Setting up needs the link: a blackout holds it up.
    const Duration round_trip = options_.link.delay * 2 + network_.link(0).QueueDelay(now());
    const Timestamp begin = std::max(now(), dark_until_);
    later_.emplace(begin + round_trip * options_.open_round_trips + options_.open_work,
                   [this, &flow] {
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
  RateFlow& flow = *owners_.at(connection);
  const std::optional<LaneId> lane = LaneOf(flow, connection);
  if (!lane) return;
  Session& session = *flow.sessions_[side];
  const MutableByteView buffer = session.InputBuffer(*lane, message.size());
  if (buffer.empty()) return;
  std::copy(message.begin(), message.end(), buffer.begin());
  session.HandleInput(*lane, now());
  Pump(flow, side);
}

void RateSimulation::OnBuffered(ConnectionId connection, size_t side, size_t buffered) {
  RateFlow& flow = *owners_.at(connection);
  const std::optional<LaneId> lane = LaneOf(flow, connection);
  if (lane) flow.sessions_[side]->SetBuffered(*lane, buffered, now());
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
      flow.delivered_ += write->bytes.size();
      if (!progress_at_.IsNever()) {
        longest_silence_ = std::max(longest_silence_, now() - progress_at_);
      }
      progress_at_ = now();
      session.WriteDone(write->write, now());
      busy = true;
    }
    while (const auto read = session.PollRead()) {
      // What the file holds does not matter here; that it arrives unchanged, the receipt proves.
      session.ReadDone(read->piece, read->bytes.size(), now());
      busy = true;
    }
    while (const auto output = session.PollOutput(now())) {
      const ConnectionId connection =
          output->lane == kControlLane ? flow.control_ : flow.lanes_.at(output->lane);
      if (side == 0 && output->lane != kControlLane) flow.sent_ += output->message.size();
      network_.Send(connection, side, {output->message.begin(), output->message.end()});
      busy = true;
    }
    while (const auto event = session.PollEvent()) {
      if (event->type == EventType::kOffer) session.Accept(event->transfer, now());
      if (event->type == EventType::kFileReceived) {
        session.FileStored(event->transfer, event->file, now());
      }
      if (event->type == EventType::kDone) flow.done_[side] = true;
      if (event->type == EventType::kLaneRetired) CloseLane(flow, event->lane);
      busy = true;
    }
  }
  const Timestamp timeout = session.NextTimeout();
  const int64_t grain = options_.timer_grain.micros();
  flow.wake_at_[side] = timeout.IsNever()
                            ? timeout
                            : Timestamp::FromMicros((timeout.micros() + grain - 1) / grain * grain);
  if (side == 0) PlanLanes(flow);
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
  for (const auto& flow : flows_) bytes += flow->delivered_;
  const double mbits = static_cast<double>(bytes - sampled_bytes_) * 8e-6 / kSample.seconds();
  sampled_bytes_ = bytes;
  arriving_mbits_ += (mbits - arriving_mbits_) / 20;
  if (progress_at_.IsNever()) return;
  queue_samples_.push_back(network_.link(0).QueueDelay(now()));
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
    while (!later_.empty() && later_.begin()->first <= now()) {
      const std::function<void()> act = std::move(later_.begin()->second);
      later_.erase(later_.begin());
      act();
    }
    for (const auto& flow : flows_) {
      for (size_t side = 0; side < 2; ++side) {
        if (flow->wake_at_[side] > now()) continue;
        flow->wake_at_[side] = FreeAt(side);
        if (flow->wake_at_[side] > now()) continue;
        flow->sessions_[side]->AdvanceTime(now());
        Pump(*flow, side);
      }
    }
    if (next_sample_ <= now()) Sample();
  }
  return true;
}

void RateSimulation::RunFor(Duration span) {
  RunUntil([] { return false; }, span);
}

void RateSimulation::SetRate(double mbits_per_second) {
  for (size_t side = 0; side < 2; ++side) network_.link(side).SetRate(mbits_per_second, now());
}

void RateSimulation::Blackout(Duration span) {
  dark_until_ = now() + span;
  for (size_t side = 0; side < 2; ++side) network_.link(side).Blackout(dark_until_);
}

Duration RateSimulation::QueuePercentile(double share) const {
  if (queue_samples_.empty()) return {};
  std::vector<Duration> sorted = queue_samples_;
  std::sort(sorted.begin(), sorted.end());
  return sorted[static_cast<size_t>(static_cast<double>(sorted.size() - 1) * share)];
}

}  // namespace millrace::testing
