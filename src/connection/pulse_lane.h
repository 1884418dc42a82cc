// The pulse lane of a connection: puts acknowledgements, pongs and pings into records. The lane
// loses messages, so an acknowledgement goes out again until the peer is known to have it.
#pragma once

#include <optional>

#include "connection/pulse.h"
#include "connection/pulse_budget.h"
#include "lanes/lane_book.h"
#include "lanes/sealed_lane.h"

namespace millrace {

class PulseLane {
 public:
  // The lanes whose records are acknowledged.
  struct Acknowledged {
    SealedLane& control;
    LaneBook<SealedLane>& bulk;
  };

  // --- The lane ---

  void Open(size_t max_message_bytes);
  void Close();
  // Null while it is not open.
  SealedLane* lane() { return lane_ ? &*lane_ : nullptr; }
  const SealedLane* lane() const { return lane_ ? &*lane_ : nullptr; }
  // The handshake has succeeded: records are sealed from now on. No-op while the lane is not open.
  void SetKeys(const SessionSecrets& secrets, uint64_t records_per_epoch);
  // Has keys, and takes another record.
  bool HasRoom() const { return lane_ && lane_->has_keys() && !lane_->gate().IsPaused(); }

  // --- Events ---

  // A record of `bytes` arrived on another lane.
  void OnArrived(size_t bytes, Timestamp now) { budget_.OnArrived(bytes, now); }
  // The peer has the record `number` of this lane, and so the acknowledgements in it.
  void OnConfirmed(PacketNumber number, const Acknowledged& lanes);

  // --- Output ---

  // When the acknowledgements have to leave; Never where none is owed.
  Timestamp AckDue(Timestamp control_due, Timestamp bulk_due) const;
  // The next record, a part of `out`: acknowledgements, pongs and ping. HasRoom() holds, and one of
  // them is due. Cost: sealing the record.
  ByteView Poll(const Acknowledged& lanes, Pulse& pulse, const PingNeed& need, Timestamp now,
                MutableByteView out);

 private:
  void PackAcks(const Acknowledged& lanes, bool with_ping, ByteWriter& writer);
  // Writes the lane's acknowledgement. Errors: false where there is no room.
  bool PackAck(SealedLane& lane, bool with_ping, ByteWriter& writer);

  std::optional<SealedLane> lane_;
  PulseBudget budget_;
  bool privacy_ = false;  // Records are padded.
};

}  // namespace millrace
