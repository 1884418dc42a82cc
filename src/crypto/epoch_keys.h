// The keys of one direction of one lane, epoch by epoch: after so many records the key is replaced
// by one that follows from it, and wiped, so that who gets hold of a key later can not open what
// was sent long before (PROTOCOL, "Epochs").
#pragma once

#include <deque>

#include "base/ids.h"
#include "crypto/secret.h"

namespace millrace {

// 65,536 records are 64 MiB in the shortest records, 1 GiB in records of 16 KiB, and 16 GiB in the
// longest ones. The cipher would
// allow for more than there are packet numbers (RFC 9147, section 4.5.3: its own confidentiality
// limit is never reached; one forged record ends the session): the limit is for what a stolen key
// opens. A new key costs one hash.
inline constexpr uint64_t kRecordsPerEpoch = uint64_t{1} << 16;

// The keys to seal with: numbers never fall.
class SealingKeys {
 public:
  SealingKeys() = default;
  SealingKeys(SecretKey first, uint64_t records_per_epoch)
      : key_(std::move(first)), records_per_epoch_(records_per_epoch) {}

  // The key of the epoch that `number` is in. Keys of earlier epochs are gone afterwards.
  const SecretKey& KeyFor(PacketNumber number);
  uint64_t epoch() const { return epoch_; }
  void Forget() { key_ = {}; }

 private:
  SecretKey key_;
  uint64_t epoch_ = 0;
  uint64_t records_per_epoch_ = kRecordsPerEpoch;
};

// The keys to open with: on an unordered lane, records of an epoch that has ended still come.
class OpeningKeys {
 public:
  // For so many records after its end an epoch's key is kept: more than a sender has on their way
  // (SentRecords::kMostRemembered).
  static constexpr uint64_t kLateRecords = 4096;
  // Epochs of which no record has come before one of the next: an honest sender never gets there,
  // and a hostile one does not make us hash for long.
  static constexpr uint64_t kMostAhead = 64;

  enum class Place : uint8_t {
    kKnown,
    kPast,    // Too late: the key is gone.
    kTooFar,  // Nobody may be there yet.
  };

  OpeningKeys() = default;
  OpeningKeys(SecretKey first, uint64_t records_per_epoch) : records_per_epoch_(records_per_epoch) {
    keys_.push_back(std::move(first));
  }

  Place PlaceOf(PacketNumber number) const;
  uint64_t EpochOf(PacketNumber number) const { return number.value / records_per_epoch_; }
  // The key for a record whose place is known.
  const SecretKey& KeyFor(PacketNumber number);
  // The record was opened: keys that are too old for its like go.
  void OnOpened(PacketNumber number);
  void Forget() { keys_.clear(); }
  size_t held() const { return keys_.size(); }

 private:
  std::deque<SecretKey> keys_;  // keys_[i] is of the epoch oldest_ + i.
  uint64_t oldest_ = 0;
  uint64_t records_per_epoch_ = kRecordsPerEpoch;
};

}  // namespace millrace
