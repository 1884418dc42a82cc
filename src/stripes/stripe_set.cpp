#include "stripes/stripe_set.h"

#include <algorithm>

#include "wire/utf8.h"

namespace millrace {
namespace {

constexpr uint8_t kFramesKind = 0x02;
// The kind, and an acknowledgement of each lane at its longest.
constexpr size_t kMostFramesBytes = 1 + StripeSet::kMostLanes * kMaxAckFrameBytes;

}  // namespace

bool StripeSet::Transfer::Finish(uint64_t index) {
  if (done.Insert(index, index + 1) == 0) return false;
  done_bytes += LengthOf(index);
  return true;
}

Status StripeSet::OpenLane(LaneId id, size_t max_message_bytes, Delivery delivery) {
  const size_t usable = std::min(max_message_bytes, kMaxMessageBytes);
  if (usable < kMinMessageBytes || lanes_.size() >= kMostLanes) {
    return Error{ErrorCode::kInvalidArgument,
                 "this lane cannot be opened: too many lanes, or too small messages"};
  }
  if (lanes_.Open(Lane({id, delivery, options_.water_marks, usable})) == nullptr) {
    return Error{ErrorCode::kInvalidArgument,
                 "this lane cannot be opened: its number was used before"};
  }
  return Status::Ok();
}

void StripeSet::CloseLane(LaneId id) {
  if (lanes_.Find(id) == nullptr) return;
  lanes_.Close(id, [this](PieceId piece) { return Requeue(piece); });
  if (!lanes_.empty()) return;
  const Error error{ErrorCode::kLaneClosed, "the last channel closed during the transfer"};
  FailSending(error);
  FailReceiving(error);
}

void StripeSet::SetWaterMarks(WaterMarks marks) {
  options_.water_marks = marks;
  lanes_.SetWaterMarks(marks);
}

void StripeSet::SetBuffered(LaneId id, size_t bytes) {
  Lane* lane = lanes_.Find(id);
  if (lane == nullptr) return;
  const bool was_paused = lane->gate().IsPaused();
  lane->gate().OnBuffered(bytes);
  if (was_paused && !lane->gate().IsPaused()) {
    events_.push_back({.type = StripeEventType::kDrained, .lane = id});
  }
}

Result<size_t> StripeSet::Begin(uint64_t total_bytes, size_t chunk_bytes) {
  if (outgoing_ || lanes_.empty()) {
    return Error{ErrorCode::kInvalidArgument,
                 "nothing can be sent: no lane is open, or a transfer is being sent already"};
  }
  const size_t most = lanes_.max_message_bytes() - kStripeHeaderBytes;
  const size_t bytes = std::clamp<size_t>(chunk_bytes, 1, most);
  const auto narrow = static_cast<uint32_t>(bytes);
  if (total_bytes > kMaxFileBytes || StripeChunks(total_bytes, narrow) > UINT32_MAX) {
    return Error{ErrorCode::kTooLarge, "a transfer has at most 2^53 - 1 bytes and 2^32 - 1 chunks"};
  }
  outgoing_ = Transfer{TransferId(++transfers_sent_),     total_bytes, narrow,
                       StripeChunks(total_bytes, narrow), {},          0};
  next_index_ = 0;
  again_.clear();
  return bytes;
}

void StripeSet::Cancel(std::string_view reason) {
  if (!outgoing_) return;
  SendOnAllLanes(
      CancelFrame{outgoing_->id, ErrorCode::kCancelled, ClipUtf8(reason, kMaxReasonBytes)});
  outgoing_.reset();
}

void StripeSet::Refuse(std::string_view reason) {
  if (!incoming_) return;
  refusal_ = reason.empty() ? "refused" : std::string(ClipUtf8(reason, kMaxReasonBytes));
  SendOnAllLanes(RejectFrame{incoming_->id, refusal_});
  incoming_.reset();
}

void StripeSet::SendOnAllLanes(const Frame& frame) {
  std::vector<uint8_t> message(kMaxReasonBytes + 64);
  ByteWriter writer(message);
  writer.U8(kFramesKind);
  EncodeFrame(frame, writer);
  message.resize(writer.size());
  for (const auto& [id, lane] : lanes_.lanes()) queue_.push_back({id, message});
}

void StripeSet::FailSending(Error error) {
  if (!outgoing_) return;
  outgoing_.reset();
  events_.push_back({.type = StripeEventType::kSendFailed, .error = std::move(error)});
}

void StripeSet::FailReceiving(Error error) {
  if (!incoming_) return;
  incoming_.reset();
  events_.push_back({.type = StripeEventType::kReceiveFailed, .error = std::move(error)});
}

bool StripeSet::Requeue(PieceId piece) {
  const auto index = static_cast<uint32_t>(piece.value);
  const bool current = outgoing_ && piece.value >> 32 == outgoing_->id.value;
  if (!current || outgoing_->done.Contains(index)) return false;
  if (std::find(again_.begin(), again_.end(), index) != again_.end()) return false;
  again_.push_back(index);
  return true;
}

Timestamp StripeSet::NextTimeout() const {
  return std::min(lanes_.loss_timeout(), lanes_.ack_due());
}

std::optional<StripeOutput> StripeSet::PollOutput(Timestamp now) {
  lanes_.DetectLosses(now, [this](PieceId piece) { return Requeue(piece); });
  if (std::optional<StripeOutput> frames = PollFrames(now)) return frames;
  const std::optional<uint32_t> index = NextIndex();
  if (!index) return std::nullopt;
  Lane* lane = lanes_.Pick({.scheduler = options_.scheduler,
                            .record_bytes = outgoing_->LengthOf(*index),
                            .round_trip = MinRoundTrip(),
                            .backlog = std::nullopt,
                            .except = std::nullopt});
  if (lane == nullptr) return std::nullopt;
  return SendChunk(*lane, *index, now);
}

std::optional<StripeOutput> StripeSet::PollFrames(Timestamp now) {
  while (!queue_.empty()) {
    QueuedMessage queued = std::move(queue_.front());
    queue_.pop_front();
    if (lanes_.Find(queued.lane) == nullptr) continue;
    output_ = std::move(queued.message);
    return StripeOutput{.lane = queued.lane, .bytes = output_};
  }
  if (lanes_.ack_due() > now) return std::nullopt;
  output_.resize(kMostFramesBytes);
  ByteWriter writer(output_);
  writer.U8(kFramesKind);
  lanes_.PackAcks(writer);
  Lane* lane = lanes_.LeastBuffered();
  lane->gate().OnSent(writer.size());
  return StripeOutput{.lane = lane->id(), .bytes = writer.written()};
}

std::optional<uint32_t> StripeSet::NextIndex() {
  if (!outgoing_) return std::nullopt;
  while (!again_.empty() && outgoing_->done.Contains(again_.front())) again_.pop_front();
  if (!again_.empty()) return again_.front();
  if (next_index_ >= outgoing_->chunks || !outgoing_->Reaches(next_index_)) return std::nullopt;
  return next_index_;
}

Duration StripeSet::MinRoundTrip() const {
  std::optional<Duration> least;
  for (const auto& [id, lane] : lanes_.lanes()) {
    const std::optional<Duration> own = lane.sent().round_trip().smallest();
    if (own && (!least || *own < *least)) least = own;
  }
  return least.value_or(Duration());
}

StripeOutput StripeSet::SendChunk(Lane& lane, uint32_t index, Timestamp now) {
  Transfer& transfer = *outgoing_;
  if (!again_.empty()) {
    again_.pop_front();
  } else {
    ++next_index_;
  }
  const size_t length = transfer.LengthOf(index);
  const size_t message_bytes = kStripeHeaderBytes + length;
  const PieceId piece(uint64_t{transfer.id.value} << 32 | index);
  const PacketNumber number = lanes_.Send(lane, [&](Lane& to) {
    const PacketNumber next = to.sent().next_number();
    to.sent().OnSent(piece, message_bytes, true, now);
    return next;
  });
  const StripeChunk chunk{number, transfer.id, index, transfer.chunk_bytes, transfer.total_bytes,
                          {}};
  output_.resize(kStripeHeaderBytes);
  ByteWriter writer(output_);
  EncodeStripeHeader(chunk, writer);
  lane.gate().OnSent(message_bytes);
  lane.counters().bytes_sent += length;
  ++lane.counters().records_sent;
  return {lane.id(), output_, true, index, chunk.offset(), length};
}

std::optional<uint64_t> StripeSet::Begins(ByteView message) const {
  const Result<StripeMessage> decoded = DecodeStripe(message);
  const auto* chunk = decoded.ok() ? std::get_if<StripeChunk>(&decoded.value()) : nullptr;
  if (chunk == nullptr || chunk->transfer.value <= newest_incoming_) return std::nullopt;
  return chunk->total_bytes;
}

void StripeSet::Decline(ByteView message, std::string_view reason) {
  if (!Begins(message)) return;
  const StripeChunk chunk = std::get<StripeChunk>(DecodeStripe(message).value());
  Begin(chunk);
  Refuse(reason);
}

void StripeSet::Begin(const StripeChunk& chunk) {
  newest_incoming_ = chunk.transfer.value;
  refusal_.clear();
  incoming_ = Transfer{chunk.transfer,
                       chunk.total_bytes,
                       chunk.chunk_bytes,
                       StripeChunks(chunk.total_bytes, chunk.chunk_bytes),
                       {},
                       0};
}

Result<StripeArrival> StripeSet::HandleInput(LaneId id, ByteView message, Timestamp now) {
  Lane* lane = lanes_.Find(id);
  if (lane == nullptr) return StripeArrival{};
  const Result<StripeMessage> decoded = DecodeStripe(message);
  if (!decoded.ok()) return decoded.error();
  if (const auto* chunk = std::get_if<StripeChunk>(&decoded.value())) {
    return HandleChunk(*lane, *chunk, now);
  }
  const Status handled = HandleFrames(std::get<StripeFrames>(decoded.value()).frames, now);
  if (!handled.ok()) return handled.error();
  return StripeArrival{};
}

Result<StripeArrival> StripeSet::HandleChunk(Lane& lane, const StripeChunk& chunk, Timestamp now) {
  if (chunk.transfer.value == newest_incoming_ && !refusal_.empty()) {
    // The chunk is not acknowledged, so that it never counts as arrived. The refusal may be lost.
    if (queue_.empty()) SendOnAllLanes(RejectFrame{chunk.transfer, refusal_});
    return StripeArrival{};
  }
  // The channel delivered the message twice; the first one was acknowledged.
  if (!lane.received().Insert(chunk.number, now)) return StripeArrival{};
  if (chunk.transfer.value > newest_incoming_) Begin(chunk);
  lane.received().OnAckEliciting(now);
  lane.counters().bytes_received += chunk.payload.size();
  ++lane.counters().records_received;
  // A late chunk of a transfer that has ended.
  if (!incoming_ || chunk.transfer != incoming_->id) return StripeArrival{};
  Transfer& transfer = *incoming_;
  if (chunk.total_bytes != transfer.total_bytes || chunk.chunk_bytes != transfer.chunk_bytes) {
    return Violation("the chunks of a transfer do not fit together");
  }
  if (!transfer.Reaches(chunk.index)) return Violation("a chunk is too far ahead");
  StripeArrival arrival{transfer.Finish(chunk.index), chunk.index, chunk.offset(),
                        kStripeHeaderBytes};
  if (transfer.complete()) {
    incoming_.reset();
    events_.push_back({.type = StripeEventType::kReceived});
  }
  return arrival;
}

Status StripeSet::HandleFrames(ByteView frames, Timestamp now) {
  ByteReader reader(frames);
  while (!reader.AtEnd()) {
    const Result<Frame> frame = DecodeFrame(reader);
    if (!frame.ok()) return frame.error();
    if (const auto* ack = std::get_if<AckFrame>(&frame.value())) {
      const Status taken = HandleAck(*ack, now);
      if (!taken.ok()) return taken;
    } else if (const auto* cancel = std::get_if<CancelFrame>(&frame.value())) {
      if (incoming_ && cancel->transfer == incoming_->id) {
        FailReceiving(Error{cancel->code, std::string(cancel->reason)});
      }
    } else if (const auto* reject = std::get_if<RejectFrame>(&frame.value())) {
      if (outgoing_ && reject->transfer == outgoing_->id) {
        FailSending(Error{ErrorCode::kRejected, std::string(reject->reason)});
      }
    } else {
      return Violation("the peer sent a frame that a lane set does not have");
    }
  }
  return Status::Ok();
}

Status StripeSet::HandleAck(const AckFrame& ack, Timestamp now) {
  Lane* lane = nullptr;
  const Status taken = lanes_.OnAck(ack, now, acked_, lane);
  if (!taken.ok()) return taken;
  if (acked_.bytes > 0) {
    lane->load().OnAcked(acked_.bytes, lane->gate().buffered() > 0, MinRoundTrip(), now);
  }
  for (const PieceId piece : acked_.pieces) {
    if (!outgoing_ || piece.value >> 32 != outgoing_->id.value) continue;
    outgoing_->Finish(static_cast<uint32_t>(piece.value));
  }
  if (outgoing_ && outgoing_->complete()) {
    outgoing_.reset();
    events_.push_back({.type = StripeEventType::kSent});
  }
  return Status::Ok();
}

std::optional<StripeEvent> StripeSet::PollEvent() {
  if (events_.empty()) return std::nullopt;
  StripeEvent event = std::move(events_.front());
  events_.pop_front();
  return event;
}

}  // namespace millrace
