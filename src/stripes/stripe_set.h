// Data striped over several channels of a connection that belongs to the application: parallel
// lanes, each with its own backpressure. A chunk may take any of them, and the other side puts the
// chunks back in order. `millrace/parts` calls this a LaneSet.
//
// Chunks are paced, and lanes hold little more than their window takes, by the rules of a session
// (StripePacing). Pings on one more channel, the pulse lane, measure the path's queue.
//
// Sans-I/O like Session, but without keys, and with one transfer at a time in each direction. The
// payload stays with the user, who copies it behind the header of an output.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/range_set.h"
#include "lanes/lane_book.h"
#include "stripes/stripe_pacing.h"
#include "stripes/stripe_pulse.h"
#include "wire/stripe.h"

namespace millrace {

struct StripeOptions {
  Scheduler scheduler = Scheduler::kEarliestCompletion;
  WaterMarks water_marks = kMeasuredMarks;
  // Otherwise lanes take whatever their water marks allow. Pings of the peer are answered all the
  // same.
  bool paced = true;
};

// A message for a lane's channel: `bytes`, and for a chunk `length` bytes of the data at `offset`
// behind them.
struct StripeOutput {
  LaneId lane;
  ByteView bytes;  // Valid until the next call.
  bool is_chunk = false;
  uint32_t index = 0;
  uint64_t offset = 0;
  size_t length = 0;
};

// The content of a message.
struct StripeArrival {
  bool is_new = false;  // A chunk that has not arrived before; its data is at `payload` and behind.
  uint32_t index = 0;
  uint64_t offset = 0;
  size_t payload = 0;
};

enum class StripeEventType : uint8_t {
  kDrained,        // `lane` is below its low mark again.
  kSent,           // The peer has everything.
  kSendFailed,     // With `error`.
  kReceived,       // Everything has arrived.
  kReceiveFailed,  // With `error`.
};

struct StripeEvent {
  StripeEventType type = StripeEventType::kDrained;
  LaneId lane{};
  Error error{};
};

class StripeSet {
 public:
  // How far a chunk may be ahead of the first missing one: the bytes that a receiver has to hold to
  // put chunks in order.
  static constexpr uint64_t kWindowBytes = 16 * 1024 * 1024;
  static constexpr size_t kMostLanes = 16;

  explicit StripeSet(const StripeOptions& options) : options_(options) {}

  // The channel of a lane is open. Both ends use the same number for it, and each number once.
  // Errors: kInvalidArgument for a number that was used before, for too many lanes, and for a
  // channel of too small messages; nothing changes then.
  Status OpenLane(LaneId id, size_t max_message_bytes, Delivery delivery);
  // The channel has closed. Its chunks in flight are sent again on other lanes; without any other
  // lane, both directions end with kLaneClosed.
  void CloseLane(LaneId id);
  // The channel of the pulse lane is open, or has closed. Without it nothing is paced. Its messages
  // have the lane kPulseLane.
  void OpenPulse() { pulse_.Open(); }
  void ClosePulse() { pulse_.Close(); }
  void SetWaterMarks(WaterMarks marks);
  void SetBuffered(LaneId id, size_t bytes);

  // Begins to send `total_bytes` in chunks of `chunk_bytes`, clamped to what every lane carries,
  // and answers the chunk size. 0: a size that fits the rate. Errors: kInvalidArgument while
  // another transfer is sent and without lanes; kTooLarge for too many bytes or chunks. Nothing
  // changes then.
  Result<size_t> Begin(uint64_t total_bytes, size_t chunk_bytes);
  // Ends the transfer that is sent (Cancel) or received (Refuse), without an event on this side.
  // No-op where there is none. `reason` is UTF-8; a long one is cut to kMaxReasonBytes.
  void Cancel(std::string_view reason);
  void Refuse(std::string_view reason);

  std::optional<StripeOutput> PollOutput(Timestamp now);
  // The total bytes of the transfer that a message begins; nothing where it begins none. Handling
  // such a message drops an incomplete earlier transfer without an event.
  std::optional<uint64_t> Begins(ByteView message) const;
  // Declines the transfer that such a message begins; called instead of HandleInput.
  void Decline(ByteView message, std::string_view reason);
  // Errors: kProtocolViolation for forbidden content; the set must not be used any more then.
  Result<StripeArrival> HandleInput(LaneId id, ByteView message, Timestamp now);
  std::optional<StripeEvent> PollEvent();
  // When PollOutput must be called, even without any input.
  Timestamp NextTimeout() const;

  // --- State ---

  // Here the counters of lanes count chunks as records, and their payload as bytes.
  const LaneBook<Lane>::Lanes& lanes() const { return lanes_.lanes(); }
  // Whether chunks are paced: the peer answers pings.
  bool IsPaced() const { return options_.paced && pulse_.open() && pulse_.is_answered(); }
  const FlowControl& flow() const { return pacing_.flow(); }
  bool sending() const { return outgoing_.has_value(); }
  // Payload of the current transfers that the peer has acknowledged, and that has arrived.
  uint64_t sent_bytes() const { return outgoing_ ? outgoing_->done_bytes : 0; }
  uint64_t received_bytes() const { return incoming_ ? incoming_->done_bytes : 0; }

 private:
  // The transfer of one direction.
  struct Transfer {
    TransferId id;
    uint64_t total_bytes = 0;
    uint32_t chunk_bytes = 0;
    uint64_t chunks = 0;
    RangeSet done;  // Indices of chunks that are acknowledged (sending) or have arrived.
    uint64_t done_bytes = 0;

    uint64_t FirstMissing() const { return done.FirstMissing(0, chunks).begin; }
    bool complete() const { return done.count() == chunks; }
    // Whether a chunk is within kWindowBytes of the first missing one.
    bool Reaches(uint64_t index) const {
      return index < FirstMissing() + std::max<uint64_t>(1, kWindowBytes / chunk_bytes);
    }
    size_t LengthOf(uint64_t index) const {
      return static_cast<size_t>(
          std::min<uint64_t>(chunk_bytes, total_bytes - index * chunk_bytes));
    }
    // The chunk is done; answers whether it was not done before.
    bool Finish(uint64_t index);
  };

  // The chunk to send next; nothing where there is none at the moment.
  std::optional<uint32_t> NextIndex();
  // The smallest round trip of any lane.
  Duration MinRoundTrip() const;
  // Queues a lost chunk again; answers whether it had to.
  bool Requeue(PieceId piece);
  std::optional<StripeOutput> PollFrames(Timestamp now);
  std::optional<StripeOutput> PollPulse(Timestamp now);
  // The next chunk; nothing where limit_ says why none can be sent.
  std::optional<StripeOutput> PollChunk(Timestamp now);
  StripePacing::Held Held() const;
  StripeOutput SendChunk(Lane& lane, uint32_t index, Timestamp now);
  void FailSending(Error error);
  void FailReceiving(Error error);
  // Queues a frame for every lane, since any of them may lose it.
  void SendOnAllLanes(const Frame& frame);

  void Begin(const StripeChunk& chunk);
  Result<StripeArrival> HandleChunk(Lane& lane, const StripeChunk& chunk, Timestamp now);
  Status HandleFrame(const Frame& frame, Timestamp now);
  Status HandlePulseFrame(const Frame& frame, Timestamp now);
  Status HandleAck(const AckFrame& ack, Timestamp now);

  StripeOptions options_;
  LaneBook<Lane> lanes_;
  StripePulse pulse_;
  StripePacing pacing_;
  std::optional<Transfer> outgoing_;
  uint32_t next_index_ = 0;
  std::deque<uint32_t> again_;  // Lost chunks, which are sent before new ones.
  uint32_t transfers_sent_ = 0;
  std::optional<Transfer> incoming_;
  uint32_t newest_incoming_ = 0;
  std::string refusal_;  // Reason, of the newest incoming transfer; empty: not refused.
  std::deque<StripeEvent> events_;
  struct QueuedMessage {
    LaneId lane;
    std::vector<uint8_t> message;
  };
  std::deque<QueuedMessage> queue_;  // Of frames, one for each lane.
  std::vector<uint8_t> output_;
  SendLimit limit_ = SendLimit::kSource;  // Of the last call of PollOutput.
  AckedRecords acked_;                    // Scratch.
};

}  // namespace millrace
