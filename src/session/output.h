// A message from a session to one of its channels.
#pragma once

#include "base/bytes.h"
#include "base/ids.h"

namespace millrace {

// The caller sends `message` on the lane's channel before it calls the session again.
struct Output {
  LaneId lane;
  ByteView message;
};

}  // namespace millrace
