#include "crypto/epoch_keys.h"

#include "crypto/key_schedule.h"

namespace millrace {

const SecretKey& SealingKeys::KeyFor(PacketNumber number) {
  for (; epoch_ < number.value / records_per_epoch_; ++epoch_) key_ = DeriveNextKey(key_);
  return key_;
}

OpeningKeys::Place OpeningKeys::PlaceOf(PacketNumber number) const {
  const uint64_t epoch = EpochOf(number);
  if (epoch < oldest_) return Place::kPast;
  return epoch < oldest_ + keys_.size() + kMostAhead ? Place::kKnown : Place::kTooFar;
}

const SecretKey& OpeningKeys::KeyFor(PacketNumber number) {
  const uint64_t index = EpochOf(number) - oldest_;
  while (keys_.size() <= index) keys_.push_back(DeriveNextKey(keys_.back()));
  return keys_[static_cast<size_t>(index)];
}

void OpeningKeys::OnOpened(PacketNumber number) {
  while (keys_.size() > 1 && (oldest_ + 1) * records_per_epoch_ + kLateRecords <= number.value) {
    keys_.pop_front();
    ++oldest_;
  }
}

}  // namespace millrace
