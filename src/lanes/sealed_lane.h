// One lane of a session: its keys, its packet numbers both ways, its backpressure, its counters.
#pragma once

#include <optional>

#include "base/error.h"
#include "crypto/epoch_keys.h"
#include "crypto/key_schedule.h"
#include "lanes/backpressure.h"
#include "lanes/lane_counters.h"
#include "lanes/lane_load.h"
#include "lanes/received_records.h"
#include "lanes/sent_records.h"
#include "wire/limits.h"

namespace millrace {

class Lane {
 public:
  Lane(LaneId id, Delivery delivery, WaterMarks marks)
      : id_(id),
        gate_(marks),
        sent_(delivery),
        received_(IsControl() ? kControlRecordsPerAck : ReceivedRecords::kRecordsPerAck) {}

  // From now on records are sealed and opened with this lane's keys. `records_per_epoch`: after so
  // many they are replaced.
  void SetKeys(const SessionSecrets& secrets, uint64_t records_per_epoch = kRecordsPerEpoch);
  bool has_keys() const { return has_keys_; }
  // Nothing can be sealed or opened any more.
  void ForgetKeys();

  // Seals `padding` zero bytes and `plaintext` as the next record into `out` and answers the
  // message, a part of `out`. What it carries: a piece of bulk or none, and whether it asks for an
  // acknowledgement.
  ByteView SealRecord(ByteView plaintext, std::optional<PieceId> piece, bool eliciting,
                      Timestamp now, MutableByteView out, size_t padding = 0);

  // Opens a message in place. Errors: kBadRecord where it is malformed or not sealed with this
  // lane's key. Answers an empty view for a record that came before, or too late for any key.
  Result<MutableByteView> OpenRecord(MutableByteView message, Timestamp now);

  // A message was handed to the channel / taken from it, sealed or not.
  void CountSent(size_t bytes);
  void CountReceived(size_t bytes);

  bool IsControl() const { return id_ == kControlLane; }
  LaneId id() const { return id_; }
  Backpressure& gate() { return gate_; }
  const Backpressure& gate() const { return gate_; }
  SentRecords& sent() { return sent_; }
  const SentRecords& sent() const { return sent_; }
  LaneLoad& load() { return load_; }
  const LaneLoad& load() const { return load_; }
  ReceivedRecords& received() { return received_; }
  const ReceivedRecords& received() const { return received_; }
  const LaneCounters& counters() const { return counters_; }
  // When the last record that was acknowledged had arrived, on this side's clock.
  Timestamp arrived_at() const { return arrived_at_; }
  void set_arrived_at(Timestamp at) { arrived_at_ = at; }

 private:
  // The lane itself is reliable, and nothing waits for an acknowledgement but what is kept for a
  // reconnect; one that goes out between a message and its answer holds the answer up.
  static constexpr uint32_t kControlRecordsPerAck = kMaxUnackedControlRecords / 4;

  LaneId id_;
  Backpressure gate_;
  bool has_keys_ = false;
  bool encrypted_ = true;
  SealingKeys sealing_keys_;
  OpeningKeys opening_keys_;
  SentRecords sent_;
  LaneLoad load_;
  ReceivedRecords received_;
  LaneCounters counters_;
  Timestamp arrived_at_;
};

}  // namespace millrace
