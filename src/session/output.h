// What a session hands to its channels.
#pragma once

#include "base/bytes.h"
#include "base/ids.h"

namespace millrace {

// A message to hand to a lane's channel before the next call.
struct Output {
  LaneId lane;
  ByteView message;
};

}  // namespace millrace
