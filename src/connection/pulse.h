// The keep-alive of a connection: pings and pongs on the control lane, the round trips that they
// measure, and after which silence the peer counts as gone.
#pragma once

#include <optional>

#include "base/timer_set.h"
#include "measure/round_trip.h"
#include "wire/frames.h"

namespace millrace {

// The inputs that decide the ping interval.
struct PingNeed {
  // While bulk moves: the interval that the rate controller needs.
  std::optional<Duration> measuring;
  // Enough pongs arrived to know the link's minimum round trip, which is `round_trip`.
  bool knows_round_trip = false;
  Duration round_trip;
  bool has_transfers = false;
};

class Pulse {
 public:
  // A peer that is checked answers within this time, or counts as gone.
  static constexpr Duration kCheckTimeout = Duration::Seconds(2);
  // A ping behind more control data than this would measure that data instead of the link's queue.
  static constexpr size_t kMostBytesAhead = 4 * 1024;

  explicit Pulse(Duration idle_timeout) : idle_timeout_(idle_timeout) {}

  // A connection is up. Everything about an earlier one is forgotten.
  void Start(Timestamp now);
  // The connection is lost.
  void Stop();

  // A message arrived on the control lane. Messages on other lanes are no sign of life: without the
  // control lane nothing is acknowledged.
  void OnHeard(Timestamp now);
  void OnPing(const PingFrame& ping) { pong_owed_ = ping.token; }
  // Answers the round trip; nothing for a ping that was never sent, or that waited behind more than
  // kMostBytesAhead of other control data.
  std::optional<Duration> OnPong(const PongFrame& pong, Timestamp now);

  // Asks the peer for a sign of life. Only the answer to a ping that is sent from now on counts,
  // since anything else may have been in flight already.
  void Check(Timestamp now);
  // Makes a ping due at once.
  void PingNow(Timestamp now) { timers_.Set(Timer::kPing, now); }

  // The peer did not answer a check, or has been silent for the idle timeout.
  bool IsLost(Timestamp now) const {
    return timers_.IsDue(Timer::kCheck, now) || timers_.IsDue(Timer::kSilence, now);
  }
  // Pings have been unanswered for `span` or longer.
  bool IsUnanswered(Duration span, Timestamp now) const {
    return now >= unanswered_since_ && now - unanswered_since_ >= span;
  }
  // A PONG is owed or a PING is due.
  bool WantsToSpeak(Timestamp now) const {
    return pong_owed_.has_value() || timers_.IsDue(Timer::kPing, now);
  }
  // Writes the PONG that is owed and the PING that is due to a control record, behind `bytes_ahead`
  // bytes of other unacknowledged control data. Answers whether there was one of them.
  bool Pack(ByteWriter& writer, size_t bytes_ahead, const PingNeed& need, Timestamp now);

  // When the next timer expires. `may_speak`: the control lane has room; without it no ping is due.
  Timestamp NextTimeout(bool may_speak) const;

  // Of the pings on this connection.
  const RoundTrip& round_trip() const { return round_trip_; }

 private:
  enum class Timer : uint8_t { kPing, kCheck, kSilence, kCount };

  Duration Interval(const PingNeed& need, Timestamp now) const;
  bool IsLate(Duration round_trip, Timestamp now) const;

  Duration idle_timeout_;
  TimerSet<Timer> timers_;
  RoundTrip round_trip_;
  std::optional<uint64_t> pong_owed_;
  Timestamp checked_at_ = Timestamp::Never();        // Start of the current check.
  Timestamp unanswered_since_ = Timestamp::Never();  // Time of the first ping after the last pong.
  // Pings up to this time waited behind other control data.
  Timestamp behind_data_until_ = Timestamp::FromMicros(-1);
};

}  // namespace millrace
