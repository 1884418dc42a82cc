// A lane whose records are sealed and opened with keys of its own.
#pragma once

#include "base/error.h"
#include "crypto/epoch_keys.h"
#include "crypto/key_schedule.h"
#include "lanes/lane.h"
#include "wire/limits.h"

namespace millrace {

// What a record holds: zero bytes of padding, then frames, then the payload that the last frame is
// about.
struct RecordContent {
  size_t padding = 0;
  ByteView frames;
  ByteView payload;

  size_t size() const { return padding + frames.size() + payload.size(); }
};

class SealedLane : public Lane {
 public:
  using Lane::Lane;

  // Records are sealed and opened with this lane's keys from now on. The keys change after each
  // `records_per_epoch` records.
  void SetKeys(const SessionSecrets& secrets, uint64_t records_per_epoch = kRecordsPerEpoch);
  bool has_keys() const { return has_keys_; }
  // Wipes the keys: no record can be sealed or opened any more.
  void ForgetKeys();

  // Seals the next record into `out`, and answers the message, which is a part of `out`. `piece` is
  // the piece of bulk that it carries, if any. `eliciting`: the peer will acknowledge it. Cost:
  // sealing; the payload is copied only in a session without encryption.
  ByteView SealRecord(const RecordContent& content, std::optional<PieceId> piece, bool eliciting,
                      Timestamp now, MutableByteView out);
  ByteView SealRecord(ByteView frames, std::optional<PieceId> piece, bool eliciting, Timestamp now,
                      MutableByteView out) {
    return SealRecord(RecordContent{0, frames, {}}, piece, eliciting, now, out);
  }

  // Opens a message in place. Errors: kBadRecord where it is malformed or not sealed with this
  // lane's key. Answers an empty view for a duplicate, and for a record whose key is gone.
  Result<MutableByteView> OpenRecord(MutableByteView message, Timestamp now);

  // Counts a message that was given to the channel, or came from it, sealed or not.
  void CountSent(size_t bytes);
  void CountReceived(size_t bytes);

 private:
  bool has_keys_ = false;
  bool encrypted_ = true;
  SealingKeys sealing_keys_;
  OpeningKeys opening_keys_;
};

}  // namespace millrace
