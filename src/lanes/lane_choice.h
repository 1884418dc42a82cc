// How a lane is chosen for the next record.
#pragma once

#include <optional>

#include "lanes/lane.h"
#include "lanes/scheduler.h"

namespace millrace {

struct LaneChoice {
  Scheduler scheduler = Scheduler::kEarliestCompletion;
  size_t record_bytes = 0;
  Duration round_trip;              // The link's own, without queues.
  std::optional<Duration> backlog;  // What may wait before a lane's window; nothing: no limit.
  std::optional<LaneId> except;     // Not this lane.
};

// Whether the lane takes another record. While other lanes move, a stalled lane gets one record at
// a time, to find out whether it moves again.
bool HasRoom(const Lane& lane, bool others_move, const LaneChoice& choice);

// When a record given to the lane now will have arrived, from now.
Duration Completion(const Lane& lane, const LaneChoice& choice);

}  // namespace millrace
