#include "session/session.h"

#include <algorithm>
#include <array>

namespace millrace {
namespace {

// The control lane holds little: what waits in the channel can not be overtaken by an
// acknowledgement any more.
constexpr WaterMarks kControlMarks{256 * 1024, 64 * 1024};

// Pings measure the round trip while something moves, and keep NAT bindings open while nothing does
// (RFC 4787 allows them to lapse after 2 minutes at the least; browsers send consent checks
// besides).
constexpr Duration kActivePingInterval = Duration::Seconds(1);
constexpr Duration kIdlePingInterval = Duration::Seconds(5);

// An ACK frame at its longest, and room for a PONG and a PING behind it.
constexpr size_t kAckRoom = (1 + 8 + 8 + 8 + kMaxAckRanges * 16) + 32;

std::string Clip(std::string_view text) {
  size_t length = std::min(text.size(), kMaxReasonBytes);
  // Not in the middle of a UTF-8 sequence.
  while (length < text.size() && length > 0 && (static_cast<uint8_t>(text[length]) >> 6) == 0b10) {
    --length;
  }
  return std::string(text.substr(0, length));
}

bool MayRideOnBulk(const Frame& frame) {
  return std::holds_alternative<DataFrame>(frame) || std::holds_alternative<PaddingFrame>(frame);
}

}  // namespace

Session::Session(const SessionOptions& options, std::unique_ptr<Handshake> handshake, Timestamp now)
    : options_(options),
      now_(now),
      sender_(options.send_pool_bytes, frames_, events_),
      receiver_(options.receive_pool_bytes, frames_, events_),
      handshake_(std::move(handshake)),
      output_(kMaxMessageBytes),
      heard_at_(now) {}

Lane* Session::FindLane(LaneId id) {
  const auto it = lanes_.find(id);
  return it == lanes_.end() ? nullptr : &it->second;
}

void Session::Touch(Timestamp now) { now_ = std::max(now_, now); }

void Session::OpenLane(LaneId id, size_t max_message_bytes, Timestamp now) {
  Touch(now);
  if (closed_) return;
  const size_t usable = std::min(max_message_bytes, kMaxMessageBytes);
  const bool out_of_turn = id != kControlLane && !established();
  if (out_of_turn || FindLane(id) != nullptr || usable < kMinMessageBytes) {
    return CloseWith(Error{ErrorCode::kInvalidArgument, "a lane can not be opened like that"},
                     false);
  }
  const WaterMarks marks = id == kControlLane ? kControlMarks : options_.water_marks;
  Lane& lane = lanes_.emplace(id, Lane(id, usable, marks)).first->second;
  if (id == kControlLane) {
    handshake_deadline_ = now_ + options_.handshake_timeout;
    heard_at_ = now_;
    return;
  }
  lane.SetKeys(*secrets_);
  size_t narrowest = usable;
  for (const auto& [other_id, other] : lanes_) {
    if (!other.IsControl()) narrowest = std::min(narrowest, other.max_message_bytes());
  }
  sender_.SetPieceBytes(RecordPayloadBytes(options_.chunk_bytes, narrowest));
}

void Session::CloseLane(LaneId id, Timestamp now) {
  Touch(now);
  if (lanes_.erase(id) == 0 || closed_) return;
  if (id == kControlLane) {
    return CloseWith(Error{ErrorCode::kConnectionLost, "the connection to the peer closed"}, false);
  }
  CloseWith(Error{ErrorCode::kLaneClosed, "a data channel closed during the session"}, false);
}

void Session::SetWaterMarks(WaterMarks marks) {
  options_.water_marks = marks;
  for (auto& [id, lane] : lanes_) {
    if (!lane.IsControl()) lane.gate().SetMarks(marks);
  }
}

void Session::SetBuffered(LaneId id, size_t bytes, Timestamp now) {
  Touch(now);
  Lane* lane = FindLane(id);
  if (lane != nullptr) lane->gate().OnBuffered(bytes);
}

MutableByteView Session::InputBuffer(LaneId id, size_t length) {
  if (closed_ || FindLane(id) == nullptr) return {};
  if (length == 0 || length > kMaxMessageBytes) {
    CloseWith(Error{ErrorCode::kBadRecord, "the peer sent an empty or oversized message"}, false);
    return {};
  }
  input_.Release();
  std::optional<PoolBuffer> buffer = receiver_.Allocate(length);
  if (!buffer) return {};
  input_ = std::move(*buffer);
  return input_.bytes();
}

void Session::HandleInput(LaneId id, Timestamp now) {
  Touch(now);
  PoolBuffer buffer = std::move(input_);
  Lane* lane = FindLane(id);
  if (closed_ || lane == nullptr || !buffer) return;
  heard_at_ = now_;
  lane->CountReceived(buffer.bytes().size());
  const MutableByteView message = buffer.bytes();
  if (lane->IsControl() && !established()) return HandleHandshake(message);
  const Status handled = HandleRecord(*lane, buffer);
  if (!handled.ok()) CloseWith(handled.error(), false);
}

void Session::HandleHandshake(ByteView message) {
  if (PeekRecordKind(message) != RecordKind::kHandshake) {
    return CloseWith(Error{ErrorCode::kHandshakeFailed, "the peer did not begin with a hello"},
                     false);
  }
  const Status handled = handshake_->HandleMessage(message.subspan(1));
  if (!handled.ok()) return CloseWith(handled.error(), false);
  secrets_ = handshake_->TakeSecrets();
  if (!secrets_) return;
  sender_.SetRole(secrets_->role);
  receiver_.SetRole(secrets_->role);
  FindLane(kControlLane)->SetKeys(*secrets_);
  handshake_deadline_ = Timestamp::Never();
  next_ping_ = now_;
  events_.push_back({.type = EventType::kEstablished, .flag = secrets_->role == Role::kInitiator});
}

Status Session::HandleRecord(Lane& lane, PoolBuffer& buffer) {
  Result<MutableByteView> opened = lane.OpenRecord(buffer.bytes(), now_);
  if (!opened.ok()) return opened.error();
  const bool duplicate = opened.value().data() == nullptr;
  if (duplicate) return Status::Ok();
  ByteReader reader(opened.value());
  if (reader.AtEnd()) return Violation("record without frames");
  bool ack_eliciting = false;
  while (!reader.AtEnd()) {
    const Result<Frame> frame = DecodeFrame(reader);
    if (!frame.ok()) return frame.error();
    if (!lane.IsControl() && !MayRideOnBulk(frame.value())) {
      return Violation("frame that belongs on the control lane");
    }
    ack_eliciting = ack_eliciting || IsAckEliciting(frame.value());
    const Status handled = HandleFrame(frame.value(), buffer);
    if (!handled.ok()) return handled;
    if (closed_) return Status::Ok();
  }
  if (ack_eliciting) lane.received().OnAckEliciting(now_);
  return Status::Ok();
}

Status Session::HandleFrame(const Frame& frame, PoolBuffer& buffer) {
  struct Visitor {
    Session& session;
    PoolBuffer& buffer;

    Status operator()(const PaddingFrame&) { return Status::Ok(); }
    Status operator()(const PingFrame& f) {
      session.pong_owed_ = f.token;
      return Status::Ok();
    }
    Status operator()(const PongFrame& f) {
      const int64_t sent_micros = static_cast<int64_t>(f.token);
      if (sent_micros > session.now_.micros()) return Status::Ok();
      session.round_trip_.AddSample(session.now_ - Timestamp::FromMicros(sent_micros));
      return Status::Ok();
    }
    Status operator()(const AckFrame& f) { return session.HandleAck(f); }
    Status operator()(const ManifestFrame& f) { return session.receiver_.OnManifest(f); }
    Status operator()(const AcceptFrame& f) { return session.sender_.OnAccept(f); }
    Status operator()(const RejectFrame& f) { return session.sender_.OnReject(f); }
    Status operator()(const DataFrame& f) { return session.receiver_.OnData(f, buffer); }
    Status operator()(const CreditFrame& f) { return session.sender_.OnCredit(f); }
    Status operator()(const CompleteFrame& f) { return session.receiver_.OnComplete(f); }
    Status operator()(const ReceiptFrame& f) { return session.sender_.OnReceipt(f); }
    Status operator()(const CancelFrame& f) { return session.HandleCancel(f); }
    Status operator()(const PauseFrame& f) {
      return session.sender_.Owns(f.transfer) ? session.sender_.OnPause(f)
                                              : session.receiver_.OnPause(f);
    }
    Status operator()(const SignalFrame& f) {
      session.events_.push_back({.type = EventType::kSignal, .text = std::string(f.message)});
      return Status::Ok();
    }
    Status operator()(const CloseFrame& f) {
      session.CloseWith(Error{f.code, std::string(f.reason)}, true);
      return Status::Ok();
    }
  };
  return std::visit(Visitor{*this, buffer}, frame);
}

Status Session::HandleAck(const AckFrame& ack) {
  Lane* lane = FindLane(ack.lane);
  if (lane == nullptr) return Violation("the peer acknowledged a lane that is not there");
  acked_.clear();
  const Status taken = lane->sent().OnAck(ack, acked_);
  for (const PieceId piece : acked_) sender_.OnAcked(piece);
  return taken;
}

Status Session::HandleCancel(const CancelFrame& cancel) {
  if (receiver_.Owns(cancel.transfer)) return receiver_.OnCancel(cancel);
  if (!sender_.IsKnown(cancel.transfer)) return Violation("CANCEL of a transfer never offered");
  sender_.Fail(cancel.transfer, Error{cancel.code, std::string(cancel.reason)}, true);
  return Status::Ok();
}

void Session::AdvanceTime(Timestamp now) {
  Touch(now);
  if (closed_) return;
  if (now_ >= handshake_deadline_) {
    return CloseWith(Error{ErrorCode::kTimeout, "the peer did not answer the handshake"}, false);
  }
  if (established() && now_ - heard_at_ >= options_.idle_timeout) {
    CloseWith(Error{ErrorCode::kConnectionLost, "nothing was heard from the peer any more"}, false);
  }
}

Timestamp Session::NextTimeout() const {
  if (closed_) return Timestamp::Never();
  Timestamp next = handshake_deadline_;
  if (!established()) return next;
  next = std::min({next, next_ping_, heard_at_ + options_.idle_timeout});
  for (const auto& [id, lane] : lanes_) next = std::min(next, lane.received().ack_due());
  return next;
}

std::optional<Output> Session::PollOutput(Timestamp now) {
  Touch(now);
  Lane* control = FindLane(kControlLane);
  if (control == nullptr) return std::nullopt;
  if (std::optional<Output> hello = PollHandshake(*control)) return hello;
  if (!control->has_keys()) return std::nullopt;
  receiver_.GrantCredit();
  if (!control->gate().IsPaused() && WantsControlRecord()) return PollControl(*control);
  return PollBulk();
}

std::optional<Output> Session::PollHandshake(Lane& lane) {
  if (closed_) return std::nullopt;
  const size_t length = handshake_->PollMessage(MutableByteView(output_).subspan(1));
  if (length == 0) return std::nullopt;
  output_[0] = static_cast<uint8_t>(RecordKind::kHandshake);
  lane.CountSent(1 + length);
  return Output{lane.id(), ByteView(output_).first(1 + length)};
}

bool Session::WantsControlRecord() const {
  if (!frames_.empty()) return true;
  if (closed_) return false;
  if (pong_owed_ || now_ >= next_ping_) return true;
  return std::any_of(lanes_.begin(), lanes_.end(), [this](const auto& entry) {
    return entry.second.received().ack_due() <= now_;
  });
}

Duration Session::PingInterval() const {
  const bool active = sender_.active_transfers() + receiver_.active_transfers() > 0;
  return active ? kActivePingInterval : kIdlePingInterval;
}

size_t Session::PackControl(ByteWriter& writer) {
  if (!closed_) {
    for (auto& [id, lane] : lanes_) {
      const bool owed = !lane.received().ack_due().IsNever();
      if (owed && writer.room() >= kAckRoom) EncodeFrame(lane.received().TakeAck(id), writer);
    }
    if (pong_owed_) EncodeFrame(PongFrame{*pong_owed_}, writer);
    pong_owed_.reset();
    if (now_ >= next_ping_) {
      EncodeFrame(PingFrame{static_cast<uint64_t>(now_.micros())}, writer);
      next_ping_ = now_ + PingInterval();
    }
  }
  frames_.PackInto(writer);
  return writer.size();
}

std::optional<Output> Session::PollControl(Lane& lane) {
  std::array<uint8_t, kMaxControlRecordBytes - kRecordOverheadBytes> plaintext;
  ByteWriter writer(plaintext);
  if (PackControl(writer) == 0) return std::nullopt;
  return Output{lane.id(), lane.SealRecord(writer.written(), std::nullopt, now_, output_)};
}

std::optional<Output> Session::PollBulk() {
  if (closed_) return std::nullopt;
  for (auto& [id, lane] : lanes_) {
    if (lane.IsControl() || lane.gate().IsPaused()) continue;
    const std::optional<OutgoingPiece> piece = sender_.NextPiece();
    if (!piece) return std::nullopt;
    return Output{id, lane.SealRecord(piece->plaintext, piece->piece, now_, output_)};
  }
  return std::nullopt;
}

std::optional<ReadRequest> Session::PollRead() {
  const bool has_bulk_lane = lanes_.size() > 1;
  if (closed_ || !has_bulk_lane) return std::nullopt;
  return sender_.PollRead();
}

void Session::ReadDone(PieceId piece, size_t length, Timestamp now) {
  Touch(now);
  sender_.ReadDone(piece, length);
}

std::optional<WriteRequest> Session::PollWrite() { return receiver_.PollWrite(); }

void Session::WriteDone(WriteId write, Timestamp now) {
  Touch(now);
  receiver_.WriteDone(write);
}

void Session::FileStored(TransferId transfer, FileIndex file, Timestamp now) {
  Touch(now);
  receiver_.FileStored(transfer, file);
}

std::optional<Event> Session::PollEvent() {
  if (events_.empty()) return std::nullopt;
  Event event = std::move(events_.front());
  events_.pop_front();
  return event;
}

TransferId Session::Offer(const std::vector<FileInfo>& files, Timestamp now) {
  Touch(now);
  if (!established() || closed_) {
    const TransferId none(UINT32_MAX);
    events_.push_back({.type = EventType::kFailed,
                       .transfer = none,
                       .error = {ErrorCode::kInvalidArgument, "the session is not connected"}});
    return none;
  }
  return sender_.Offer(files);
}

void Session::Accept(TransferId transfer, Timestamp now) {
  Touch(now);
  if (!closed_) receiver_.Accept(transfer);
}

void Session::Reject(TransferId transfer, std::string_view reason, Timestamp now) {
  Touch(now);
  if (!closed_) receiver_.Reject(transfer, Clip(reason));
}

void Session::SetPaused(TransferId transfer, bool paused, Timestamp now) {
  Touch(now);
  const bool known = sender_.IsKnown(transfer) || receiver_.IsKnown(transfer);
  if (closed_ || !known) return;
  sender_.SetPausedHere(transfer, paused);
  frames_.Push(PauseFrame{transfer, paused});
}

void Session::Fail(TransferId transfer, ErrorCode code, std::string_view detail, Timestamp now) {
  Touch(now);
  const bool known = sender_.IsKnown(transfer) || receiver_.IsKnown(transfer);
  if (closed_ || !known) return;
  const Error error{code, Clip(detail)};
  frames_.Push(CancelFrame{transfer, error.code, error.detail});
  sender_.Fail(transfer, error, false);
  receiver_.Fail(transfer, error, false);
}

void Session::Signal(std::string_view message, Timestamp now) {
  Touch(now);
  if (closed_ || !established()) return;
  if (message.size() > kMaxSignalBytes) {
    return CloseWith(Error{ErrorCode::kInvalidArgument, "a signalling message is too long"}, false);
  }
  frames_.Push(SignalFrame{message});
}

void Session::Close(ErrorCode code, std::string_view detail, Timestamp now) {
  Touch(now);
  CloseWith(Error{code, Clip(detail)}, false);
}

void Session::CloseWith(Error error, bool by_peer) {
  if (closed_) return;
  closed_ = true;
  frames_.Clear();
  sender_.FailAll(error, by_peer);
  receiver_.FailAll(error, by_peer);
  // What failing the transfers left to say is said by the CLOSE.
  frames_.Clear();
  if (established() && !by_peer) frames_.Push(CloseFrame{error.code, error.detail});
  events_.push_back({.type = EventType::kClosed, .flag = by_peer, .error = std::move(error)});
}

uint64_t Session::TransferBytes(TransferId transfer) const {
  if (const IncomingTransfer* incoming = receiver_.Find(transfer)) return incoming->written_bytes;
  return sender_.AckedBytes(transfer);
}

}  // namespace millrace
