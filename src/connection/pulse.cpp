#include "connection/pulse.h"

namespace millrace {
namespace {

// Pings measure the round trip while data moves, and keep NAT bindings open otherwise (RFC 4787
// lets them lapse after 2 minutes at the earliest; browsers send consent checks, too).
constexpr Duration kActiveInterval = Duration::Seconds(1);
constexpr Duration kIdleInterval = Duration::Seconds(5);
// Until the round trip is known, since the number of lanes depends on it.
constexpr Duration kFirstInterval = Duration::Millis(10);
// A pong is late after two round trips and this: less than SCTP's minimum retransmission timeout
// (400 ms).
constexpr Duration kLatePong = Duration::Millis(300);

}  // namespace

void Pulse::Start(Timestamp now) {
  Stop();
  timers_.Set(Timer::kPing, now);
  timers_.Set(Timer::kSilence, now + idle_timeout_);
}

void Pulse::Stop() {
  const Duration idle_timeout = idle_timeout_;
  *this = Pulse(idle_timeout);
}

void Pulse::OnHeard(Timestamp now) {
  if (!timers_.deadline(Timer::kSilence).IsNever()) {
    timers_.Set(Timer::kSilence, now + idle_timeout_);
  }
}

std::optional<Duration> Pulse::OnPong(const PongFrame& pong, Timestamp now) {
  // A token is the time of its PING. A peer that invents one gains nothing.
  if (pong.token > static_cast<uint64_t>(now.micros())) return std::nullopt;
  const auto sent_at = Timestamp::FromMicros(static_cast<int64_t>(pong.token));
  if (sent_at >= checked_at_) {
    checked_at_ = Timestamp::Never();
    timers_.Stop(Timer::kCheck);
  }
  const Duration round_trip = now - sent_at;
  // During an outage the interval was that of an idle link. Measure again soon.
  if (IsLate(round_trip_.smallest().value_or(Duration()), now)) {
    timers_.SetEarlier(Timer::kPing, now + kFirstInterval);
  }
  unanswered_since_ = Timestamp::Never();
  if (sent_at <= behind_data_until_) return std::nullopt;
  round_trip_.AddSample(round_trip);
  return round_trip;
}

void Pulse::Check(Timestamp now) {
  PingNow(now);
  checked_at_ = std::min(checked_at_, now);
  timers_.SetEarlier(Timer::kCheck, now + kCheckTimeout);
}

bool Pulse::IsLate(Duration round_trip, Timestamp now) const {
  return IsUnanswered(round_trip * 2 + kLatePong, now);
}

Duration Pulse::Interval(const PingNeed& need, Timestamp now) const {
  // Pings that wait for a retransmission would only delay the frames behind them.
  if (!IsLate(need.round_trip, now)) {
    if (need.measuring) return *need.measuring;
    if (!need.knows_round_trip) return kFirstInterval;
  }
  return need.has_transfers ? kActiveInterval : kIdleInterval;
}

bool Pulse::Pack(ByteWriter& writer, size_t bytes_ahead, const PingNeed& need, Timestamp now) {
  bool packed = false;
  if (pong_owed_) {
    EncodeFrame(PongFrame{*pong_owed_}, writer);
    pong_owed_.reset();
    packed = true;
  }
  if (timers_.IsDue(Timer::kPing, now)) {
    EncodeFrame(PingFrame{static_cast<uint64_t>(now.micros())}, writer);
    unanswered_since_ = std::min(unanswered_since_, now);
    if (bytes_ahead > kMostBytesAhead) behind_data_until_ = now;
    timers_.Set(Timer::kPing, now + Interval(need, now));
    packed = true;
  }
  return packed;
}

Timestamp Pulse::NextTimeout(bool may_speak) const {
  if (may_speak) return timers_.next();
  return std::min(timers_.deadline(Timer::kCheck), timers_.deadline(Timer::kSilence));
}

}  // namespace millrace
