// The ways to choose the lane of the next message.
#pragma once

#include <cstdint>

namespace millrace {

enum class Scheduler : uint8_t {
  kEarliestCompletion,  // The lane on which it will be there first.
  kRoundRobin,          // Each lane with room in turn (requirement A4).
};

}  // namespace millrace
