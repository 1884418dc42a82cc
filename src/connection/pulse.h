// The keep-alive of a connection: pings and pongs on the pulse lane, the delays that they measure,
// and after which silence the peer counts as gone. Any of them may be lost, and is not sent again:
// the next one takes its place.
#pragma once

#include <optional>
#include <vector>

#include "base/timer_set.h"
#include "measure/ping_sample.h"
#include "measure/round_trip.h"
#include "wire/frames.h"
#include "wire/owed_pongs.h"

namespace millrace {

// The inputs that decide the ping interval.
struct PingNeed {
  // While bulk moves: the interval that the rate controller needs.
  std::optional<Duration> measuring;
  // Enough pongs arrived to know the link's minimum round trip, which is `round_trip`.
  bool knows_round_trip = false;
  Duration round_trip;
  bool has_transfers = false;
  // The session has ended, and the peer's last message has to be acknowledged.
  bool finishing = false;
};

// What the answer to a ping shows.
struct PingAnswer {
  PingSample sample;
  // The record of the pulse lane that carried the ping: the peer has it.
  PacketNumber record;
};

class Pulse {
 public:
  // A peer that is checked answers within this time, or counts as gone...
  static constexpr Duration kCheckTimeout = Duration::Seconds(2);
  // ... and one that was silent before the check has been silent for this long then.
  static constexpr Duration kCheckedSilence = Duration::Seconds(1);
  // Only the newest pings are remembered: 2.5 s of them at the shortest interval (5 ms).
  static constexpr size_t kMostPings = 512;
  // PONG and PING frames at most, in bytes.
  static constexpr size_t kMostBytes = OwedPongs::kMostBytes + 1 + 8;

  explicit Pulse(Duration idle_timeout) : idle_timeout_(idle_timeout) {}

  // A connection is up. Everything about an earlier one is forgotten.
  void Start(Timestamp now);
  // The connection is lost.
  void Stop();
  // The session has ended: from now on pings are only answered.
  void FinishUp() { timers_.StopAll(); }

  // A message arrived on the pulse lane. Messages on other lanes are no sign of life: without the
  // pulse lane nothing is acknowledged.
  void OnHeard(Timestamp now);
  void OnPing(const PingFrame& ping, Timestamp now) { pongs_.Add(ping, now); }
  // Nothing for a ping that was never sent, was answered before, or is not remembered any more, and
  // for an answer that took so long that it measures no link. That one is a sign of life all the
  // same.
  std::optional<PingAnswer> OnPong(const PongFrame& pong, Timestamp now);

  // Asks the peer for a sign of life. Only the answer to a ping that is sent from now on counts,
  // since anything else may have been in flight already. A peer that has left pings unanswered
  // already gets less time: an answer is late after two round trips and 0.3 s.
  void Check(Timestamp now);
  // Makes a ping due at once.
  void PingNow(Timestamp now) { timers_.Set(Timer::kPing, now); }

  // The peer did not answer a check, or has been silent for the idle timeout.
  bool IsLost(Timestamp now) const {
    return timers_.IsDue(Timer::kCheck, now) || timers_.IsDue(Timer::kSilence, now);
  }
  // Pings have been unanswered for two round trips (zero: unknown) and longer than busy event loops
  // stall: the peer or the link is gone for now.
  bool IsLate(Duration round_trip, Timestamp now) const;
  // Pings have been unanswered for `span` or longer.
  bool IsUnanswered(Duration span, Timestamp now) const {
    return now >= unanswered_since_ && now - unanswered_since_ >= span;
  }
  // When pings will have been unanswered for `span`; Never while they are answered.
  Timestamp UnansweredFor(Duration span) const {
    return unanswered_since_.IsNever() ? unanswered_since_ : unanswered_since_ + span;
  }
  bool owes_pong() const { return !pongs_.empty(); }
  bool IsPingDue(Timestamp now) const { return timers_.IsDue(Timer::kPing, now); }
  // When the last ping was sent.
  Timestamp pinged_at() const { return pinged_at_; }
  // Writes the PONGs that are owed and the PING that is due to record `record` of the pulse lane.
  // `writer` has room for kMostBytes.
  void Pack(ByteWriter& writer, PacketNumber record, const PingNeed& need, Timestamp now);

  // When the next timer expires. `may_speak`: the pulse lane has room; without it no ping is due.
  Timestamp NextTimeout(bool may_speak) const;

  // Of the pings on this connection.
  const RoundTrip& round_trip() const { return round_trip_; }

 private:
  enum class Timer : uint8_t { kPing, kCheck, kSilence, kCount };
  struct Ping {
    Timestamp sent_at;
    PacketNumber record;
  };

  Duration Interval(const PingNeed& need, Timestamp now) const;
  // When a peer that is checked now counts as gone.
  Timestamp CheckDeadline(Timestamp now) const;
  // Forgets the ping with this token and answers it; nothing where none is remembered.
  std::optional<Ping> TakePing(uint64_t token);

  Duration idle_timeout_;
  TimerSet<Timer> timers_;
  RoundTrip round_trip_;
  OwedPongs pongs_;
  std::vector<Ping> pings_;  // Those without an answer, oldest first.
  Timestamp pinged_at_;
  Timestamp checked_at_ = Timestamp::Never();        // Start of the current check.
  Timestamp unanswered_since_ = Timestamp::Never();  // Time of the first ping after the last pong.
};

}  // namespace millrace
