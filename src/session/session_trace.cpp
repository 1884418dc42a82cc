#include "session/session_trace.h"

#include <algorithm>
#include <array>

namespace millrace {
namespace {

constexpr std::array<std::string_view, kWaitings> kWaitingNames = {
    "waitSource", "waitSeal", "waitChannel", "waitNetwork", "waitSink"};

TraceField LaneNumber(LaneId id) { return {"lane", static_cast<double>(id.value)}; }

TraceField State(std::string_view state) { return {"state", 0, state}; }

std::optional<double> Millis(std::optional<Duration> span) {
  return span ? std::optional(span->millis()) : std::nullopt;
}

std::string_view NameOf(RateController::Phase phase) {
  switch (phase) {
    case RateController::Phase::kStart:
      return "start";
    case RateController::Phase::kHold:
      return "hold";
    case RateController::Phase::kDrain:
      return "drain";
    case RateController::Phase::kTest:
      return "test";
    case RateController::Phase::kYield:
      return "yield";
    case RateController::Phase::kRival:
      break;
  }
  return "rival";
}

}  // namespace

void SessionTrace::Observe(const View& view, Timestamp now) {
  ObserveLanes(view, now);
  if (!view.active) {
    active_since_.reset();
    stalled_since_.reset();
    return;
  }
  if (!active_since_) {
    active_since_ = now;
    next_sample_ = now;
    waited_ = view.waited;
  }
  ObserveRate(view, now);
  ObserveStall(view, now);
  if (now < next_sample_) return;
  Sample(view, now);
  next_sample_ = now + std::clamp((now - *active_since_) / kSamples, kLeastInterval, kMostInterval);
}

void SessionTrace::OnRetired(const Lane& lane, Timestamp now) {
  lanes_.erase(lane.id());
  trace_.Push("lane", now,
              {LaneNumber(lane.id()),
               State("retired"),
               {"inFlight", static_cast<double>(lane.sent().in_flight_bytes())}});
}

void SessionTrace::ObserveLanes(const View& view, Timestamp now) {
  for (auto it = lanes_.begin(); it != lanes_.end();) {
    if (view.lanes.contains(it->first)) {
      ++it;
      continue;
    }
    trace_.Push("lane", now, {LaneNumber(it->first), State("closed")});
    it = lanes_.erase(it);
  }
  for (const auto& [id, lane] : view.lanes) {
    const auto [known, is_new] = lanes_.try_emplace(id);
    if (is_new) {
      const bool reliable = lane.sent().delivery() == Delivery::kReliable;
      trace_.Push(
          "lane", now,
          {LaneNumber(id), State("open"), {"delivery", 0, reliable ? "reliable" : "unreliable"}});
    }
    ObserveLane(lane, known->second, now);
  }
}

void SessionTrace::ObserveLane(const Lane& lane, KnownLane& known, Timestamp now) {
  const LaneCounters& counters = lane.counters();
  sent_bytes_ += counters.bytes_sent - known.bytes_sent;
  received_bytes_ += counters.bytes_received - known.bytes_received;
  known.bytes_sent = counters.bytes_sent;
  known.bytes_received = counters.bytes_received;

  // The total falls when a record that counted as lost arrives late.
  const uint64_t lost = lane.sent().lost_records();
  if (lost > known.lost_records) {
    trace_.Push(
        "loss", now,
        {LaneNumber(lane.id()), {"records", static_cast<double>(lost - known.lost_records)}});
  }
  known.lost_records = lost;

  if (lane.sent().stalled() == known.stalled_since.has_value()) return;
  if (!known.stalled_since) {
    known.stalled_since = now;
    trace_.Push("lane", now,
                {LaneNumber(lane.id()),
                 State("stalled"),
                 {"inFlight", static_cast<double>(lane.sent().in_flight_bytes())}});
    return;
  }
  trace_.Push(
      "lane", now,
      {LaneNumber(lane.id()), State("moving"), {"ms", (now - *known.stalled_since).millis()}});
  known.stalled_since.reset();
}

void SessionTrace::ObserveRate(const View& view, Timestamp now) {
  const RateController& rate = view.flow.rate();
  if (rate.phase() != phase_) {
    phase_ = rate.phase();
    trace_.Push("rate", now,
                {{"phase", 0, NameOf(*phase_)},
                 {"pacing", rate.pacing_bytes_per_second()},
                 {"bottleneck", rate.bandwidth_bytes_per_second()},
                 {"delivered", rate.delivered_bytes_per_second()},
                 {"queue", rate.queue_delay().newest_queue().millis()}});
  }
  if (view.flow.lanes_wanted() != lanes_wanted_) {
    lanes_wanted_ = view.flow.lanes_wanted();
    trace_.Push("lanes", now,
                {{"wanted", static_cast<double>(lanes_wanted_)},
                 {"open", static_cast<double>(lanes_.size())}});
  }
  if (view.chunks.chunk_bytes() != chunk_bytes_) {
    chunk_bytes_ = view.chunks.chunk_bytes();
    trace_.Push("chunk", now, {{"bytes", static_cast<double>(chunk_bytes_)}});
  }
}

void SessionTrace::ObserveStall(const View& view, Timestamp now) {
  const bool stalls = view.pending && now - *view.pending >= kStall;
  if (stalls == stalled_since_.has_value()) return;
  if (stalls) {
    stalled_since_ = view.pending;
    trace_.Push("stall", now, {State("begin"), {"ms", (now - *stalled_since_).millis()}});
    return;
  }
  trace_.Push("stall", now, {State("end"), {"ms", (now - *stalled_since_).millis()}});
  stalled_since_.reset();
}

void SessionTrace::Sample(const View& view, Timestamp now) {
  const RateController& rate = view.flow.rate();
  size_t in_flight = 0;
  size_t buffered = 0;
  for (const auto& [id, lane] : view.lanes) {
    in_flight += lane.sent().in_flight_bytes();
    buffered += lane.gate().buffered();
  }
  TraceEntry entry("link", now);
  entry.Add("sent", static_cast<double>(sent_bytes_));
  entry.Add("acked", view.acked_bytes);
  entry.Add("received", static_cast<double>(received_bytes_));
  entry.Add("pacing", rate.pacing_bytes_per_second());
  entry.Add("bottleneck", rate.bandwidth_bytes_per_second());
  entry.Add("delivered", rate.delivered_bytes_per_second());
  entry.Add("rtt", Millis(view.round_trip));
  entry.Add("rttMin", Millis(rate.queue_delay().min_round_trip()));
  entry.Add("queue", rate.queue_delay().queue().millis());
  entry.Add("jitter", rate.queue_delay().jitter().millis());
  entry.Add("loss", view.loss);
  entry.Add("lanes", static_cast<double>(lanes_.size()));
  entry.Add("lanesWanted", static_cast<double>(view.flow.lanes_wanted()));
  entry.Add("inFlight", static_cast<double>(in_flight));
  entry.Add("buffered", static_cast<double>(buffered));
  entry.Add("chunk", static_cast<double>(view.chunks.chunk_bytes()));
  entry.Add("record", static_cast<double>(view.record_bytes));
  if (const auto shares = WaitingTimes::Between(waited_, view.waited)) {
    for (size_t i = 0; i < kWaitings; ++i) entry.Add(kWaitingNames[i], (*shares)[i]);
  }
  waited_ = view.waited;
  trace_.Push(entry);
}

}  // namespace millrace
