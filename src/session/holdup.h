// Why a sender that is asked for the next bulk record has none. What limits the rate (SendLimit)
// and what people are told that the sender waits for (Waiting) are both derived from this one
// reason.
#pragma once

#include <cstdint>
#include <optional>

#include "measure/limit_shares.h"
#include "report/waiting.h"

namespace millrace {

enum class Holdup : uint8_t {
  kNothing,            // No transfer is accepted and running.
  kNoLane,             // There is no bulk lane.
  kSource,             // The next piece is being read.
  kAcknowledgement,    // All there is to send is in flight.
  kSink,               // All has arrived, and the peer grants no credit or has yet to store it.
  kPacing,             // A piece is ready, and pacing holds it.
  kPacingAndChannels,  // The same, at a rate that full channels let through.
  kInFlight,           // A piece is ready, and as much is in flight as the path holds.
  kWindows,            // A piece is ready, and the windows of all lanes are full.
  kChannels,           // A piece is ready, and every channel is above its high mark.
};

SendLimit LimitOf(Holdup holdup);
// Nothing where there is nothing to wait for.
std::optional<Waiting> WaitingFor(Holdup holdup);

}  // namespace millrace
