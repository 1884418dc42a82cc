// A lane whose records are sealed and opened with keys of its own.
#pragma once

#include "base/error.h"
#include "crypto/epoch_keys.h"
#include "crypto/key_schedule.h"
#include "lanes/lane.h"
#include "wire/limits.h"

namespace millrace {

class SealedLane : public Lane {
 public:
  using Lane::Lane;

  // From now on records are sealed and opened with this lane's keys. `records_per_epoch`: after so
  // many they are replaced.
  void SetKeys(const SessionSecrets& secrets, uint64_t records_per_epoch = kRecordsPerEpoch);
  bool has_keys() const { return has_keys_; }
  // Nothing can be sealed or opened any more.
  void ForgetKeys();

  // Seals `padding` zero bytes and `plaintext` as the next record into `out` and answers the
  // message, a part of `out`. `piece`: the piece of bulk that it carries, or none; `eliciting`:
  // the peer acknowledges it.
  ByteView SealRecord(ByteView plaintext, std::optional<PieceId> piece, bool eliciting,
                      Timestamp now, MutableByteView out, size_t padding = 0);

  // Opens a message in place. Errors: kBadRecord where it is malformed or not sealed with this
  // lane's key. Answers an empty view for a record that came before, or too late for any key.
  Result<MutableByteView> OpenRecord(MutableByteView message, Timestamp now);

  // A message was handed to the channel, or taken from it, sealed or not.
  void CountSent(size_t bytes);
  void CountReceived(size_t bytes);

 private:
  bool has_keys_ = false;
  bool encrypted_ = true;
  SealingKeys sealing_keys_;
  OpeningKeys opening_keys_;
};

}  // namespace millrace
