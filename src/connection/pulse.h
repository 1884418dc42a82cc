// The signs of life of a connection: pings and their answers on the control lane, the round trips
// that they measure, and when silence means that the peer is gone.
#pragma once

#include <optional>

#include "base/timer_set.h"
#include "measure/round_trip.h"
#include "wire/frames.h"

namespace millrace {

// What decides how often to ping.
struct PingNeed {
  // While bulk moves: the interval that the rate controller needs.
  std::optional<Duration> measuring;
  // Enough pings came back to know the link's round trip, which is `round_trip`.
  bool knows_round_trip = false;
  Duration round_trip;
  bool has_transfers = false;
};

class Pulse {
 public:
  // An asked peer answers within this time, or counts as gone.
  static constexpr Duration kCheckTimeout = Duration::Seconds(2);
  // A ping behind more control data than this measures that data, not the link's queue.
  static constexpr size_t kMostBytesAhead = 4 * 1024;

  explicit Pulse(Duration idle_timeout) : idle_timeout_(idle_timeout) {}

  // A connection is up; everything about an earlier one is forgotten.
  void Start(Timestamp now);
  // The connection is gone.
  void Stop();

  // A message arrived on the control lane. Other lanes do not count: without the control lane
  // nothing is acknowledged, whatever else still moves.
  void OnHeard(Timestamp now);
  void OnPing(const PingFrame& ping) { pong_owed_ = ping.token; }
  // Answers the round trip; nothing for a ping that was never sent or that waited behind other
  // control data.
  std::optional<Duration> OnPong(const PongFrame& pong, Timestamp now);

  // Asks the peer for a sign of life. Only the answer to a ping sent from now on counts: anything
  // else may have been on its way already.
  void Check(Timestamp now);
  // The next ping goes out at once.
  void PingNow(Timestamp now) { timers_.Set(Timer::kPing, now); }

  // The peer did not answer a check, or has been silent for the idle timeout.
  bool IsLost(Timestamp now) const {
    return timers_.IsDue(Timer::kCheck, now) || timers_.IsDue(Timer::kSilence, now);
  }
  // No ping was answered for that long.
  bool IsUnanswered(Duration span, Timestamp now) const {
    return now >= unanswered_since_ && now - unanswered_since_ >= span;
  }
  // A PONG is owed or a PING is due.
  bool WantsToSpeak(Timestamp now) const {
    return pong_owed_.has_value() || timers_.IsDue(Timer::kPing, now);
  }
  // Writes them to a control record, behind `bytes_ahead` bytes of other control data that have
  // not arrived yet; answers whether there was one.
  bool Pack(ByteWriter& writer, size_t bytes_ahead, const PingNeed& need, Timestamp now);

  // `may_speak`: the control lane has room; while it has none, no ping can be due.
  Timestamp NextTimeout(bool may_speak) const;

  // Smoothed over pings, in ms; nothing before the first answer on this connection.
  const RoundTrip& round_trip() const { return round_trip_; }

 private:
  enum class Timer : uint8_t { kPing, kCheck, kSilence, kCount };

  Duration Interval(const PingNeed& need, Timestamp now) const;
  bool IsLate(Duration round_trip, Timestamp now) const;

  Duration idle_timeout_;
  TimerSet<Timer> timers_;
  RoundTrip round_trip_;
  std::optional<uint64_t> pong_owed_;
  Timestamp checked_at_ = Timestamp::Never();        // While a check is under way.
  Timestamp unanswered_since_ = Timestamp::Never();  // The first ping after the last pong.
  Timestamp behind_data_until_;  // Pings sent up to then waited behind other control data.
};

}  // namespace millrace
