// What holds the next bulk record up. The limit of the rate (SendLimit) and what the
// sender is reported to wait for (Waiting) both follow from this one reason.
#pragma once

#include <cstdint>
#include <optional>

#include "measure/limit_shares.h"
#include "report/waiting.h"

namespace millrace {

enum class Holdup : uint8_t {
  kNothing,            // No transfer is accepted and running.
  kProcessor,          // A record was sent: this side's processor seals it, and reads on.
  kNoLane,             // There is no bulk lane.
  kSilence,            // The peer answers no pings: what is sent now would be lost.
  kSource,             // The next piece is being read.
  kAcknowledgement,    // Everything that may be sent is in flight.
  kSink,               // Everything has arrived; the peer grants no credit, or has yet to store it.
  kPacing,             // A piece is ready, and pacing delays it.
  kPacingAndChannels,  // The same, and every channel is above its high mark.
  kInFlight,           // A piece is ready, and the in-flight limit is reached.
  kWindows,            // A piece is ready, and the congestion windows of all lanes are full.
  kChannels,           // A piece is ready, and every channel is above its high mark.
};

SendLimit LimitOf(Holdup holdup);
// Nothing where the sender waits for nothing.
std::optional<Waiting> WaitingFor(Holdup holdup);

}  // namespace millrace
