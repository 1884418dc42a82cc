// The ways to choose the lane of the next message.
#pragma once

#include <cstdint>

namespace millrace {

enum class Scheduler : uint8_t {
  kEarliestCompletion,  // The lane on which the message will arrive first.
  kRoundRobin,          // Each lane with room in turn.
};

}  // namespace millrace
