// How fast bytes arrive at the peer, over windows of the recent past, in fixed memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/time.h"

namespace millrace {

class DeliveryRate {
 public:
  static constexpr Duration kSlotLength = Duration::Millis(5);
  static constexpr size_t kSlots = 256;
  static constexpr Duration kLongestWindow = kSlotLength * (kSlots - 1);

  // `bytes` arrived evenly during the time `over` before `at`, on this side's clock. Arrivals
  // before the longest window are ignored.
  void OnDelivered(size_t bytes, Timestamp at, Duration over = Duration());

  // Bytes per second over the `window` that ends with the newest arrival; windows are clamped to
  // one slot and kLongestWindow.
  double BytesPerSecond(Duration window) const;
  // The same of the `window` that ended at `end`.
  double BytesPerSecond(Duration window, Timestamp end) const;

 private:
  void Count(size_t bytes, Timestamp at);
  double BytesPerSecond(Duration window, int64_t last_slot) const;

  std::array<uint64_t, kSlots> bytes_{};  // By slot of time, in a ring.
  int64_t newest_slot_ = -1;              // Below zero: nothing has arrived yet.
};

}  // namespace millrace
