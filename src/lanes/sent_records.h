// What a lane has sent and not yet heard of: packet numbers, what each of them carried, and when it
// counts as lost (RFC 9002, section 6, for records instead of packets).
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "base/time.h"
#include "measure/round_trip.h"
#include "wire/frames.h"

namespace millrace {

// A piece of a file in the sender's pool; see Sender.
using PieceId = StrongId<struct PieceTag, uint64_t>;

// Whether the channel delivers everything itself.
enum class Delivery : uint8_t { kReliable, kUnreliable };

// What an acknowledgement brought.
struct AckedRecords {
  std::vector<PieceId> pieces;  // Known to have arrived, also those that counted as lost.
  size_t bytes = 0;             // Of records that asked for an acknowledgement.
};

class SentRecords {
 public:
  // RFC 9002, section 6.1.1: three later records arrived. For channels that lose; one that re-sends
  // by itself only delays.
  static constexpr uint64_t kPacketThreshold = 3;
  // A reliable channel that lets a later record through holds an earlier one for a retransmission
  // timeout or a few; libwebrtc's begins at 400 ms and doubles. What is not there after two seconds
  // was dropped by the receiver for want of memory.
  static constexpr Duration kReliableLossDelay = Duration::Seconds(2);
  // The first probe timeout, before a round trip is known: RFC 9002, section 6.2.2 (kInitialRtt,
  // 333 ms, times three).
  static constexpr Duration kInitialProbeTimeout = Duration::Seconds(1);
  static constexpr Duration kLeastProbeTimeout = Duration::Millis(200);
  // A reliable channel recovers by itself; before this it is not worth a second copy.
  static constexpr Duration kLeastReliableProbeTimeout = Duration::Seconds(1);
  static constexpr Duration kMostProbeTimeout = Duration::Seconds(10);

  // How far behind the newest acknowledged record a lost one is still remembered.
  static constexpr uint64_t kLateRecords = 256;
  // And behind the newest one sent, for a peer that acknowledges nothing: the 9 MiB of a sender's
  // pool are 540 records of 16 KiB, each sent several times.
  static constexpr size_t kMostRemembered = 4096;

  explicit SentRecords(Delivery delivery = Delivery::kReliable) : delivery_(delivery) {}

  // The number for the next record; each is given once.
  PacketNumber next_number() const { return PacketNumber(base_ + records_.size()); }

  // The record `next_number()`, a message of `bytes`, went out, with this piece of bulk or none.
  // `eliciting`: the peer will acknowledge it.
  void OnSent(std::optional<PieceId> piece, size_t bytes, bool eliciting, Timestamp now);

  // Takes the peer's word for what arrived and writes it to `acked`. Errors: kProtocolViolation
  // where it acknowledges what was never sent; nothing is then taken. Cost: linear in the records
  // between the oldest unacknowledged one and the newest.
  Status OnAck(const AckFrame& ack, Timestamp now, AckedRecords& acked);

  // The pieces that count as lost by now; each once.
  std::vector<PieceId> DetectLosses(Timestamp now);
  // When DetectLosses or a probe is due; Never where nothing is on its way.
  Timestamp next_timeout() const;
  // Nothing was heard for a probe timeout: the channel stands still, or its last records were lost.
  bool ProbeDue(Timestamp now) const;
  // A probe goes out now: the next one waits twice as long.
  void OnProbe(Timestamp now);
  // Gives the oldest record on its way up for lost and answers its piece; nothing where none is on
  // its way.
  std::optional<PieceId> TakeOldest();
  // The first piece that is `wanted` of the records on their way that were sent before then, once
  // for each record; nothing where there is none.
  std::optional<PieceId> TakeLate(Timestamp sent_before,
                                  const std::function<bool(PieceId)>& wanted);
  // Gives up all records, for when the lane is gone, and answers the pieces in flight.
  std::vector<PieceId> TakeAll();

  // Records with something to acknowledge that are neither acknowledged nor lost.
  size_t in_flight() const { return in_flight_; }
  // Records that are kept here, settled ones behind unsettled ones included.
  size_t remembered() const { return records_.size(); }
  size_t in_flight_bytes() const { return in_flight_bytes_; }
  // The channel has not moved for a probe timeout, and has not delivered since what it was given
  // last.
  bool stalled() const { return probes_ > 0; }
  // From sending to acknowledgement, waiting in the channel included.
  const RoundTrip& round_trip() const { return round_trip_; }
  // Totals of what asked for an acknowledgement. A record that arrives after it was given up for
  // lost is lost no more.
  uint64_t acked_records() const { return acked_records_; }
  uint64_t lost_records() const { return lost_records_; }
  Delivery delivery() const { return delivery_; }

 private:
  enum class State : uint8_t { kOnItsWay, kAcked, kLost };
  struct Sent {
    std::optional<PieceId> piece;
    Timestamp sent_at;
    size_t bytes = 0;
    bool eliciting = false;
    bool taken_late = false;
    State state = State::kOnItsWay;
  };

  Duration LossDelay() const;
  Duration ProbeTimeout() const;
  void SetLossTime();
  // It is not on its way any more.
  void Land(const Sent& sent);
  void GiveUp(Sent& sent);
  // The newest record that asks for an acknowledgement was given up and not acknowledged since.
  bool TailGivenUp() const;
  void DropSettled();

  Delivery delivery_;
  std::deque<Sent> records_;  // records_[i] has the number base_ + i.
  uint64_t base_ = 0;
  std::optional<uint64_t> largest_acked_;
  size_t in_flight_ = 0;
  size_t in_flight_bytes_ = 0;
  uint32_t probes_ = 0;
  Timestamp
      heard_at_;  // The last acknowledgement of something new, or the first record after silence.
  Timestamp loss_time_ = Timestamp::Never();  // When the next record behind the largest
                                              // acknowledged one counts as lost.
  RoundTrip round_trip_;
  uint64_t acked_records_ = 0;
  uint64_t lost_records_ = 0;
};

}  // namespace millrace
