// How a lane is chosen for the next record.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "lanes/lane.h"
#include "lanes/scheduler.h"

namespace millrace {

struct LaneChoice {
  Scheduler scheduler = Scheduler::kEarliestCompletion;
  size_t record_bytes = 0;
  Duration round_trip;              // The link's minimum, without queues.
  std::optional<Duration> backlog;  // Limit of the channel's buffer, as time; nothing: no limit.
  std::optional<LaneId> except;     // A lane that must not be chosen.
  // Only the first so many lanes that are neither stalled nor above their high mark.
  size_t most_lanes = SIZE_MAX;
};

// Whether the lane takes another record. `on_trial`: the lane is stalled while another one moves;
// it gets one record at a time, to find out whether it moves again.
bool HasRoom(const Lane& lane, bool on_trial, const LaneChoice& choice);

// The time until a record that is given to the lane now will have arrived.
Duration Completion(const Lane& lane, const LaneChoice& choice);

}  // namespace millrace
