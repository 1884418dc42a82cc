// The session's input: opens the messages of channels and dispatches the frames in them.
#include <algorithm>

#include "session/session.h"
#include "wire/record.h"

namespace millrace {
namespace {

bool MayRideOn(LaneId lane, const Frame& frame) {
  if (std::holds_alternative<PaddingFrame>(frame)) return true;
  if (lane == kControlLane) return !IsPulse(frame);
  if (lane == kPulseLane) return IsPulse(frame);
  return std::holds_alternative<DataFrame>(frame);
}

size_t MostBytes(LaneId lane) {
  if (lane == kControlLane) return kMaxControlRecordBytes;
  return lane == kPulseLane ? kMaxPulseRecordBytes : kMaxMessageBytes;
}

}  // namespace

MutableByteView Session::InputBuffer(LaneId id, size_t length) {
  input_.Release();
  const bool control = IsOfControlConnection(id);
  if (FindLane(id) == nullptr || (closed() && !(control && draining()))) return {};
  if (length == 0 || length > MostBytes(id)) {
    CloseWith(Error{ErrorCode::kBadRecord, "the peer sent an empty or oversized message"},
              Ending::kFailure);
    return {};
  }
  std::optional<PoolBuffer> buffer =
      control ? receiver_.AllocateControl(length) : receiver_.Allocate(length);
  if (!buffer) return {};
  input_ = std::move(*buffer);
  return input_.bytes();
}

void Session::HandleInput(LaneId id, Timestamp now) {
  Touch(now);
  PoolBuffer buffer = std::move(input_);
  SealedLane* lane = FindLane(id);
  if (lane == nullptr || !buffer) return;
  if (closed()) return HandleLastWords(*lane, buffer);
  lane->CountReceived(buffer.bytes().size());
  if (id == kPulseLane) {
    // The channel may be faster than the last message of the handshake.
    if (!connected()) return;
    pulse_.OnHeard(now_);
  } else {
    pulse_lane_.OnArrived(buffer.bytes().size(), now_);
  }
  if (id == kControlLane && !connected()) return HandleHandshake(buffer.bytes());
  if (!IsOfControlConnection(id)) SetReceiving(Waiting::kSeal);
  const Status handled = HandleRecord(*lane, buffer);
  if (!handled.ok()) CloseWith(handled.error(), Ending::kFailure);
}

void Session::HandleHandshake(ByteView message) {
  if (PeekRecordKind(message) != RecordKind::kHandshake) {
    return CloseWith(Error{ErrorCode::kHandshakeFailed, "the peer did not shake hands"},
                     Ending::kFailure);
  }
  const bool resumed = state_.interrupted();
  const Result<bool> is_up = state_.OnHandshakeMessage(message.subspan(1));
  if (!is_up.ok()) return CloseWith(is_up.error(), Ending::kHandshakeFailed);
  if (is_up.value()) OnConnected(resumed);
}

Status Session::HandleRecord(SealedLane& lane, PoolBuffer& buffer) {
  Result<MutableByteView> opened = lane.OpenRecord(buffer.bytes(), now_);
  if (!opened.ok()) return opened.error();
  const bool duplicate = opened.value().data() == nullptr;
  if (duplicate) return Status::Ok();
  if (lane.id() == kControlLane && !lane.received().complete()) {
    // The peer would never send these frames again. Ending beats waiting for ever.
    return Error{ErrorCode::kBadRecord, "the control channel lost a message"};
  }
  ByteReader reader(opened.value());
  if (reader.AtEnd()) return Violation("record without frames");
  bool ack_eliciting = false;
  while (!reader.AtEnd() && !closed()) {
    const Result<Frame> frame = DecodeFrame(reader);
    if (!frame.ok()) return frame.error();
    if (!MayRideOn(lane.id(), frame.value())) return Violation("frame on a wrong lane");
    ack_eliciting = ack_eliciting || IsAckEliciting(frame.value());
    const Status handled = HandleFrame(frame.value(), buffer);
    if (!handled.ok()) return handled;
  }
  if (ack_eliciting) lane.received().OnAckEliciting(now_);
  return Status::Ok();
}

void Session::HandleLastWords(SealedLane& lane, PoolBuffer& buffer) {
  if (!draining()) return;
  const Result<MutableByteView> opened = lane.OpenRecord(buffer.bytes(), now_);
  if (!opened.ok()) return;
  ByteReader reader(opened.value());
  while (!reader.AtEnd()) {
    const Result<Frame> frame = DecodeFrame(reader);
    if (!frame.ok()) return;
    if (MayRideOn(lane.id(), frame.value())) HandleLastFrame(frame.value());
  }
  ForgetKeys();
}

void Session::HandleLastFrame(const Frame& frame) {
  if (const auto* ping = std::get_if<PingFrame>(&frame)) return pulse_.OnPing(*ping, now_);
  if (const auto* pong = std::get_if<PongFrame>(&frame)) {
    if (const auto answer = pulse_.OnPong(*pong, now_)) {
      pulse_lane_.OnConfirmed(answer->record, Acknowledged());
    }
  }
  if (const auto* ack = std::get_if<AckFrame>(&frame); ack && ack->lane == kControlLane) {
    control_.OnAck(*ack, now_);
  }
  if (std::holds_alternative<CloseFrame>(frame)) {
    // The peer has closed the session as well, and waits for this acknowledgement.
    control_.OnClose();
    pulse_.PingNow(now_);
  }
}

Status Session::HandleFrame(const Frame& frame, PoolBuffer& buffer) {
  struct Visitor {
    Session& session;
    PoolBuffer& buffer;

    Status operator()(const PaddingFrame&) { return Status::Ok(); }
    Status operator()(const PingFrame& f) {
      session.pulse_.OnPing(f, session.now_);
      return Status::Ok();
    }
    Status operator()(const PongFrame& f) { return session.HandlePong(f); }
    Status operator()(const AckFrame& f) { return session.HandleAck(f); }
    Status operator()(const DataFrame& f) { return session.receiver_.OnData(f, buffer); }
    Status operator()(const ResumeFrame& f) { return session.control_.OnResume(f); }
    Status operator()(const ManifestFrame& f) { return session.receiver_.OnManifest(f); }
    Status operator()(const HaveFrame& f) { return session.sender_.OnHave(f); }
    Status operator()(const AcceptFrame& f) { return session.HandleAccept(f); }
    Status operator()(const RejectFrame& f) { return session.sender_.OnReject(f); }
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
    Status operator()(const MessageFrame& f) { return session.HandleMessage(f); }
    Status operator()(const CloseFrame& f) {
      session.control_.OnClose();
      session.CloseWith(Error{f.code, std::string(f.reason)}, Ending::kByPeer);
      return Status::Ok();
    }
  };
  if (ControlChannel::IsQueued(frame)) {
    const Status counted = control_.OnQueuedFrame();
    if (!counted.ok()) return counted;
  }
  return std::visit(Visitor{*this, buffer}, frame);
}

Status Session::HandlePong(const PongFrame& pong) {
  const std::optional<PingAnswer> answer = pulse_.OnPong(pong, now_);
  if (!answer) return Status::Ok();
  pulse_lane_.OnConfirmed(answer->record, Acknowledged());
  JudgeSilence();
  bulk_.OnPong(answer->sample, now_);
  bulk_.RetireLanes(
      [this](const SealedLane& lane) {
        if (trace_) trace_->OnRetired(lane, now_);
        events_.push_back({.type = EventType::kLaneRetired, .lane = lane.id()});
      },
      now_);
  bulk_.ReportChunks(round_trip().smoothed(), loss(), now_);
  return Status::Ok();
}

Status Session::HandleAck(const AckFrame& ack) {
  return ack.lane == kControlLane ? control_.OnAck(ack, now_) : bulk_.OnAck(ack, now_);
}

Status Session::HandleAccept(const AcceptFrame& accept) {
  if (!sender_.MayMove()) waiting_.Begin(now_);
  return sender_.OnAccept(accept);
}

Status Session::HandleCancel(const CancelFrame& cancel) {
  if (receiver_.Owns(cancel.transfer)) return receiver_.OnCancel(cancel);
  if (!sender_.IsKnown(cancel.transfer)) return Violation("CANCEL of a transfer never offered");
  sender_.Fail(cancel.transfer, Error{cancel.code, std::string(cancel.reason)}, true);
  return Status::Ok();
}

Status Session::HandleMessage(const MessageFrame& frame) {
  Result<std::optional<std::vector<uint8_t>>> message = incoming_message_.OnFrame(frame);
  if (!message.ok()) return message.error();
  if (message.value()) {
    events_.push_back({.type = EventType::kMessage, .bytes = std::move(*message.value())});
  }
  return Status::Ok();
}

}  // namespace millrace
