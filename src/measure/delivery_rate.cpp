#include "measure/delivery_rate.h"

#include <algorithm>

namespace millrace {
namespace {

constexpr auto kRing = static_cast<int64_t>(DeliveryRate::kSlots);

}  // namespace

void DeliveryRate::OnDelivered(size_t bytes, Timestamp at, Duration over) {
  const auto slots = std::clamp<int64_t>(over.micros() / kSlotLength.micros(), 1, kRing - 1);
  const auto share = bytes / static_cast<size_t>(slots);
  // Counts the newest part first, so that the ring moves once.
  Count(bytes - share * static_cast<size_t>(slots - 1), at);
  for (int64_t i = 1; i < slots; ++i) Count(share, at + (Duration() - kSlotLength * i));
}

void DeliveryRate::Count(size_t bytes, Timestamp at) {
  const int64_t slot = std::max<int64_t>(0, at.micros() / kSlotLength.micros());
  if (newest_slot_ < 0 || slot - newest_slot_ >= kRing) {
    // Nothing arrived within the longest window.
    bytes_ = {};
    newest_slot_ = slot;
  }
  if (slot <= newest_slot_ - kRing) return;
  while (newest_slot_ < slot) bytes_[static_cast<size_t>(++newest_slot_ % kRing)] = 0;
  bytes_[static_cast<size_t>(slot % kRing)] += bytes;
}

double DeliveryRate::BytesPerSecond(Duration window) const {
  return BytesPerSecond(window, newest_slot_);
}

double DeliveryRate::BytesPerSecond(Duration window, Timestamp end) const {
  return BytesPerSecond(window, end.micros() / kSlotLength.micros());
}

double DeliveryRate::BytesPerSecond(Duration window, int64_t last_slot) const {
  const int64_t asked = std::clamp(window, kSlotLength, kLongestWindow).micros();
  const int64_t slots = (asked + kSlotLength.micros() - 1) / kSlotLength.micros();
  const int64_t first = std::max<int64_t>({0, last_slot - slots + 1, newest_slot_ - kRing + 1});
  uint64_t bytes = 0;
  for (int64_t slot = first; slot <= std::min(last_slot, newest_slot_); ++slot) {
    bytes += bytes_[static_cast<size_t>(slot % kRing)];
  }
  return static_cast<double>(bytes) / (kSlotLength * slots).seconds();
}

}  // namespace millrace
