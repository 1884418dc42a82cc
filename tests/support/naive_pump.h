// The comparison of every measurement: a raw channel alone on a link.
#pragma once

#include "support/link_plan.h"
#include "support/raw_channel.h"

namespace millrace::testing {

struct PumpResult {
  double mbits_per_second = 0;
  Duration took{};           // Until the last byte, or the whole span.
  Duration longest_silence;  // Without a whole message.
  uint64_t dropped_by_queue = 0;
};

// Pumps `bytes` from side 0 to side 1, or as many as arrive in `span`.
PumpResult NaivePump(const LinkPlan& plan, uint64_t seed, Duration span,
                     uint64_t bytes = RawChannel::kEndless);
// On a link that is the same in both directions and does not change.
PumpResult NaivePump(const SharedLinkOptions& link, uint64_t seed, Duration span);

}  // namespace millrace::testing
