// How many lanes are worth having: more while full windows limit the rate, fewer where more lanes
// did not carry more; and which of them are not worth keeping.
#pragma once

#include <cstddef>

#include "base/time.h"

namespace millrace {

struct LaneLimits {
  // Kept warm, so that a transfer starts with their first windows together.
  size_t least = 1;
  size_t most = 64;
};

class LanePlanner {
 public:
  // More than this pay only where random losses hold windows down (measured at 50 ms and 1 %:
  // 0.32 of 100 Mbit/s with 16 lanes, 0.55 with 32). A start that is limited by windows is not
  // that: they are still growing.
  static constexpr size_t kUsualLanes = 16;
  // More than these pay only where SCTP's first timeout holds windows down (measured in the model
  // at 600 ms: 0.54 of 20 Mbit/s with 32 lanes, 0.62 with 64).
  static constexpr size_t kManyLanes = 32;

  struct Input {
    size_t open = 0;         // Lanes in use.
    double lanes_share = 0;  // Of the time, that no lane had room.
    bool has_room = false;   // No queue has stood on the link for a while.
    double delivered_bytes_per_second = 0;
    Duration round_trip;
    double bytes_per_second = 0;  // The rate of sending.
    Duration recent_round_trip;   // With the queues in it.
    bool starting = false;        // The rate is doubling.
    // The link was full before, so windows that limit are held down by losses.
    bool was_full = false;
  };
  struct LaneState {
    // Nothing of what it holds was acknowledged for a probe timeout, though the peer is heard.
    bool stalled = false;
    double bytes_per_second = 0;
    double mean_bytes_per_second = 0;  // Of all lanes.
    size_t in_flight_bytes = 0;
  };

  explicit LanePlanner(LaneLimits limits);

  void Update(const Input& input, Timestamp now);

  // What is to be open now: on the way to more lanes they are asked for one after the other.
  size_t wanted() const { return asked_; }
  // So many lanes may carry records at a time. More than the path can feed would hold more in their
  // least windows than the path does. And unless lanes limit, one stays unused: after an outage it
  // is the only one whose retransmission timer has not backed off.
  size_t usable() const;
  // Whether a fresh lane is worth more than this one.
  bool IsCollapsed(const LaneState& lane, Timestamp now) const;
  void OnRetired(Timestamp now) { retired_at_ = now; }

 private:
  // Never fewer at first, as far as limits allow.
  static constexpr size_t kFirstLanes = 4;

  // The rate that the first lanes are for.
  double FirstRate() const;
  // So many that their first windows together carry that rate.
  size_t FirstLanes(Duration round_trip, double bytes_per_second) const;
  // The windows of new lanes are down before their first acknowledgement.
  bool StartsLow() const;
  // After the next doubling.
  size_t NextLanes() const;
  size_t MostLanes() const;
  bool LanesLimit() const;
  bool MostAreOpen() const;
  bool MayGrow(Timestamp now) const;
  void Plan(const Input& input, Timestamp now);
  void Judge(Timestamp now);
  void Ask(Timestamp now);

  LaneLimits limits_;
  size_t wanted_;
  size_t asked_;
  Timestamp asked_at_;
  size_t fed_ = 1;    // Lanes whose least windows the path fills.
  size_t first_ = 0;  // By the round trip alone.
  Input last_;
  Timestamp next_;       // When lanes may be added.
  Timestamp grew_at_;    // When they last were.
  Timestamp needed_at_;  // When lanes last limited.
  size_t before_ = 0;    // Lanes before the last addition, while that is not judged.
  double delivered_before_ = 0;
  Timestamp judged_at_;  // When it is; Never until its lanes are open.
  Timestamp retired_at_;
};

}  // namespace millrace
