// Data striped over several channels of a connection that is not Millrace's: parallel lanes, each
// with its own backpressure; chunks that may take any of them and are put back in order at the
// other end. `millrace/parts` calls it a LaneSet.
//
// Sans-I/O like Session, without keys and with one transfer at a time in each direction: payload
// stays with the user, who copies it behind the header of an output.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/range_set.h"
#include "lanes/lane_book.h"
#include "wire/stripe.h"

namespace millrace {

struct StripeOptions {
  Scheduler scheduler = Scheduler::kEarliestCompletion;
  WaterMarks water_marks = kMeasuredMarks;
};

// A message to hand to a lane's channel: `bytes`, and behind it, for a chunk, `length` bytes of the
// data at `offset`.
struct StripeOutput {
  LaneId lane;
  ByteView bytes;  // Valid until the next call.
  bool is_chunk = false;
  uint32_t index = 0;
  uint64_t offset = 0;
  size_t length = 0;
};

// What a message was.
struct StripeArrival {
  bool is_new = false;  // A chunk that was not there yet: it is the message from `payload` on.
  uint32_t index = 0;
  uint64_t offset = 0;
  size_t payload = 0;
};

enum class StripeEventType : uint8_t {
  kDrained,        // `lane` is below its low mark again.
  kSent,           // Everything has arrived.
  kSendFailed,     // With `error`.
  kReceived,       // Everything is there.
  kReceiveFailed,  // With `error`.
};

struct StripeEvent {
  StripeEventType type = StripeEventType::kDrained;
  LaneId lane{};
  Error error{};
};

class StripeSet {
 public:
  // How far a chunk may be ahead of the first one missing: what a receiver has to hold to put them
  // in order.
  static constexpr uint64_t kWindowBytes = 16 * 1024 * 1024;
  static constexpr size_t kMostLanes = 16;

  explicit StripeSet(const StripeOptions& options) : options_(options) {}

  // The channel of a lane is open; both ends call it by the same number, and a number comes once.
  // Errors: kInvalidArgument for a number that was there, too many lanes, or a channel too narrow;
  // nothing changes then.
  Status OpenLane(LaneId id, size_t max_message_bytes, Delivery delivery);
  // The channel is gone: what it carried goes out on the others. Without any other left, both
  // directions end with kLaneClosed.
  void CloseLane(LaneId id);
  void SetWaterMarks(WaterMarks marks);
  void SetBuffered(LaneId id, size_t bytes);

  // Sends `total_bytes` in chunks of `chunk_bytes`, clamped to what all lanes carry, and answers
  // the chunk size. Errors: kInvalidArgument while something is being sent, without lanes, or for
  // sizes that cannot be.
  Result<size_t> Begin(uint64_t total_bytes, size_t chunk_bytes);
  // Ends what is being sent, or received, from this side; no event follows. No-ops otherwise.
  void Cancel(std::string_view reason);
  void Refuse(std::string_view reason);

  std::optional<StripeOutput> PollOutput(Timestamp now);
  // Where a message begins a transfer of the peer's: how many bytes that has. What was not whole
  // before is given up then, without an event.
  std::optional<uint64_t> Begins(ByteView message) const;
  // Declines the transfer that such a message begins, in the place of HandleInput.
  void Decline(ByteView message, std::string_view reason);
  // Errors: kProtocolViolation for what the peer must not send; the set is of no use then.
  Result<StripeArrival> HandleInput(LaneId id, ByteView message, Timestamp now);
  std::optional<StripeEvent> PollEvent();
  // When PollOutput has something to do without any input.
  Timestamp NextTimeout() const;

  // --- What is known ---

  // Their counters count chunks as records, and the payload of chunks as bytes.
  const LaneBook<Lane>::Lanes& lanes() const { return lanes_.lanes(); }
  bool sending() const { return outgoing_.has_value(); }
  // Payload that the peer acknowledged, and that has arrived, of the transfers under way.
  uint64_t sent_bytes() const { return outgoing_ ? outgoing_->done_bytes : 0; }
  uint64_t received_bytes() const { return incoming_ ? incoming_->done_bytes : 0; }

 private:
  // One direction's transfer.
  struct Transfer {
    TransferId id;
    uint64_t total_bytes = 0;
    uint32_t chunk_bytes = 0;
    uint64_t chunks = 0;
    RangeSet done;  // Indices that the peer acknowledged, or that arrived.
    uint64_t done_bytes = 0;

    uint64_t FirstMissing() const { return done.FirstMissing(0, chunks).begin; }
    bool complete() const { return done.count() == chunks; }
    // Whether a chunk is near enough to the first one missing.
    bool Reaches(uint64_t index) const {
      return index < FirstMissing() + std::max<uint64_t>(1, kWindowBytes / chunk_bytes);
    }
    size_t LengthOf(uint64_t index) const {
      return static_cast<size_t>(
          std::min<uint64_t>(chunk_bytes, total_bytes - index * chunk_bytes));
    }
    // Whether the chunk was not done before.
    bool Finish(uint64_t index);
  };

  // The chunk to send next; nothing where there is none now.
  std::optional<uint32_t> NextIndex();
  // The smallest round trip of any lane.
  Duration MinRoundTrip() const;
  // Sends a lost chunk again; answers whether it has to be.
  bool Requeue(PieceId piece);
  std::optional<StripeOutput> PollFrames(Timestamp now);
  StripeOutput SendChunk(Lane& lane, uint32_t index, Timestamp now);
  void FailSending(Error error);
  void FailReceiving(Error error);
  // On every lane, since any of them may lose it.
  void Say(const Frame& frame);

  void Begin(const StripeChunk& chunk);
  Result<StripeArrival> HandleChunk(Lane& lane, const StripeChunk& chunk, Timestamp now);
  Status HandleFrames(ByteView frames, Timestamp now);
  Status HandleAck(const AckFrame& ack, Timestamp now);

  StripeOptions options_;
  LaneBook<Lane> lanes_;
  std::optional<Transfer> outgoing_;
  uint32_t next_index_ = 0;
  std::deque<uint32_t> again_;  // Lost, and to be sent before what is new.
  uint32_t transfers_sent_ = 0;
  std::optional<Transfer> incoming_;
  uint32_t newest_incoming_ = 0;
  std::string refusal_;  // Of the newest incoming transfer; empty: not refused.
  std::deque<StripeEvent> events_;
  struct Saying {
    LaneId lane;
    std::vector<uint8_t> message;
  };
  std::deque<Saying> sayings_;
  std::vector<uint8_t> output_;
  AckedRecords acked_;  // Scratch.
};

}  // namespace millrace
