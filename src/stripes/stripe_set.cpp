#include "stripes/stripe_set.h"

#include <algorithm>

namespace millrace {
namespace {

constexpr uint8_t kFramesKind = 0x02;
// Acknowledgements of all lanes at their longest, with the kind before them.
constexpr size_t kMostFramesBytes =
    1 + StripeSet::kMostLanes * (1 + 8 + 8 + 8 + kMaxAckRanges * 16);

std::string_view Clip(std::string_view reason) {
  return reason.substr(0, std::min(reason.size(), kMaxReasonBytes));
}

}  // namespace

bool StripeSet::Transfer::Finish(uint64_t index) {
  if (done.Insert(index, index + 1) == 0) return false;
  done_bytes += LengthOf(index);
  return true;
}

Status StripeSet::OpenLane(LaneId id, size_t max_message_bytes, Delivery delivery) {
  const size_t usable = std::min(max_message_bytes, kMaxMessageBytes);
  if (usable < kMinMessageBytes || lanes_.size() >= kMostLanes) {
    return Error{ErrorCode::kInvalidArgument, "a lane can not be opened like that"};
  }
  if (lane_numbers_.Insert(id.value, uint64_t{id.value} + 1) == 0) {
    return Error{ErrorCode::kInvalidArgument, "a lane had this number before"};
  }
  lanes_.emplace(id, Lane(options_.water_marks, usable, delivery));
  return Status::Ok();
}

void StripeSet::CloseLane(LaneId id) {
  const auto it = lanes_.find(id);
  if (it == lanes_.end()) return;
  settled_.clear();
  it->second.sent.TakeAll(settled_);
  lanes_.erase(it);
  for (const PieceId piece : settled_) Requeue(piece);
  if (!lanes_.empty()) return;
  const Error error{ErrorCode::kLaneClosed, "the last channel closed during the transfer"};
  FailSending(error);
  FailReceiving(error);
}

void StripeSet::SetWaterMarks(WaterMarks marks) {
  options_.water_marks = marks;
  for (auto& [id, lane] : lanes_) lane.gate.SetMarks(marks);
}

void StripeSet::SetBuffered(LaneId id, size_t bytes) {
  const auto it = lanes_.find(id);
  if (it == lanes_.end()) return;
  const bool was_paused = it->second.gate.IsPaused();
  it->second.gate.OnBuffered(bytes);
  if (was_paused && !it->second.gate.IsPaused()) {
    events_.push_back({.type = StripeEventType::kDrained, .lane = id});
  }
}

Result<size_t> StripeSet::Begin(uint64_t total_bytes, size_t chunk_bytes) {
  if (outgoing_ || lanes_.empty()) {
    return Error{ErrorCode::kInvalidArgument, "no lane is open, or something is being sent"};
  }
  size_t most = kMaxMessageBytes;
  for (const auto& [id, lane] : lanes_) most = std::min(most, lane.max_message_bytes);
  const size_t bytes = std::clamp<size_t>(chunk_bytes, 1, most - kStripeHeaderBytes);
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
  Say(CancelFrame{outgoing_->id, ErrorCode::kCancelled, Clip(reason)});
  outgoing_.reset();
}

void StripeSet::Refuse(std::string_view reason) {
  if (!incoming_) return;
  refusal_ = reason.empty() ? "refused" : std::string(Clip(reason));
  Say(RejectFrame{incoming_->id, refusal_});
  incoming_.reset();
}

void StripeSet::Say(const Frame& frame) {
  std::vector<uint8_t> message(kMaxReasonBytes + 64);
  ByteWriter writer(message);
  writer.U8(kFramesKind);
  EncodeFrame(frame, writer);
  message.resize(writer.size());
  for (const auto& [id, lane] : lanes_) sayings_.push_back({id, message});
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

void StripeSet::Requeue(PieceId piece) {
  const auto index = static_cast<uint32_t>(piece.value);
  const bool current = outgoing_ && piece.value >> 32 == outgoing_->id.value;
  if (!current || outgoing_->done.Contains(index)) return;
  if (std::find(again_.begin(), again_.end(), index) == again_.end()) again_.push_back(index);
}

bool StripeSet::OthersMove(const Lane& lane) const {
  return std::any_of(lanes_.begin(), lanes_.end(), [&lane](const auto& entry) {
    return &entry.second != &lane && !entry.second.sent.stalled();
  });
}

void StripeSet::RecoverLosses(Timestamp now) {
  for (auto& [id, lane] : lanes_) {
    settled_.clear();
    lane.sent.DetectLosses(now, settled_);
    if (lane.sent.ProbeDue(now)) {
      // As Session::ProbeLane: all of a lane that stands still goes out on the others; alone, it is
      // tried again with two.
      size_t left = OthersMove(lane) ? SIZE_MAX : 2;
      lane.sent.OnProbe(now);
      for (; left > 0; --left) {
        const std::optional<PieceId> piece = lane.sent.TakeOldest();
        if (!piece) break;
        settled_.push_back(*piece);
      }
    }
    for (const PieceId piece : settled_) Requeue(piece);
  }
}

Timestamp StripeSet::NextTimeout() const {
  Timestamp next = Timestamp::Never();
  for (const auto& [id, lane] : lanes_) {
    next = std::min({next, lane.sent.next_timeout(), lane.received.ack_due()});
  }
  return next;
}

std::optional<StripeOutput> StripeSet::PollOutput(Timestamp now) {
  RecoverLosses(now);
  if (std::optional<StripeOutput> frames = PollFrames(now)) return frames;
  const std::optional<uint32_t> index = NextIndex();
  if (!index) return std::nullopt;
  LaneId id;
  Lane* lane = PickLane(outgoing_->LengthOf(*index), id);
  if (lane == nullptr) return std::nullopt;
  return SendChunk(id, *lane, *index, now);
}

std::optional<StripeOutput> StripeSet::PollFrames(Timestamp now) {
  while (!sayings_.empty()) {
    Saying saying = std::move(sayings_.front());
    sayings_.pop_front();
    if (lanes_.count(saying.lane) == 0) continue;
    output_ = std::move(saying.message);
    return StripeOutput{.lane = saying.lane, .bytes = output_};
  }
  const bool due = std::any_of(lanes_.begin(), lanes_.end(), [now](const auto& entry) {
    return entry.second.received.ack_due() <= now;
  });
  if (!due) return std::nullopt;
  output_.resize(kMostFramesBytes);
  ByteWriter writer(output_);
  writer.U8(kFramesKind);
  for (auto& [id, lane] : lanes_) {
    if (!lane.received.ack_due().IsNever()) EncodeFrame(lane.received.TakeAck(id), writer);
  }
  // Where the least waits.
  const auto least =
      std::min_element(lanes_.begin(), lanes_.end(), [](const auto& one, const auto& other) {
        return one.second.gate.buffered() < other.second.gate.buffered();
      });
  least->second.gate.OnSent(writer.size());
  return StripeOutput{.lane = least->first, .bytes = writer.written()};
}

std::optional<uint32_t> StripeSet::NextIndex() {
  if (!outgoing_) return std::nullopt;
  while (!again_.empty() && outgoing_->done.Contains(again_.front())) again_.pop_front();
  if (!again_.empty()) return again_.front();
  if (next_index_ >= outgoing_->chunks || !outgoing_->Reaches(next_index_)) return std::nullopt;
  return next_index_;
}

bool StripeSet::MayTake(const Lane& lane) const {
  if (lane.gate.IsPaused()) return false;
  if (!lane.sent.stalled() || !OthersMove(lane)) return true;
  // One at a time, to see whether it moves again.
  return lane.sent.in_flight() == 0;
}

Duration StripeSet::RoundTripOf() const {
  std::optional<Duration> least;
  for (const auto& [id, lane] : lanes_) {
    const std::optional<Duration> own = lane.sent.round_trip().smallest();
    if (own && (!least || *own < *least)) least = own;
  }
  return least.value_or(Duration());
}

StripeSet::Lane* StripeSet::PickLane(size_t bytes, LaneId& id) {
  const Duration round_trip = RoundTripOf();
  Lane* best = nullptr;
  // After the lane used last, then from the first one on.
  auto it = lanes_.upper_bound(last_used_);
  for (size_t i = 0; i < lanes_.size(); ++i, ++it) {
    if (it == lanes_.end()) it = lanes_.begin();
    Lane& lane = it->second;
    if (!MayTake(lane)) continue;
    const auto completion = [&](const Lane& of) {
      return of.load.Completion(of.sent.in_flight_bytes(), bytes, round_trip);
    };
    const bool better = best == nullptr || (options_.scheduler != Scheduler::kRoundRobin &&
                                            completion(lane) < completion(*best));
    if (!better) continue;
    best = &lane;
    id = it->first;
  }
  return best;
}

StripeOutput StripeSet::SendChunk(LaneId id, Lane& lane, uint32_t index, Timestamp now) {
  Transfer& transfer = *outgoing_;
  if (!again_.empty()) {
    again_.pop_front();
  } else {
    ++next_index_;
  }
  last_used_ = id;
  const size_t length = transfer.LengthOf(index);
  const StripeChunk chunk{lane.sent.next_number(), transfer.id,          index,
                          transfer.chunk_bytes,    transfer.total_bytes, {}};
  output_.resize(kStripeHeaderBytes);
  ByteWriter writer(output_);
  EncodeStripeHeader(chunk, writer);
  const size_t message_bytes = kStripeHeaderBytes + length;
  const PieceId piece(uint64_t{transfer.id.value} << 32 | index);
  lane.sent.OnSent(piece, message_bytes, true, now);
  lane.gate.OnSent(message_bytes);
  lane.counters.bytes_sent += length;
  ++lane.counters.records_sent;
  return {id, output_, true, index, chunk.offset(), length};
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
  const auto it = lanes_.find(id);
  if (it == lanes_.end()) return StripeArrival{};
  const Result<StripeMessage> decoded = DecodeStripe(message);
  if (!decoded.ok()) return decoded.error();
  if (const auto* chunk = std::get_if<StripeChunk>(&decoded.value())) {
    return HandleChunk(it->second, *chunk, now);
  }
  const Status handled = HandleFrames(std::get<StripeFrames>(decoded.value()).frames, now);
  if (!handled.ok()) return handled.error();
  return StripeArrival{};
}

Result<StripeArrival> StripeSet::HandleChunk(Lane& lane, const StripeChunk& chunk, Timestamp now) {
  if (chunk.transfer.value == newest_incoming_ && !refusal_.empty()) {
    // Not acknowledged, so that it never counts as arrived; and the refusal may have got lost.
    if (sayings_.empty()) Say(RejectFrame{chunk.transfer, refusal_});
    return StripeArrival{};
  }
  // Twice under one number is the channel's doing, and was acknowledged.
  if (!lane.received.Insert(chunk.number, now)) return StripeArrival{};
  if (chunk.transfer.value > newest_incoming_) Begin(chunk);
  lane.received.OnAckEliciting(now);
  lane.counters.bytes_received += chunk.payload.size();
  ++lane.counters.records_received;
  // Late, of one that is over.
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
      return Violation("a frame that has no place here");
    }
  }
  return Status::Ok();
}

Status StripeSet::HandleAck(const AckFrame& ack, Timestamp now) {
  const auto it = lanes_.find(ack.lane);
  // Of a lane that has closed meanwhile: what it carried is on its way again.
  if (it == lanes_.end()) return Status::Ok();
  Lane& lane = it->second;
  const Status taken = lane.sent.OnAck(ack, now, acked_);
  if (!taken.ok()) return taken;
  if (acked_.bytes > 0) {
    lane.load.OnAcked(acked_.bytes, lane.gate.buffered() > 0, RoundTripOf(), now);
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
