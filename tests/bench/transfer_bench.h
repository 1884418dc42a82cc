// A transfer between two sessions in one process, measured in rounds: the sender fills its
// channels, the receiver takes what they hold, the sender takes the acknowledgements.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "bench/baseline.h"
#include "bench/step_timer.h"

namespace millrace::bench {

struct BenchOptions {
  size_t record_bytes = 0;  // Of payload: 16 KiB times a power of two, at most 128 KiB.
  uint32_t lanes = 1;
  size_t rounds = 0;  // At least 2.
};

// One way of a record, ns; medians of rounds.
struct WayTimes {
  double whole = 0;
  // Whole, divided by sealing (the receiver: opening) and hashing alone in the same round.
  double ratio = 0;
  // From rounds of their own: to read the clock that often is not free.
  StepTimes steps{};
};

struct BenchResult {
  WayTimes send;
  WayTimes receive;
  BaselineTimes baseline;
};

// Nothing where the transfer failed, or what arrived is not what was sent.
std::optional<BenchResult> RunTransferBench(const BenchOptions& options);

}  // namespace millrace::bench
