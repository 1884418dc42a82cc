#include "session/holdup.h"

namespace millrace {

SendLimit LimitOf(Holdup holdup) {
  switch (holdup) {
    case Holdup::kPacing:
    case Holdup::kPacingAndChannels:
      return SendLimit::kRate;
    case Holdup::kInFlight:
      return SendLimit::kFlight;
    case Holdup::kWindows:
    case Holdup::kChannels:
      return SendLimit::kLanes;
    case Holdup::kProcessor:
      return SendLimit::kProcessor;
    case Holdup::kNothing:
    case Holdup::kNoLane:
    case Holdup::kSilence:
    case Holdup::kSource:
    case Holdup::kAcknowledgement:
    case Holdup::kSink:
      break;
  }
  return SendLimit::kSource;
}

std::optional<Waiting> WaitingFor(Holdup holdup) {
  switch (holdup) {
    case Holdup::kNothing:
      return std::nullopt;
    case Holdup::kProcessor:
      return Waiting::kSeal;
    case Holdup::kSource:
      return Waiting::kSource;
    case Holdup::kSink:
      return Waiting::kSink;
    case Holdup::kPacingAndChannels:
    case Holdup::kChannels:
      return Waiting::kChannel;
    case Holdup::kNoLane:
    case Holdup::kSilence:
    case Holdup::kAcknowledgement:
    case Holdup::kPacing:
    case Holdup::kInFlight:
    case Holdup::kWindows:
      break;
  }
  return Waiting::kNetwork;
}

}  // namespace millrace
