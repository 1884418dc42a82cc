// What every library does: as much as bufferedAmount lets it. 64 KiB messages, 8 MiB of high-water
// mark, one connection.
#pragma once

#include "support/shared_link.h"

namespace millrace::testing {

struct PumpResult {
  double mbits_per_second = 0;
  Duration longest_silence;  // Without a whole message.
  uint64_t dropped_by_queue = 0;
};

// Pumps from side 0 to side 1 for so long.
PumpResult NaivePump(const SharedLinkOptions& link, uint64_t seed, Duration span);

}  // namespace millrace::testing
