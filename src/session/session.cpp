#include "session/session.h"

#include <algorithm>
#include <array>

#include "wire/padding.h"

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
// Until the round trip is known: lanes wait for it.
constexpr Duration kFirstPingInterval = Duration::Millis(10);
// dcSCTP lets four packets go for each message that it is given and for each acknowledgement
// (max_burst; RFC 9260, section 6.1). Of a record of 16 KiB, four packets therefore go at once and
// the rest a round trip later, though the first window holds ten. Three messages more, of a byte of
// padding, let out what the window allows (measured in Chromium at 100 ms: 10, 4 packets in the
// first round trips instead of 4, 8, 2). A window has left its beginning when three records are
// acknowledged.
constexpr size_t kNudges = 3;
constexpr uint64_t kYoungRecords = 3;
// For so long after the last piece the rate is still being measured.
constexpr Duration kBulkMemory = Duration::Seconds(1);

// The chunk size follows the link this often: a few times before a person would see it.
constexpr Duration kChunkReportInterval = Duration::Millis(250);

// On top of two round trips: below the least retransmission timeout of SCTP (400 ms).
constexpr Duration kLatePong = Duration::Millis(300);
// On top of the round trip: acknowledgements that wait (25 ms) and timers.
constexpr Duration kLateRecord = Duration::Millis(50);

// All data channels silent for so long with something to send, while the peer is heard on the
// control lane: twice the longest retransmission timeout of libwebrtc (dcSCTP, rto_max: 60 s).
constexpr Duration kStandstillTimeout = Duration::Seconds(120);

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

// Frames that go through the queue of the control lane, so that a new connection sends again what a
// lost one took with it.
bool IsQueued(const Frame& frame) {
  return !MayRideOnBulk(frame) && !std::holds_alternative<AckFrame>(frame) &&
         !std::holds_alternative<PingFrame>(frame) && !std::holds_alternative<PongFrame>(frame) &&
         !std::holds_alternative<ResumeFrame>(frame);
}

}  // namespace

Session::Session(const SessionOptions& options, std::unique_ptr<Handshake> handshake, Timestamp now)
    : options_(options),
      now_(now),
      sender_(options.send_pool_bytes, memory_, frames_, events_),
      receiver_(options.receive_pool_bytes, memory_, frames_, events_),
      handshake_(std::move(handshake)),
      flow_(options.lanes),
      chunks_(options.chunks),
      output_(kMaxMessageBytes),
      heard_at_(now) {
  if (options.most_bytes_per_second > 0) {
    flow_.SetMostBytesPerSecond(static_cast<double>(options.most_bytes_per_second));
  }
  if (options.trace) trace_ = std::make_unique<SessionTrace>();
}

Lane* Session::FindLane(LaneId id) {
  const auto it = lanes_.find(id);
  return it == lanes_.end() ? nullptr : &it->second;
}

void Session::Touch(Timestamp now) { now_ = std::max(now_, now); }

void Session::OpenLane(LaneId id, size_t max_message_bytes, Delivery delivery, Timestamp now) {
  Touch(now);
  if (closed_) return;
  const bool control = id == kControlLane;
  // One lost packet loses a whole message of an unreliable channel: at 1 % that is 14 % of messages
  // of 16 KiB and 90 % of 256 KiB.
  const size_t most = delivery == Delivery::kReliable ? kMaxMessageBytes : kMinMessageBytes;
  const size_t usable = std::min(max_message_bytes, most);
  const bool out_of_turn = control ? handshake_ == nullptr : !connected_;
  const bool too_narrow = usable < std::max(kMinMessageBytes, control ? 0 : record_bytes_);
  const bool used = control ? FindLane(id) != nullptr
                            : lane_numbers_.Insert(id.value, uint64_t{id.value} + 1) == 0;
  if (out_of_turn || used || too_narrow) {
    return CloseWith(Error{ErrorCode::kInvalidArgument, "a lane can not be opened like that"},
                     false);
  }
  if (control) {
    const Status begun = BeginHandshake();
    if (!begun.ok()) return CloseWith(begun.error(), false);
  }
  const WaterMarks marks = control ? kControlMarks : options_.water_marks;
  Lane& lane = lanes_.emplace(id, Lane(id, delivery, marks)).first->second;
  if (control) {
    handshake_deadline_ = now_ + options_.handshake_timeout;
    heard_at_ = now_;
    return;
  }
  lane.SetKeys(*secrets_, options_.records_per_epoch);
  highest_lane_ = std::max(highest_lane_, id);
  lane_deadline_ = Timestamp::Never();
  moved_at_ = now_;
  if (record_bytes_ == 0) {
    // The channels of two browsers carry the same: the first one tells for all.
    record_bytes_ = usable;
  }
}

void Session::SetFingerprints(std::string_view local, std::string_view remote) {
  local_fingerprint_ = local;
  remote_fingerprint_ = remote;
}

Status Session::BeginHandshake() {
  const Status begun = handshake_->Begin(local_fingerprint_, remote_fingerprint_);
  // The next connection has others, or has to say so.
  SetFingerprints("", "");
  return begun;
}

void Session::CloseLane(LaneId id, Timestamp now) {
  Touch(now);
  Lane* lane = FindLane(id);
  if (lane == nullptr) return;
  if (lane->IsControl()) return Disconnect();
  DropBulkLane(*lane);
  if (closed_ || HasBulkLane()) return;
  if (options_.lane_timeout == Duration()) {
    return CloseWith(Error{ErrorCode::kLaneClosed, "a data channel closed during the session"},
                     false);
  }
  ExpectLane();
}

void Session::DropBulkLane(Lane& lane) {
  settled_.clear();
  gone_unreliable_.AddUnreliable(lane);
  lane.sent().TakeAll(settled_);
  for (const PieceId piece : settled_) sender_.OnLost(piece);
  lanes_.erase(lane.id());
}

void Session::Disconnect() {
  if (established_) handshake_.reset();
  while (HasBulkLane()) DropBulkLane(lanes_.rbegin()->second);
  lanes_.clear();
  lane_numbers_ = RangeSet();
  if (closed_) return;
  if (!established_ || options_.reconnect_timeout == Duration()) {
    return CloseWith(Error{ErrorCode::kConnectionLost, "the connection to the peer closed"}, false);
  }
  if (reconnect_deadline_.IsNever()) reconnect_deadline_ = now_ + options_.reconnect_timeout;
  handshake_deadline_ = Timestamp::Never();
  lane_deadline_ = Timestamp::Never();
  check_deadline_ = Timestamp::Never();
  if (!connected_) return;
  connected_ = false;
  secrets_.reset();
  events_.push_back({.type = EventType::kDisconnected});
}

void Session::Reconnect(std::unique_ptr<Handshake> handshake, Timestamp now) {
  Touch(now);
  if (closed_ || connected_ || !established_ || !lanes_.empty()) return;
  handshake_ = std::move(handshake);
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
  input_.Release();
  if (closed_ || FindLane(id) == nullptr) return {};
  if (length == 0 || length > (id == kControlLane ? kMaxControlRecordBytes : kMaxMessageBytes)) {
    CloseWith(Error{ErrorCode::kBadRecord, "the peer sent an empty or oversized message"}, false);
    return {};
  }
  std::optional<PoolBuffer> buffer =
      id == kControlLane ? receiver_.AllocateControl(length) : receiver_.Allocate(length);
  if (!buffer) return {};
  input_ = std::move(*buffer);
  return input_.bytes();
}

void Session::HandleInput(LaneId id, Timestamp now) {
  Touch(now);
  PoolBuffer buffer = std::move(input_);
  Lane* lane = FindLane(id);
  if (closed_ || lane == nullptr || !buffer) return;
  // Only the control lane tells: without it nothing is acknowledged, whatever else still moves.
  if (lane->IsControl()) {
    heard_at_ = now_;
    check_deadline_ = Timestamp::Never();
  }
  lane->CountReceived(buffer.bytes().size());
  if (!lane->IsControl()) SetReceiving(Waiting::kSeal);
  const MutableByteView message = buffer.bytes();
  if (lane->IsControl() && !connected_) return HandleHandshake(message);
  const Status handled = HandleRecord(*lane, buffer);
  if (!handled.ok()) CloseWith(handled.error(), false);
}

void Session::HandleHandshake(ByteView message) {
  if (PeekRecordKind(message) != RecordKind::kHandshake) {
    return CloseWith(Error{ErrorCode::kHandshakeFailed, "the peer did not shake hands"}, false);
  }
  const Status handled = handshake_->HandleMessage(message.subspan(1));
  if (!handled.ok()) {
    std::unique_ptr<Handshake> failed = std::move(handshake_);
    CloseWith(handled.error(), false);
    // Its last message tells the peer.
    handshake_ = std::move(failed);
    return;
  }
  std::optional<SessionSecrets> secrets = handshake_->TakeSecrets();
  if (!secrets) return;
  const bool first = !established_;
  if (first) first_secrets_ = secrets->Copy();
  secrets_ = std::move(secrets);
  privacy_ = secrets_->agreement.privacy;
  sender_.SetPrivacy(privacy_);
  FindLane(kControlLane)->SetKeys(*secrets_, options_.records_per_epoch);
  connected_ = true;
  handshake_deadline_ = Timestamp::Never();
  reconnect_deadline_ = Timestamp::Never();
  next_ping_ = now_;
  if (first) {
    Establish();
  } else {
    Resume();
  }
}

void Session::Establish() {
  established_ = true;
  sender_.SetRole(secrets_->role);
  receiver_.SetRole(secrets_->role);
  ExpectLane();
  events_.push_back({.type = EventType::kEstablished,
                     .flag = secrets_->role == Role::kInitiator,
                     .agreement = secrets_->agreement});
}

void Session::Resume() {
  resume_owed_ = true;
  resume_awaited_ = true;
  pong_owed_.reset();
  ExpectLane();
  events_.push_back({.type = EventType::kReconnected, .flag = secrets_->role == Role::kInitiator});
}

void Session::ExpectLane() {
  if (options_.lane_timeout != Duration()) lane_deadline_ = now_ + options_.lane_timeout;
}

Status Session::HandleRecord(Lane& lane, PoolBuffer& buffer) {
  Result<MutableByteView> opened = lane.OpenRecord(buffer.bytes(), now_);
  if (!opened.ok()) return opened.error();
  const bool duplicate = opened.value().data() == nullptr;
  if (duplicate) return Status::Ok();
  if (lane.IsControl() && !lane.received().complete()) {
    // Frames went with it that nobody would send again: better an end than a wait without one.
    return Error{ErrorCode::kBadRecord, "the control channel lost a message"};
  }
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
      // A token is the time of its PING; any other is a lie that helps nobody.
      if (f.token > static_cast<uint64_t>(session.now_.micros())) return Status::Ok();
      const auto sent_at = Timestamp::FromMicros(static_cast<int64_t>(f.token));
      const Duration round_trip = session.now_ - sent_at;
      session.unanswered_since_ = Timestamp::Never();
      session.round_trip_.AddSample(round_trip);
      session.flow_.OnPong(round_trip, session.BulkLanes(), session.now_);
      session.RetireLanes();
      session.ReportChunks();
      return Status::Ok();
    }
    Status operator()(const AckFrame& f) { return session.HandleAck(f); }
    Status operator()(const DataFrame& f) { return session.receiver_.OnData(f, buffer); }
    Status operator()(const ResumeFrame& f) { return session.HandleResume(f); }
    Status operator()(const ManifestFrame& f) { return session.receiver_.OnManifest(f); }
    Status operator()(const HaveFrame& f) { return session.sender_.OnHave(f); }
    Status operator()(const AcceptFrame& f) {
      if (!session.sender_.MayMove()) {
        session.waiting_from_ = session.waiting_.TotalsAt(session.now_);
      }
      return session.sender_.OnAccept(f);
    }
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
      session.CloseWith(Error{f.code, std::string(f.reason)}, true);
      return Status::Ok();
    }
  };
  if (IsQueued(frame)) {
    if (resume_awaited_) return Violation("the peer went on without a RESUME");
    ++frames_received_;
  }
  return std::visit(Visitor{*this, buffer}, frame);
}

Status Session::HandleResume(const ResumeFrame& resume) {
  if (!resume_awaited_ || !frames_.Rewind(resume.frames_received)) {
    return Violation("RESUME that does not fit what was sent");
  }
  resume_awaited_ = false;
  return Status::Ok();
}

Status Session::HandleAck(const AckFrame& ack) {
  Lane* lane = FindLane(ack.lane);
  if (lane == nullptr) {
    // Of a lane that is gone on this side, and was not yet on the other.
    if (ack.lane <= highest_lane_) return Status::Ok();
    return Violation("the peer acknowledged a lane that was never there");
  }
  const Status taken = lane->sent().OnAck(ack, now_, acked_);
  if (!taken.ok()) return taken;
  for (const PieceId piece : acked_.pieces) sender_.OnAcked(piece);
  if (!acked_.pieces.empty()) moved_at_ = now_;
  if (lane->IsControl()) {
    frames_.OnArrived(PacketNumber(ack.ranges[0].end - 1));
  } else if (acked_.bytes > 0) {
    lane->set_arrived_at(
        flow_.OnAcked(acked_.bytes, lane->arrived_at(), ack.largest_received_at, now_));
    lane->load().OnAcked(acked_.bytes, lane->gate().buffered() > 0, flow_.round_trip(), now_);
    chunk_totals_.bytes_transferred += static_cast<double>(acked_.bytes);
    chunk_totals_.chunks_acked += static_cast<double>(acked_.pieces.size());
  }
  return Status::Ok();
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
  if (now_ >= reconnect_deadline_) {
    return CloseWith(Error{ErrorCode::kConnectionLost, "the peer did not come back"}, false);
  }
  if (now_ >= handshake_deadline_) {
    if (!established_) {
      return CloseWith(Error{ErrorCode::kTimeout, "the peer did not answer the handshake"}, false);
    }
    Disconnect();
    events_.push_back({.type = EventType::kDisconnected});
    return;
  }
  if (now_ >= lane_deadline_) {
    // Lanes are signalled over the control lane. While the peer is silent there none can come, and
    // the connection is what is missing.
    if (now_ >= unanswered_since_ && now_ - unanswered_since_ >= kCheckTimeout) return Disconnect();
    return CloseWith(Error{ErrorCode::kLaneClosed, "no data channel could be opened again"}, false);
  }
  if (now_ >= check_deadline_) return Disconnect();
  if (connected_ && now_ - heard_at_ >= options_.idle_timeout) return Disconnect();
  if (connected_ && now_ >= StandstillDeadline()) {
    return CloseWith(Error{ErrorCode::kTimeout, "no data channel moves any more"}, false);
  }
  RecoverLosses();
}

void Session::CheckPeer(Timestamp now) {
  Touch(now);
  if (closed_ || !connected_) return;
  next_ping_ = now_;
  check_deadline_ = std::min(check_deadline_, now_ + kCheckTimeout);
}

void Session::OnPacketCounts(uint64_t sent, uint64_t received, Timestamp now) {
  Touch(now);
  packet_loss_.OnAnswer(sent, received, now_);
}

std::optional<double> Session::loss() const {
  const std::optional<double> packets = packet_loss_.share();
  return packets ? packets : loss_.share();
}

void Session::ReportChunks() {
  if (now_ < next_chunk_report_ || !BulkMoves() || !round_trip_.smoothed()) return;
  next_chunk_report_ = now_ + kChunkReportInterval;
  ChunkMetrics metrics = chunk_totals_;
  metrics.timestamp_ms = static_cast<double>(now_.micros()) / 1000;
  metrics.rtt_ms = round_trip_.smoothed()->millis();
  metrics.jitter_ms = flow_.rate().queue_delay().jitter().millis();
  metrics.loss = loss().value_or(0);
  metrics.buffer_level = 1;
  for (const auto& [id, lane] : lanes_) {
    if (!lane.IsControl()) {
      metrics.buffer_level = std::min(metrics.buffer_level, lane.gate().BufferLevel());
    }
  }
  chunks_.Report(metrics);
}

void Session::RecoverLosses() {
  for (auto& [id, lane] : lanes_) {
    if (lane.IsControl()) continue;
    settled_.clear();
    lane.sent().DetectLosses(now_, settled_);
    for (const PieceId piece : settled_) sender_.OnLost(piece);
    if (lane.sent().ProbeDue(now_)) ProbeLane(lane);
  }
  JudgeDelivery();
}

void Session::RecordTotals::AddUnreliable(const Lane& lane) {
  if (lane.sent().delivery() == Delivery::kReliable) return;
  acked += lane.sent().acked_records();
  lost += lane.sent().lost_records();
}

void Session::JudgeDelivery() {
  if (said_lossy_) return;
  RecordTotals totals = gone_unreliable_;
  for (const auto& [id, lane] : lanes_) totals.AddUnreliable(lane);
  loss_.Update(totals.acked, totals.lost);
  if (!loss_.TooHigh()) return;
  said_lossy_ = true;
  events_.push_back({.type = EventType::kLossy});
}

void Session::ProbeLane(Lane& lane) {
  // What a lane that stands still holds goes out on the others, all of it; alone, it is tried again
  // with little: RFC 9002, section 6.2.4, sends two.
  const bool alone = !OtherLaneMoves(lanes_, lane);
  size_t left = alone ? 2 : SIZE_MAX;
  lane.sent().OnProbe(now_);
  probes_left_ = 0;
  while (left > 0) {
    const std::optional<PieceId> piece = lane.sent().TakeOldest();
    if (!piece) return;
    if (!sender_.OnLost(*piece)) continue;
    --left;
    if (alone) ++probes_left_;
  }
}

Timestamp Session::StandstillDeadline() const {
  return BulkIsPending() ? moved_at_ + kStandstillTimeout : Timestamp::Never();
}

bool Session::BulkIsPending() const { return sender_.HasPiece() || BulkInFlightBytes() > 0; }

void Session::RetireLanes() {
  const auto rate_of = [this](const Lane& lane) {
    return lane.IsControl() ? 0 : lane.load().BytesPerSecond(flow_.round_trip());
  };
  double sum = 0;
  for (const auto& [id, lane] : lanes_) sum += rate_of(lane);
  const double mean = sum / static_cast<double>(std::max<size_t>(BulkLanes(), 1));
  for (auto it = lanes_.begin(); it != lanes_.end();) {
    Lane& lane = (it++)->second;
    if (lane.IsControl() || BulkLanes() == 1) continue;
    if (!flow_.IsCollapsed(
            {lane.sent().stalled(), rate_of(lane), mean, lane.sent().in_flight_bytes()}, now_))
      continue;
    flow_.OnRetired(now_);
    if (trace_) trace_->OnRetired(lane, now_);
    events_.push_back({.type = EventType::kLaneRetired, .lane = lane.id()});
    DropBulkLane(lane);
  }
}

Timestamp Session::NextTimeout() const {
  if (closed_) return Timestamp::Never();
  Timestamp next = std::min({handshake_deadline_, reconnect_deadline_, lane_deadline_});
  if (!connected_) return next;
  next = std::min(
      {next, bulk_due_, check_deadline_, heard_at_ + options_.idle_timeout, StandstillDeadline()});
  // While the control lane is full, nothing that goes out on it can be due.
  const bool may_speak = !lanes_.at(kControlLane).gate().IsPaused();
  if (may_speak) next = std::min(next, next_ping_);
  for (const auto& [id, lane] : lanes_) {
    if (may_speak) next = std::min(next, lane.received().ack_due());
    if (!lane.IsControl()) next = std::min(next, lane.sent().next_timeout());
  }
  return next;
}

std::optional<Output> Session::PollOutput(Timestamp now) {
  Touch(now);
  if (frames_.overflowed()) {
    CloseWith(Error{ErrorCode::kTooLarge, "too much waits to be said to the peer"}, false);
  }
  receive_waiting_.Set(WhatReceivingWaits(), now_);
  if (trace_) Observe();
  Lane* control = FindLane(kControlLane);
  if (control == nullptr) return std::nullopt;
  if (!BulkIsPending()) moved_at_ = now_;
  if (std::optional<Output> hello = PollHandshake(*control)) return hello;
  if (!control->has_keys()) return std::nullopt;
  receiver_.GrantCredit();
  if (!control->gate().IsPaused() && WantsControlRecord()) return PollControl(*control);
  return PollBulk();
}

std::optional<Output> Session::PollHandshake(Lane& lane) {
  if (!handshake_) return std::nullopt;
  const size_t length = handshake_->PollMessage(MutableByteView(output_).subspan(1));
  if (length == 0) {
    if (connected_ || closed_) handshake_.reset();
    return std::nullopt;
  }
  output_[0] = static_cast<uint8_t>(RecordKind::kHandshake);
  lane.CountSent(1 + length);
  return Output{lane.id(), ByteView(output_).first(1 + length)};
}

bool Session::WantsControlRecord() const {
  if (resume_owed_) return true;
  if (!frames_.empty() && !resume_awaited_) return true;
  if (closed_) return false;
  if (pong_owed_ || now_ >= next_ping_) return true;
  return std::any_of(lanes_.begin(), lanes_.end(), [this](const auto& entry) {
    return entry.second.received().ack_due() <= now_;
  });
}

bool Session::HasTransfers() const {
  return sender_.active_transfers() + receiver_.active_transfers() > 0;
}

size_t Session::BulkInFlightBytes() const {
  size_t bytes = 0;
  for (const auto& [id, lane] : lanes_) {
    if (!lane.IsControl()) bytes += lane.sent().in_flight_bytes();
  }
  return bytes;
}

bool Session::BulkMoves() const { return now_ < bulk_moves_until_; }

Duration Session::PingInterval() const {
  // Pings that wait for a retransmission only delay what is behind them.
  const bool answered =
      now_ < unanswered_since_ || now_ - unanswered_since_ < flow_.round_trip() * 2 + kLatePong;
  if (BulkMoves() && answered) return flow_.PingInterval();
  if (!flow_.KnowsRoundTrip() && answered) return kFirstPingInterval;
  return HasTransfers() ? kActivePingInterval : kIdlePingInterval;
}

// Answers whether the record asks for an acknowledgement.
bool Session::PackControl(const Lane& control, ByteWriter& writer) {
  bool eliciting = false;
  if (resume_owed_) {
    EncodeFrame(ResumeFrame{frames_received_}, writer);
    resume_owed_ = false;
    eliciting = true;
  }
  if (!closed_) {
    for (auto& [id, lane] : lanes_) {
      const bool owed = !lane.received().ack_due().IsNever();
      if (owed && writer.room() >= kAckRoom) EncodeFrame(lane.received().TakeAck(id), writer);
    }
    if (pong_owed_) {
      EncodeFrame(PongFrame{*pong_owed_}, writer);
      pong_owed_.reset();
      eliciting = true;
    }
    if (now_ >= next_ping_) {
      EncodeFrame(PingFrame{static_cast<uint64_t>(now_.micros())}, writer);
      unanswered_since_ = std::min(unanswered_since_, now_);
      next_ping_ = now_ + PingInterval();
      eliciting = true;
    }
  }
  if (resume_awaited_) return eliciting;
  return frames_.PackInto(writer, control.sent().next_number()) > 0 || eliciting;
}

std::optional<Output> Session::PollControl(Lane& lane) {
  if (lane.sent().remembered() >= kMaxUnackedControlRecords) {
    CloseWith(Violation("the peer does not acknowledge what it is told"), false);
  }
  std::array<uint8_t, kMaxControlRecordBytes - kRecordOverheadBytes> plaintext;
  ByteWriter writer(plaintext);
  const bool eliciting = PackControl(lane, writer);
  if (writer.size() == 0) return std::nullopt;
  const size_t bytes = writer.size() + kRecordOverheadBytes;
  if (privacy_) writer.Zeros(PaddedControlBytes(bytes) - bytes);
  const ByteView message =
      lane.SealRecord(writer.written(), std::nullopt, eliciting, now_, output_);
  if (closed_ && frames_.empty()) ForgetKeys(true);
  return Output{lane.id(), message};
}

std::optional<Output> Session::PollBulk() {
  bulk_due_ = Timestamp::Never();
  std::optional<Output> output;
  if (!closed_ && HasBulkLane()) output = PollBulkRecord();
  // Until the next poll this side's processor has the record: sealing, handing over, reading on.
  waiting_.Set(output ? Waiting::kSeal : WhatWaits(), now_);
  return output;
}

std::optional<Output> Session::PollBulkRecord() {
  if (std::optional<Output> nudge = PollNudge()) return nudge;
  if (std::optional<Output> probe = PollProbe()) return probe;
  if (!flow_.MaySend(BulkInFlightBytes(), now_)) {
    const bool paced = flow_.ready_at() > now_;
    // More in flight than the rate explains is in lanes whose windows are full, or on its way and
    // not acknowledged yet.
    flow_.OnLimited(paced              ? SendLimit::kRate
                    : WindowsAreFull() ? SendLimit::kLanes
                                       : SendLimit::kFlight,
                    now_);
    if (paced) bulk_due_ = flow_.ready_at();
    return std::nullopt;
  }
  if (!sender_.HasPiece()) {
    flow_.OnLimited(SendLimit::kSource, now_);
    return sender_.HasTail() ? PollCopy() : std::nullopt;
  }
  Lane* lane = PickLane(lanes_, BulkChoice());
  if (lane == nullptr) {
    flow_.OnLimited(SendLimit::kLanes, now_);
    return std::nullopt;
  }
  const std::optional<OutgoingPiece> piece = sender_.NextPiece();
  if (!piece) return std::nullopt;
  return SendPiece(*lane, *piece);
}

std::optional<Waiting> Session::WhatWaits() const {
  if (closed_ || !sender_.MayMove()) return std::nullopt;
  const size_t in_flight = BulkInFlightBytes();
  if (!HasBulkLane()) return Waiting::kNetwork;
  if (sender_.HasPiece()) {
    // A rate that falls to what full channels let through is not the network's.
    return ChannelsAreFull() ? Waiting::kChannel : Waiting::kNetwork;
  }
  if (sender_.HasMore()) return Waiting::kSource;
  // Credit, memory, or the end: what is on its way comes first. When all of that has arrived, only
  // the peer is left, which has yet to write it.
  return in_flight > 0 ? Waiting::kNetwork : Waiting::kSink;
}

std::optional<Waiting> Session::WhatReceivingWaits() const {
  if (closed_ || !receiver_.MayMove()) return std::nullopt;
  return receiver_.WaitsForSink() ? Waiting::kSink : Waiting::kNetwork;
}

void Session::SetReceiving(Waiting waiting) {
  if (receive_waiting_.current()) receive_waiting_.Set(waiting, now_);
}

void Session::Observe() {
  WaitingTimes::Totals waited = waiting_.TotalsAt(now_);
  const WaitingTimes::Totals received = receive_waiting_.TotalsAt(now_);
  for (size_t i = 0; i < kWaitings; ++i) waited[i] = waited[i] + received[i];
  trace_->Observe({.lanes = lanes_,
                   .flow = flow_,
                   .chunks = chunks_,
                   .round_trip = round_trip_.smoothed(),
                   .loss = loss(),
                   .record_bytes = RecordPayload(),
                   .acked_bytes = chunk_totals_.bytes_transferred,
                   .waited = waited,
                   .active = !closed_ && HasTransfers(),
                   .pending = BulkIsPending() ? std::optional(moved_at_) : std::nullopt},
                  now_);
}

bool Session::ChannelsAreFull() const {
  return std::all_of(lanes_.begin(), lanes_.end(), [](const auto& entry) {
    return entry.second.IsControl() || entry.second.gate().IsPaused();
  });
}

std::optional<Output> Session::PollProbe() {
  if (probes_left_ == 0) return std::nullopt;
  for (auto& [id, lane] : lanes_) {
    if (lane.IsControl() || lane.gate().IsPaused()) continue;
    --probes_left_;
    const std::optional<OutgoingPiece> piece = sender_.NextPiece();
    if (!piece) return std::nullopt;
    return SendPiece(lane, *piece);
  }
  return std::nullopt;
}

std::optional<Output> Session::PollNudge() {
  if (nudges_left_ == 0) return std::nullopt;
  --nudges_left_;
  Lane* lane = FindLane(last_used_lane_);
  if (lane == nullptr) return std::nullopt;
  std::array<uint8_t, 1> plaintext;
  ByteWriter writer(plaintext);
  EncodeFrame(PaddingFrame{}, writer);
  return Output{lane->id(), lane->SealRecord(writer.written(), std::nullopt, false, now_, output_)};
}

bool Session::WindowsAreFull() const {
  return std::all_of(lanes_.begin(), lanes_.end(), [](const auto& entry) {
    return entry.second.IsControl() || entry.second.gate().buffered() > 0;
  });
}

std::optional<Output> Session::PollCopy() {
  // What takes much longer than a round trip waits for a retransmission, or behind one; and there
  // is nothing else to send.
  const Timestamp sent_before = now_ + (Duration() - flow_.round_trip() * 5 / 4 - kLateRecord);
  const auto is_tail = [this](PieceId piece) { return sender_.IsTail(piece); };
  for (auto& [id, from] : lanes_) {
    if (from.IsControl()) continue;
    LaneChoice choice = BulkChoice();
    choice.except = id;
    Lane* lane = PickLane(lanes_, choice);
    if (lane == nullptr) continue;
    while (const std::optional<PieceId> piece = from.sent().TakeLate(sent_before, is_tail)) {
      if (const auto copy = sender_.CopyPiece(*piece)) return SendPiece(*lane, *copy);
    }
  }
  return std::nullopt;
}

LaneChoice Session::BulkChoice() const {
  return {options_.scheduler,  RecordPayload(), flow_.round_trip(),
          flow_.LaneBacklog(), last_used_lane_, std::nullopt};
}

size_t Session::RecordPayload() const {
  return flow_.RecordPayload(RecordPayloadBytes(chunks_.chunk_bytes(), record_bytes_));
}

Output Session::SendPiece(Lane& lane, const OutgoingPiece& piece) {
  last_used_lane_ = lane.id();
  if (!BulkMoves()) next_ping_ = now_;
  bulk_moves_until_ = now_ + kBulkMemory;
  const bool has_data = piece.piece.has_value();
  // Nobody acknowledges padding.
  if (!has_data) moved_at_ = now_;
  const ByteView message =
      lane.SealRecord(piece.plaintext, piece.piece, has_data, now_, output_, piece.padding);
  flow_.OnSent(message.size(), now_);
  if (has_data) chunk_totals_.chunks_sent += 1;
  // With privacy, their size would tell them from what is sent, and so how much that is.
  if (!privacy_ && lane.sent().acked_records() < kYoungRecords) nudges_left_ = kNudges;
  return Output{lane.id(), message};
}

std::optional<ReadRequest> Session::PollRead() {
  if (closed_ || !HasBulkLane()) return std::nullopt;
  sender_.SetPieceBytes(RecordPayload());
  return sender_.PollRead();
}

void Session::ReadDone(PieceId piece, size_t length, Timestamp now) {
  Touch(now);
  // The source has done its part; hashing is this side's.
  if (waiting_.current() == Waiting::kSource) waiting_.Set(Waiting::kSeal, now_);
  sender_.ReadDone(piece, length);
}

std::optional<WriteRequest> Session::PollWrite() {
  std::optional<WriteRequest> write = receiver_.PollWrite();
  // A sink may take it while nothing else can happen.
  if (write) SetReceiving(Waiting::kSink);
  return write;
}

void Session::WriteDone(WriteId write, Timestamp now) {
  Touch(now);
  SetReceiving(Waiting::kSeal);
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

TransferId Session::Offer(const FileList& files, const TransferToken& token, Timestamp now) {
  Touch(now);
  if (!established_ || closed_) {
    const TransferId none(UINT32_MAX);
    events_.push_back({.type = EventType::kFailed,
                       .transfer = none,
                       .error = {ErrorCode::kInvalidArgument, "the session is not connected"}});
    return none;
  }
  return sender_.Offer(files, token);
}

void Session::AddExisting(TransferId transfer, FileIndex file, uint64_t offset, ByteView bytes) {
  if (!closed_) receiver_.AddExisting(transfer, file, offset, bytes);
}

void Session::Accept(TransferId transfer, Timestamp now) {
  Touch(now);
  if (closed_) return;
  if (!receiver_.MayMove()) receive_waiting_from_ = receive_waiting_.TotalsAt(now_);
  receiver_.Accept(transfer);
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
  receiver_.SetPausedHere(transfer, paused);
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
  if (closed_ || !established_) return;
  if (message.size() > kMaxSignalBytes) {
    return CloseWith(Error{ErrorCode::kInvalidArgument, "a signalling message is too long"}, false);
  }
  frames_.Push(SignalFrame{message});
}

void Session::Message(ByteView message, Timestamp now) {
  Touch(now);
  if (closed_ || !established_) return;
  if (message.size() > kMaxAppMessageBytes) {
    return CloseWith(Error{ErrorCode::kInvalidArgument, "a message is too long"}, false);
  }
  do {
    const ByteView part = message.first(std::min(message.size(), kMaxMessagePartBytes));
    message = message.subspan(part.size());
    frames_.Push(MessageFrame{!message.empty(), part});
  } while (!message.empty());
}

Status Session::HandleMessage(const MessageFrame& message) {
  if (message_.size() + message.bytes.size() > kMaxAppMessageBytes) {
    return Error{ErrorCode::kTooLarge, "the peer's message is too long"};
  }
  message_.insert(message_.end(), message.bytes.begin(), message.bytes.end());
  if (message.more) return Status::Ok();
  events_.push_back({.type = EventType::kMessage, .bytes = std::move(message_)});
  message_.clear();
  return Status::Ok();
}

void Session::Close(ErrorCode code, std::string_view detail, Timestamp now) {
  Touch(now);
  CloseWith(Error{code, Clip(detail)}, false);
}

void Session::CloseWith(Error error, bool by_peer) {
  if (closed_) return;
  closed_ = true;
  // An initiator that is connected may still have to say what the CLOSE needs.
  if (!connected_) handshake_.reset();
  frames_.Clear();
  sender_.FailAll(error, by_peer);
  receiver_.FailAll(error, by_peer);
  // What failing the transfers left to say is said by the CLOSE.
  frames_.Clear();
  resume_owed_ = false;
  const bool has_last_words = connected_ && !by_peer && !resume_awaited_;
  ForgetKeys(!has_last_words);
  if (has_last_words) frames_.Push(CloseFrame{error.code, error.detail});
  events_.push_back({.type = EventType::kClosed, .flag = by_peer, .error = std::move(error)});
}

void Session::ForgetKeys(bool all) {
  first_secrets_.reset();
  secrets_.reset();
  for (auto& [id, lane] : lanes_) {
    if (all || !lane.IsControl()) lane.ForgetKeys();
  }
}

uint64_t Session::TransferBytes(TransferId transfer) const {
  if (const IncomingTransfer* incoming = receiver_.Find(transfer)) {
    return incoming->existing_bytes + incoming->written_bytes;
  }
  return sender_.DeliveredBytes(transfer);
}

}  // namespace millrace
