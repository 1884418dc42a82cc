// Which lane takes the next record.
#pragma once

#include <map>
#include <optional>

#include "lanes/scheduler.h"
#include "lanes/sealed_lane.h"

namespace millrace {

struct LaneChoice {
  Scheduler scheduler = Scheduler::kEarliestCompletion;
  size_t record_bytes = 0;
  Duration round_trip;           // The link's own.
  Duration backlog;              // What may wait before a lane's window.
  LaneId last_used;              // For taking turns.
  std::optional<LaneId> except;  // Not this one.
};

// The bulk lane for the next record; null where none has room.
Lane* PickLane(std::map<LaneId, Lane>& lanes, const LaneChoice& choice);

// Whether a bulk lane besides this one moves.
bool OtherLaneMoves(const std::map<LaneId, Lane>& lanes, const Lane& lane);

}  // namespace millrace
