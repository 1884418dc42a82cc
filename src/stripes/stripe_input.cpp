// What arrives at a set: chunks and frames on its lanes, pings and pongs on its pulse lane.

#include "stripes/stripe_set.h"

namespace millrace {

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
  if (lane == nullptr && id != kPulseLane) return StripeArrival{};
  const Result<StripeMessage> decoded = DecodeStripe(message);
  if (!decoded.ok()) return decoded.error();
  if (const auto* chunk = std::get_if<StripeChunk>(&decoded.value())) {
    if (lane == nullptr) return Violation("the peer sent a chunk on the pulse lane");
    return HandleChunk(*lane, *chunk, now);
  }
  ByteReader reader(std::get<StripeFrames>(decoded.value()).frames);
  while (!reader.AtEnd()) {
    const Result<Frame> frame = DecodeFrame(reader);
    if (!frame.ok()) return frame.error();
    const Status handled =
        lane == nullptr ? HandlePulseFrame(frame.value(), now) : HandleFrame(frame.value(), now);
    if (!handled.ok()) return handled.error();
  }
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

Status StripeSet::HandleFrame(const Frame& frame, Timestamp now) {
  if (const auto* ack = std::get_if<AckFrame>(&frame)) return HandleAck(*ack, now);
  if (const auto* cancel = std::get_if<CancelFrame>(&frame)) {
    if (incoming_ && cancel->transfer == incoming_->id) {
      FailReceiving(Error{cancel->code, std::string(cancel->reason)});
    }
    return Status::Ok();
  }
  if (const auto* reject = std::get_if<RejectFrame>(&frame)) {
    if (outgoing_ && reject->transfer == outgoing_->id) {
      FailSending(Error{ErrorCode::kRejected, std::string(reject->reason)});
    }
    return Status::Ok();
  }
  return Violation("the peer sent a frame that a lane set does not have");
}

Status StripeSet::HandlePulseFrame(const Frame& frame, Timestamp now) {
  if (const auto* ping = std::get_if<PingFrame>(&frame)) {
    pulse_.OnPing(*ping, now);
    return Status::Ok();
  }
  const auto* pong = std::get_if<PongFrame>(&frame);
  if (pong == nullptr) {
    return Violation("the peer sent a frame that the pulse lane of a lane set does not have");
  }
  if (const std::optional<StripePulse::Answer> answer = pulse_.OnPong(*pong, now)) {
    pacing_.OnPong(*answer, Held(), now);
    lanes_.SetPathRoundTrip(flow().round_trip());
  }
  return Status::Ok();
}

Status StripeSet::HandleAck(const AckFrame& ack, Timestamp now) {
  Lane* lane = nullptr;
  const Status taken = lanes_.OnAck(ack, now, acked_, lane);
  if (!taken.ok()) return taken;
  if (acked_.bytes > 0) {
    lane->set_arrived_at(
        pacing_.OnAcked(acked_.bytes, lane->arrived_at(), ack.largest_received_at, Held(), now));
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

}  // namespace millrace
