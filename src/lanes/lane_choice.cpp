#include "lanes/lane_choice.h"

namespace millrace {

bool HasRoom(const Lane& lane, bool on_trial, const LaneChoice& choice) {
  if (lane.id() == choice.except || lane.gate().IsPaused()) return false;
  if (on_trial) return lane.sent().in_flight() == 0;
  if (!choice.backlog) return true;
  return lane.load().HasRoom(lane.gate().buffered(), lane.sent().in_flight_bytes(),
                             choice.record_bytes, choice.round_trip, *choice.backlog);
}

Duration Completion(const Lane& lane, const LaneChoice& choice) {
  return lane.load().Completion(lane.sent().in_flight_bytes(), choice.record_bytes,
                                choice.round_trip);
}

}  // namespace millrace
