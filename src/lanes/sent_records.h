// The records that a lane has sent: their packet numbers, what they carry until it is acknowledged,
// and loss detection as in RFC 9002, section 6, for records instead of packets.
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

// What of a chunk one record carries; see Sender.
using PieceId = StrongId<struct PieceTag, uint64_t>;

// Whether the channel itself retransmits lost messages.
enum class Delivery : uint8_t { kReliable, kUnreliable };

// The news in an acknowledgement.
struct AckedRecords {
  std::vector<PieceId> pieces;  // Newly acknowledged; some of them may have counted as lost.
  size_t bytes = 0;             // Of newly acknowledged records.
};

class SentRecords {
 public:
  // RFC 9002, section 6.1.1: a record is lost once three later ones have arrived. This holds for
  // unreliable channels; a reliable channel only delays.
  static constexpr uint64_t kPacketThreshold = 3;
  // A reliable channel that delivers a later record first has lost packets of the earlier one, and
  // retransmits them after a timeout or a few; libwebrtc's timeout begins at 400 ms and doubles. A
  // record that has not arrived after two seconds was dropped by the receiver for lack of memory.
  static constexpr Duration kReliableLossDelay = Duration::Seconds(2);
  // The first probe timeout, before a round trip is known: RFC 9002, section 6.2.2 (kInitialRtt,
  // 333 ms, times three).
  static constexpr Duration kInitialProbeTimeout = Duration::Seconds(1);
  static constexpr Duration kLeastProbeTimeout = Duration::Millis(200);
  // A reliable channel recovers by itself; a second copy before this is not worth its bytes. A
  // record may take three round trips of the path through a young congestion window, or where one
  // of its packets is lost.
  static constexpr Duration kLeastReliableProbeTimeout = Duration::Seconds(1);
  static constexpr int64_t kReliableRoundTrips = 3;
  static constexpr Duration kMostProbeTimeout = Duration::Seconds(10);

  // A lost record is remembered until one this much later is acknowledged.
  static constexpr uint64_t kLateRecords = 256;
  // Bounds the lost records that are remembered, for a peer that acknowledges nothing. The 9 MiB of
  // a sender's pool are 576 records of 16 KiB, each sent several times. Shorter records are for
  // slow links, which have fewer of them in flight.
  static constexpr size_t kMostRemembered = 4096;

  explicit SentRecords(Delivery delivery = Delivery::kReliable) : delivery_(delivery) {}

  // The number for the next record; each is given once.
  PacketNumber next_number() const { return PacketNumber(next_number_); }

  // The record `next_number()`, a message of `bytes`, went out, with this piece of bulk or none.
  // `eliciting`: the peer will acknowledge it. Any other record takes a number and no memory.
  void OnSent(std::optional<PieceId> piece, size_t bytes, bool eliciting, Timestamp now);

  // The round trip of the path, as far as known.
  void SetPathRoundTrip(Duration round_trip) { path_round_trip_ = round_trip; }

  // Takes an acknowledgement of the peer and writes its news to `acked`. Errors: kProtocolViolation
  // where it acknowledges a record that was never sent; nothing changes then. Cost: linear in the
  // remembered records.
  Status OnAck(const AckFrame& ack, Timestamp now, AckedRecords& acked);

  // The pieces that count as lost by now, each once.
  std::vector<PieceId> DetectLosses(Timestamp now);
  // When DetectLosses or a probe is due; Never where nothing is in flight.
  Timestamp next_timeout() const;
  // Nothing was acknowledged for a probe timeout (RFC 9002, section 6.2): the channel has stalled,
  // or its last records are lost.
  bool ProbeDue(Timestamp now) const;
  // A probe is sent now. The next probe timeout is twice as long.
  void OnProbe(Timestamp now);
  // Declares the oldest record with a piece lost and answers the piece; nothing where none is in
  // flight.
  std::optional<PieceId> TakeOldest();
  // The oldest piece in flight that was sent before `sent_before` and for which `wanted` holds;
  // nothing where there is none. Each record is answered once.
  std::optional<PieceId> TakeLate(Timestamp sent_before,
                                  const std::function<bool(PieceId)>& wanted);
  // The lane is gone: forgets all records and answers the pieces that were in flight.
  std::vector<PieceId> TakeAll();

  // Ack-eliciting records that are neither acknowledged nor lost.
  size_t in_flight() const { return in_flight_; }
  // Records that take memory here: those in flight, and at most kMostRemembered lost ones.
  size_t remembered() const { return records_.size(); }
  size_t in_flight_bytes() const { return in_flight_bytes_; }
  // A probe timeout has passed, and the newest records have not been acknowledged since.
  bool stalled() const { return probes_ > 0; }
  // Since when records have been in flight without an acknowledgement of anything new; Never where
  // none is in flight.
  Timestamp unheard_since() const { return in_flight_ > 0 ? heard_at_ : Timestamp::Never(); }
  // From sending to acknowledgement, including the time in the channel's buffer.
  const RoundTrip& round_trip() const { return round_trip_; }
  // Totals of ack-eliciting records. A record that was declared lost and arrives after all counts
  // as acknowledged only.
  uint64_t acked_records() const { return acked_records_; }
  uint64_t lost_records() const { return lost_records_; }
  Delivery delivery() const { return delivery_; }

 private:
  struct Sent {
    uint64_t number = 0;
    std::optional<PieceId> piece;
    Timestamp sent_at;
    size_t bytes = 0;
    bool taken_late = false;
    bool lost = false;  // Else in flight.
  };

  Duration LossDelay() const;
  Duration ProbeTimeout() const;
  void SetLossTime();
  // The record is not in flight any more.
  void RemoveFromFlight(const Sent& sent);
  void DeclareLost(Sent& sent);
  void OnAcknowledged(const Sent& sent, Timestamp now, AckedRecords& acked);
  // The newest ack-eliciting record was declared lost, and has not been acknowledged since.
  bool IsTailLost() const;
  // Forgets lost records below this number, and the oldest ones where there are too many. A late
  // acknowledgement of any other one still spares a retransmission.
  void ForgetLosses(uint64_t below);

  Delivery delivery_;
  // Records in flight and lost ones, by number; acknowledged ones are forgotten.
  std::deque<Sent> records_;
  uint64_t next_number_ = 0;
  uint64_t newest_eliciting_ = 0;
  std::optional<uint64_t> largest_acked_;
  size_t in_flight_ = 0;
  size_t in_flight_bytes_ = 0;
  uint32_t probes_ = 0;
  // The last acknowledgement of something new, or the first record after silence.
  Timestamp heard_at_;
  // When the next record before the largest acknowledged one counts as lost.
  Timestamp loss_time_ = Timestamp::Never();
  RoundTrip round_trip_;
  Duration path_round_trip_;
  uint64_t acked_records_ = 0;
  uint64_t lost_records_ = 0;
};

}  // namespace millrace
