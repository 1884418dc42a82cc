#include "connection/pulse.h"

#include <algorithm>

namespace millrace {
namespace {

// Pings measure the round trip while data moves, and keep NAT bindings open otherwise (RFC 4787
// lets them lapse after 2 minutes at the earliest; browsers send consent checks, too).
constexpr Duration kActiveInterval = Duration::Seconds(1);
constexpr Duration kIdleInterval = Duration::Seconds(5);
// Until the round trip is known, since the number of lanes depends on it. On a long path more pings
// than the jitter needs (QueueDelay::LinkJitter) only take a slow link's bytes.
constexpr Duration kFirstInterval = Duration::Millis(10);
constexpr size_t kFirstPings = 8;
constexpr Duration kLaterFirstInterval = Duration::Millis(50);
// During an outage, and while the peer is checked: the end of the outage is noticed within this
// time, and the lost pings leave room in SCTP's congestion window, which is one packet then.
constexpr Duration kOutageInterval = Duration::Millis(250);
// While the peer's last message has to be acknowledged: a loss delays the end by this much.
constexpr Duration kFinalInterval = Duration::Millis(100);
// A pong is late after two round trips and this: longer than busy event loops stall, and less than
// the least retransmission timeout of SCTP (400 ms).
constexpr Duration kLatePong = Duration::Millis(300);
// A satellite's round trip and more: before the first pong, nothing is known of the path.
constexpr Duration kUnknownRoundTrip = Duration::Seconds(1);

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

std::optional<Pulse::Ping> Pulse::TakePing(uint64_t token) {
  const auto it = std::find_if(pings_.begin(), pings_.end(), [token](const Ping& ping) {
    return static_cast<uint64_t>(ping.sent_at.micros()) == token;
  });
  if (it == pings_.end()) return std::nullopt;
  const Ping ping = *it;
  pings_.erase(it);
  return ping;
}

std::optional<PingAnswer> Pulse::OnPong(const PongFrame& pong, Timestamp now) {
  const std::optional<Ping> ping = TakePing(pong.token);
  if (!ping) return std::nullopt;
  if (ping->sent_at >= checked_at_) {
    checked_at_ = Timestamp::Never();
    timers_.Stop(Timer::kCheck);
  }
  const PingSample sample = PingSample::Between(ping->sent_at, pong.received_at, now);
  // During an outage pings were rare. Measure again soon.
  if (IsLate(round_trip_.smallest().value_or(Duration()), now)) {
    timers_.SetEarlier(Timer::kPing, now + kFirstInterval);
  }
  unanswered_since_ = Timestamp::Never();
  if (!sample.MeasuresPath()) return std::nullopt;
  round_trip_.AddSample(sample.round_trip);
  return PingAnswer{sample, ping->record};
}

void Pulse::Check(Timestamp now) {
  PingNow(now);
  checked_at_ = std::min(checked_at_, now);
  timers_.SetEarlier(Timer::kCheck, CheckDeadline(now));
}

Timestamp Pulse::CheckDeadline(Timestamp now) const {
  const Timestamp latest = now + kCheckTimeout;
  const std::optional<Duration> round_trip = round_trip_.smallest();
  if (!round_trip || unanswered_since_ >= now) return latest;
  const Timestamp answer_is_late = now + *round_trip * 2 + kLatePong;
  return std::min(latest, std::max(answer_is_late, unanswered_since_ + kCheckedSilence));
}

bool Pulse::IsLate(Duration round_trip, Timestamp now) const {
  const Duration in_time = round_trip == Duration() ? kUnknownRoundTrip : round_trip * 2;
  return IsUnanswered(in_time + kLatePong, now);
}

Duration Pulse::Interval(const PingNeed& need, Timestamp now) const {
  if (need.finishing) return kFinalInterval;
  Duration interval = need.has_transfers ? kActiveInterval : kIdleInterval;
  const bool late = IsLate(need.round_trip, now);
  if (late) {
    if (need.has_transfers || !need.knows_round_trip) interval = kOutageInterval;
  } else if (need.measuring) {
    interval = *need.measuring;
  } else if (!need.knows_round_trip) {
    interval = pings_.size() < kFirstPings ? kFirstInterval : kLaterFirstInterval;
  }
  const bool checking = !timers_.deadline(Timer::kCheck).IsNever();
  return checking ? std::min(interval, kOutageInterval) : interval;
}

void Pulse::Pack(ByteWriter& writer, PacketNumber record, const PingNeed& need, Timestamp now) {
  pongs_.Pack(writer);
  if (!IsPingDue(now)) return;
  EncodeFrame(PingFrame{static_cast<uint64_t>(now.micros())}, writer);
  if (pings_.size() == kMostPings) pings_.erase(pings_.begin());
  pings_.push_back(Ping{now, record});
  pinged_at_ = now;
  unanswered_since_ = std::min(unanswered_since_, now);
  timers_.Set(Timer::kPing, now + Interval(need, now));
}

Timestamp Pulse::NextTimeout(bool may_speak) const {
  if (may_speak) return timers_.next();
  return std::min(timers_.deadline(Timer::kCheck), timers_.deadline(Timer::kSilence));
}

}  // namespace millrace
