#include "lanes/lane_scheduler.h"

#include <algorithm>

namespace millrace {
namespace {

Duration Completion(const Lane& lane, const LaneChoice& choice) {
  return lane.load().Completion(lane.sent().in_flight_bytes(), choice.record_bytes,
                                choice.round_trip);
}

bool IsBetter(const Lane& lane, const Lane& than, const LaneChoice& choice) {
  if (choice.scheduler == Scheduler::kEarliestCompletion) {
    return Completion(lane, choice) < Completion(than, choice);
  }
  // The first one after the lane used last, else the first of all.
  const bool after = lane.id() > choice.last_used;
  const bool than_after = than.id() > choice.last_used;
  return after == than_after ? lane.id() < than.id() : after;
}

bool HasRoom(const std::map<LaneId, Lane>& lanes, const Lane& lane, const LaneChoice& choice) {
  if (lane.IsControl() || lane.id() == choice.except || lane.gate().IsPaused()) return false;
  // While another lane moves, one that stands still gets a record at a time, to see whether it
  // does.
  if (lane.sent().stalled() && OtherLaneMoves(lanes, lane)) return lane.sent().in_flight() == 0;
  return lane.load().HasRoom(lane.gate().buffered(), lane.sent().in_flight_bytes(),
                             choice.record_bytes, choice.round_trip, choice.backlog);
}

}  // namespace

bool OtherLaneMoves(const std::map<LaneId, Lane>& lanes, const Lane& lane) {
  return std::any_of(lanes.begin(), lanes.end(), [&lane](const auto& entry) {
    const Lane& other = entry.second;
    return !other.IsControl() && other.id() != lane.id() && !other.sent().stalled();
  });
}

Lane* PickLane(std::map<LaneId, Lane>& lanes, const LaneChoice& choice) {
  Lane* best = nullptr;
  for (auto& [id, lane] : lanes) {
    if (!HasRoom(lanes, lane, choice)) continue;
    if (best == nullptr || IsBetter(lane, *best, choice)) best = &lane;
  }
  return best;
}

}  // namespace millrace
