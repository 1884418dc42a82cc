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
  if (id == kPulseLane) return pulse_.OnBuffered(bytes);
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
  const size_t wanted = chunk_bytes > 0 ? chunk_bytes : pacing_.ChunkBytes();
  const size_t bytes = std::min(wanted, most);
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
  Timestamp next = std::min(lanes_.loss_timeout(), lanes_.ack_due());
  if (!outgoing_ || !options_.paced) return next;
  next = std::min(next, pulse_.PingDue(flow().PingInterval()));
  return limit_ == SendLimit::kRate ? std::min(next, flow().ready_at()) : next;
}

std::optional<StripeOutput> StripeSet::PollOutput(Timestamp now) {
  lanes_.DetectLosses(now, [this](PieceId piece) { return Requeue(piece); });
  if (std::optional<StripeOutput> frames = PollFrames(now)) return frames;
  if (std::optional<StripeOutput> pulse = PollPulse(now)) return pulse;
  std::optional<StripeOutput> chunk = PollChunk(now);
  pacing_.OnLimited(limit_, now);
  return chunk;
}

std::optional<StripeOutput> StripeSet::PollPulse(Timestamp now) {
  const bool measures = outgoing_ && options_.paced;
  const bool with_ping = measures && pulse_.PingDue(flow().PingInterval()) <= now;
  if (!with_ping && !pulse_.owes_pong()) return std::nullopt;
  output_.resize(1 + StripePulse::kMostBytes);
  ByteWriter writer(output_);
  writer.U8(kFramesKind);
  pulse_.PackPongs(writer);
  if (with_ping) pulse_.PackPing(writer, Held().buffered_bytes > 0, now);
  return StripeOutput{.lane = kPulseLane, .bytes = writer.written()};
}

std::optional<StripeOutput> StripeSet::PollChunk(Timestamp now) {
  limit_ = SendLimit::kSource;
  const std::optional<uint32_t> index = NextIndex();
  if (!index) return std::nullopt;
  const size_t bytes = outgoing_->LengthOf(*index);
  if (IsPaced()) {
    const std::optional<SendLimit> limit = pacing_.LimitOf(bytes, Held(), now);
    if (limit) {
      limit_ = *limit;
      return std::nullopt;
    }
  }
  limit_ = SendLimit::kLanes;
  Lane* lane = lanes_.Pick({.scheduler = options_.scheduler,
                            .record_bytes = bytes,
                            .round_trip = MinRoundTrip(),
                            .backlog = std::nullopt,
                            .except = std::nullopt});
  if (lane == nullptr) return std::nullopt;
  limit_ = SendLimit::kProcessor;
  return SendChunk(*lane, *index, now);
}

StripePacing::Held StripeSet::Held() const {
  StripePacing::Held held{.lanes = lanes_.size(), .in_flight_bytes = lanes_.in_flight_bytes()};
  for (const auto& [id, lane] : lanes_.lanes()) held.buffered_bytes += lane.gate().buffered();
  return held;
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
  lanes_.PackAcks([](const ReceivedRecords& received) { return received.owes_ack(); },
                  [&writer](Lane& lane) {
                    EncodeFrame(lane.received().TakeAck(lane.id()), writer);
                    return true;
                  });
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
  std::optional<Duration> least = flow().rate().queue_delay().min_round_trip();
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
  pacing_.OnSent(message_bytes, now);
  lane.counters().bytes_sent += length;
  ++lane.counters().records_sent;
  return {lane.id(), output_, true, index, chunk.offset(), length};
}

std::optional<StripeEvent> StripeSet::PollEvent() {
  if (events_.empty()) return std::nullopt;
  StripeEvent event = std::move(events_.front());
  events_.pop_front();
  return event;
}

}  // namespace millrace
