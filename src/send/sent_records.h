// What a lane has sent and not yet heard of: packet numbers and what each of them carried.
#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "base/time.h"
#include "wire/frames.h"

namespace millrace {

// A piece of a file in the sender's pool; see Sender.
using PieceId = StrongId<struct PieceTag, uint32_t>;

class SentRecords {
 public:
  // The number for the next record; each is given once.
  PacketNumber next_number() const { return PacketNumber(base_ + records_.size()); }

  // The record `next_number()` went out, with this piece of bulk or none.
  void OnSent(std::optional<PieceId> piece, Timestamp now);

  // Takes the peer's word for what arrived and appends the pieces that are now known to have
  // arrived to `acked`. Errors: kProtocolViolation where it acknowledges what was never sent;
  // nothing is then taken. Cost: linear in the records between the oldest unacknowledged one and
  // the newest.
  Status OnAck(const AckFrame& ack, std::vector<PieceId>& acked);

  // Records that wait for an acknowledgement, the acknowledged ones among them included.
  size_t outstanding() const { return records_.size(); }

 private:
  struct Sent {
    std::optional<PieceId> piece;
    Timestamp sent_at;
    bool acked = false;
  };

  std::deque<Sent> records_;  // records_[i] has the number base_ + i.
  uint64_t base_ = 0;
};

}  // namespace millrace
