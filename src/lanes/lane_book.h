// The bulk lanes of one connection: which lane takes the next record, which records are lost and
// sent again, which lanes are retired.
//
// A piece is reported as lost through `on_lost(PieceId) -> bool`, which answers whether the piece
// has to be sent again. (Another copy may be in flight, or the piece may have arrived meanwhile.)
#pragma once

#include <algorithm>
#include <concepts>
#include <map>
#include <utility>
#include <vector>

#include "base/range_set.h"
#include "lanes/lane_choice.h"
#include "lanes/record_totals.h"
#include "wire/limits.h"

namespace millrace {

template <std::derived_from<Lane> L>
class LaneBook {
 public:
  using Lanes = std::map<LaneId, L>;

  // --- Lanes come and go ---

  // Adds a lane. Each number comes once in a connection, since its keys would seal under the same
  // packet numbers again: null, and nothing changes, for a number that was there before.
  L* Open(L lane) {
    const LaneId id = lane.id();
    if (numbers_.Insert(id.value, uint64_t{id.value} + 1) == 0) return nullptr;
    L& opened = lanes_.emplace(id, std::move(lane)).first->second;
    opened.sent().SetPathRoundTrip(path_round_trip_);
    return &opened;
  }
  // The lane is gone; its pieces in flight are lost. No-op for an unknown lane.
  template <typename OnLost>
  void Close(LaneId id, OnLost on_lost) {
    const auto it = lanes_.find(id);
    if (it == lanes_.end()) return;
    const std::vector<PieceId> lost =
        Change(it->second, [](L& lane) { return lane.sent().TakeAll(); });
    gone_unreliable_.AddUnreliable(it->second);
    gone_ += it->second.counters();
    lanes_.erase(it);
    for (const PieceId piece : lost) on_lost(piece);
  }
  // The connection is gone with all its lanes. The next one numbers its lanes from the start.
  template <typename OnLost>
  void Reset(OnLost on_lost) {
    while (!lanes_.empty()) Close(lanes_.rbegin()->first, on_lost);
    numbers_ = RangeSet();
    probes_left_ = 0;
  }
  // Closes each lane for which `is_collapsed(lane, mean rate in bytes/s)` holds, but keeps the last
  // one. `on_retired(lane)` is called before a lane is closed.
  template <typename IsCollapsed, typename OnRetired, typename OnLost>
  void Retire(Duration round_trip, IsCollapsed is_collapsed, OnRetired on_retired, OnLost on_lost) {
    double sum = 0;
    for (const auto& [id, lane] : lanes_) sum += lane.load().BytesPerSecond(round_trip);
    const double mean = sum / static_cast<double>(std::max<size_t>(lanes_.size(), 1));
    for (auto it = lanes_.begin(); it != lanes_.end() && lanes_.size() > 1;) {
      const L& lane = (it++)->second;
      if (!is_collapsed(lane, mean)) continue;
      on_retired(lane);
      Close(lane.id(), on_lost);
    }
  }
  template <typename Call>
  void ForEach(Call call) {
    for (auto& [id, lane] : lanes_) call(lane);
  }
  void SetWaterMarks(WaterMarks marks) {
    ForEach([marks](L& lane) { lane.gate().SetMarks(marks); });
  }

  // The round trip of the path, as far as known.
  void SetPathRoundTrip(Duration round_trip) {
    path_round_trip_ = round_trip;
    ForEach([round_trip](L& lane) { lane.sent().SetPathRoundTrip(round_trip); });
  }

  L* Find(LaneId id) {
    const auto it = lanes_.find(id);
    return it == lanes_.end() ? nullptr : &it->second;
  }
  const Lanes& lanes() const { return lanes_; }
  bool empty() const { return lanes_.empty(); }
  // Of all lanes so far, those that are gone and those of earlier connections included. Never
  // falls.
  LaneCounters totals() const {
    LaneCounters sum = gone_;
    for (const auto& [id, lane] : lanes_) sum += lane.counters();
    return sum;
  }
  size_t size() const { return lanes_.size(); }

  // --- Sending ---

  LaneId last_used() const { return last_used_; }
  // The lane with the smallest buffer. The book is not empty.
  L* LeastBuffered() {
    return &std::min_element(lanes_.begin(), lanes_.end(), [](const auto& one, const auto& other) {
              return one.second.gate().buffered() < other.second.gate().buffered();
            })->second;
  }
  // The lane for the next record; null where none has room. Among lanes that would deliver it at
  // the same time, the first one wins: its congestion window grows while the others stay in
  // reserve. While a lane is stalled, the newest one wins: it has worked more recently than lanes
  // in reserve, whose path may have broken unnoticed. Cost: linear in the lanes.
  L* Pick(const LaneChoice& choice) {
    const bool in_turn = choice.scheduler == Scheduler::kRoundRobin;
    const bool newest_first = !in_turn && AnyIsStalled();
    L* best = nullptr;
    size_t usable = 0;
    auto it = in_turn ? lanes_.upper_bound(last_used_) : lanes_.begin();
    auto newest = lanes_.rbegin();
    for (size_t i = 0; i < lanes_.size(); ++i) {
      if (it == lanes_.end()) it = lanes_.begin();
      L& lane = newest_first ? (newest++)->second : (it++)->second;
      const bool on_trial = lane.sent().stalled() && OthersMove(lane);
      if (!on_trial && usable >= choice.most_lanes) continue;
      if (!lane.sent().stalled() && !lane.gate().IsPaused()) ++usable;
      if (!HasRoom(lane, on_trial, choice)) continue;
      if (in_turn) return &lane;
      if (best == nullptr || Completion(lane, choice) < Completion(*best, choice) ||
          (on_trial && Completion(lane, choice) == Completion(*best, choice))) {
        best = &lane;
      }
    }
    return best;
  }
  // A lane for a probe, which is owed after all lanes have stalled; null where none is.
  // The in-flight limit does not apply to a probe: lost records would fill it for ever, and nothing
  // could show that they are lost (RFC 9002, section 7.5).
  L* PickForProbe() {
    if (probes_left_ == 0) return nullptr;
    for (auto& [id, lane] : lanes_) {
      if (lane.gate().IsPaused()) continue;
      --probes_left_;
      return &lane;
    }
    return nullptr;
  }
  // A piece for which `wanted(piece)` holds and which was sent before `sent_before` and is still in
  // flight, and another lane with room for a copy of it. Each record is answered once. The lane is
  // null where there is no such piece or no such lane.
  template <typename Wanted>
  std::pair<L*, PieceId> PickForCopy(LaneChoice choice, Timestamp sent_before, Wanted wanted) {
    for (auto& [id, from] : lanes_) {
      choice.except = id;
      L* lane = Pick(choice);
      if (lane == nullptr) continue;
      if (const auto piece = from.sent().TakeLate(sent_before, wanted)) return {lane, *piece};
    }
    return {nullptr, PieceId()};
  }
  // Runs `send(lane)`, which gives the lane its next record, and answers its result.
  template <typename SendRecord>
  auto Send(L& lane, SendRecord send) {
    last_used_ = lane.id();
    return Change(lane, send);
  }

  // --- Acknowledgements and losses ---

  // Takes an acknowledgement. `lane` is its lane afterwards; null where that has closed meanwhile,
  // since its pieces were sent again. Errors: kProtocolViolation for a lane that never existed, and
  // as SentRecords::OnAck; nothing changes then.
  Status OnAck(const AckFrame& ack, Timestamp now, AckedRecords& acked, L*& lane) {
    lane = Find(ack.lane);
    if (lane == nullptr) {
      acked.pieces.clear();
      acked.bytes = 0;
      if (numbers_.Contains(ack.lane.value)) return Status::Ok();
      return Violation("the peer acknowledged records of a lane that never existed");
    }
    return Change(*lane, [&](L& of) { return of.sent().OnAck(ack, now, acked); });
  }
  // Reports the pieces that are lost by now. Where a lane has been silent for its probe timeout,
  // all its pieces count as lost and go to other lanes. Where every other lane is stalled as well,
  // only two pieces do, which are sent again as probes (RFC 9002, section 6.2.4).
  template <typename OnLost>
  void DetectLosses(Timestamp now, OnLost on_lost) {
    for (auto& [id, lane] : lanes_) {
      const std::vector<PieceId> lost =
          Change(lane, [now](L& of) { return of.sent().DetectLosses(now); });
      for (const PieceId piece : lost) on_lost(piece);
      if (lane.sent().ProbeDue(now)) Relieve(lane, now, on_lost);
    }
  }

  // --- Acknowledgements to send ---

  // Calls `pack(lane) -> bool`, which writes the lane's acknowledgement, for each lane for which
  // `wants(lane.received())` holds, until it answers that there is no room. The next call begins
  // with the lane that found none.
  template <typename Wants, typename Pack>
  void PackAcks(Wants wants, Pack pack) {
    auto it = lanes_.lower_bound(next_to_ack_);
    for (size_t i = 0; i < lanes_.size(); ++i, ++it) {
      if (it == lanes_.end()) it = lanes_.begin();
      if (!wants(it->second.received()) || pack(it->second)) continue;
      next_to_ack_ = it->first;
      return;
    }
  }
  // When the next acknowledgement has to leave; Never where none is owed.
  Timestamp ack_due() const {
    Timestamp due = Timestamp::Never();
    for (const auto& [id, lane] : lanes_) due = std::min(due, lane.received().ack_due());
    return due;
  }

  // --- What is known ---

  // When DetectLosses is due.
  Timestamp loss_timeout() const {
    Timestamp next = Timestamp::Never();
    for (const auto& [id, lane] : lanes_) next = std::min(next, lane.sent().next_timeout());
    return next;
  }
  size_t in_flight_bytes() const { return in_flight_bytes_; }
  // The longest message that every lane carries; 0 without lanes.
  size_t max_message_bytes() const {
    size_t least = empty() ? 0 : SIZE_MAX;
    for (const auto& [id, lane] : lanes_) least = std::min(least, lane.max_message_bytes());
    return least;
  }
  // Every channel buffers something, so every congestion window is full.
  bool WindowsAreFull() const {
    return std::all_of(lanes_.begin(), lanes_.end(),
                       [](const auto& entry) { return entry.second.gate().buffered() > 0; });
  }
  // Every channel is paused at its high mark.
  bool ChannelsAreFull() const {
    return std::all_of(lanes_.begin(), lanes_.end(),
                       [](const auto& entry) { return entry.second.gate().IsPaused(); });
  }
  bool HasUnreliable() const {
    return std::any_of(lanes_.begin(), lanes_.end(), [](const auto& entry) {
      return entry.second.sent().delivery() == Delivery::kUnreliable;
    });
  }
  // Over all unreliable lanes of the connection, closed ones included.
  RecordTotals unreliable() const {
    RecordTotals totals = gone_unreliable_;
    for (const auto& [id, lane] : lanes_) totals.AddUnreliable(lane);
    return totals;
  }

 private:
  static constexpr size_t kProbeRecords = 2;

  // Runs `call(lane)`, which may change the bytes in flight, and answers its result.
  template <typename Call>
  auto Change(L& lane, Call call) {
    const size_t before = lane.sent().in_flight_bytes();
    auto result = call(lane);
    in_flight_bytes_ += lane.sent().in_flight_bytes() - before;
    return result;
  }

  bool AnyIsStalled() const {
    return std::any_of(lanes_.begin(), lanes_.end(),
                       [](const auto& entry) { return entry.second.sent().stalled(); });
  }

  bool OthersMove(const L& lane) const {
    return std::any_of(lanes_.begin(), lanes_.end(), [&lane](const auto& entry) {
      return &entry.second != &lane && !entry.second.sent().stalled();
    });
  }

  template <typename OnLost>
  void Relieve(L& lane, Timestamp now, OnLost on_lost) {
    const bool alone = !OthersMove(lane);
    size_t left = alone ? kProbeRecords : SIZE_MAX;
    lane.sent().OnProbe(now);
    probes_left_ = 0;
    while (left > 0) {
      const std::optional<PieceId> piece =
          Change(lane, [](L& of) { return of.sent().TakeOldest(); });
      if (!piece) return;
      if (!on_lost(*piece)) continue;
      --left;
      if (alone) ++probes_left_;
    }
  }

  Lanes lanes_;
  RangeSet numbers_;  // Of all lanes of this connection, closed ones included.
  LaneId last_used_;
  Duration path_round_trip_;
  LaneId next_to_ack_;
  size_t in_flight_bytes_ = 0;
  size_t probes_left_ = 0;
  RecordTotals gone_unreliable_;
  LaneCounters gone_;
};

}  // namespace millrace
