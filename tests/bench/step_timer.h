// Where the time of a transfer goes, step by step, without a clock in the core: the benchmark reads
// the clock between its own calls, and around the calls of libsodium inside them
// (timed_crypto.cpp).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace millrace::bench {

enum class Step : uint8_t {
  kRead,      // Source → page, a copy.
  kHash,      // BLAKE2b of leaves and nodes.
  kSeal,      // XChaCha20-Poly1305.
  kOpen,      // The same, backwards.
  kSchedule,  // The sender's bookkeeping: what to read, what goes out, on which lane.
  kPlace,     // The receiver's bookkeeping: frames, ranges, the hash tree's shape, writes.
  kAcks,      // The record that acknowledges: made by the receiver, taken by the sender.
  kChannel,   // Record → channel, or channel → page: a copy.
  kWrite,     // Page → sink, a copy.
};
inline constexpr size_t kStepCount = 9;

// ns for each step.
using StepTimes = std::array<double, kStepCount>;

// ns on a monotonic clock.
double NowNanos();

// Splits a stretch of time into steps. The cost of reading the clock is measured once and taken off
// each reading.
class StepTimer {
 public:
  // Between Start and Stop laps count; outside they cost nothing but a branch. One timer runs at a
  // time.
  void Start();
  void Stop();

  // What passed since Start or the last lap belongs to `step`, but for what was nested in it.
  void Lap(Step step);

  // The timer that runs now, or null.
  static StepTimer* Running();
  // A call inside the present lap that is a step of its own.
  void AddNested(Step step, double begin_ns, double end_ns);

  const StepTimes& times() const { return times_; }
  void Clear() { times_ = {}; }

 private:
  StepTimes times_{};
  double lap_began_ns_ = 0;
  double nested_ns_ = 0;
};

}  // namespace millrace::bench
