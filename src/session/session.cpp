#include "session/session.h"

#include <algorithm>

#include "wire/utf8.h"

namespace millrace {
namespace {

// The session ends when pieces are pending and no data channel has moved for this long, although
// the peer is heard on the control lane: twenty times the longest retransmission timeout of
// libwebrtc's SCTP, whose back-off ends at 3 s (media/sctp/dcsctp_transport.cc,
// max_timer_backoff_duration). Longer than SessionOptions::idle_timeout, which decides where the
// control lane is silent as well.
constexpr Duration kStandstillTimeout = Duration::Seconds(60);

std::string Clip(std::string_view text) { return std::string(ClipUtf8(text, kMaxReasonBytes)); }

}  // namespace

Session::Session(const SessionOptions& options, std::unique_ptr<Handshake> handshake, Timestamp now)
    : options_(options),
      now_(now),
      state_(std::move(handshake)),
      pulse_(options.idle_timeout),
      sender_(options.send_pool_bytes, memory_, control_.frames(), events_),
      receiver_(options.receive_pool_bytes, memory_, control_.frames(), events_),
      bulk_(sender_, {options.scheduler, options.lanes, options.chunks,
                      options.most_bytes_per_second, options.background}),
      output_(kMaxMessageBytes) {
  if (options.trace) trace_ = std::make_unique<SessionTrace>();
}

SealedLane* Session::FindLane(LaneId id) {
  if (id == kControlLane) return control_.lane();
  return id == kPulseLane ? pulse_lane_.lane() : bulk_.lanes().Find(id);
}

bool Session::MayOpen(LaneId id) const {
  if (id == kControlLane) return state_.CanOpenControlLane() && control_.lane() == nullptr;
  if (id == kPulseLane) {
    return (state_.CanOpenControlLane() || connected()) && pulse_lane_.lane() == nullptr;
  }
  return connected();
}

void Session::OpenLane(LaneId id, size_t max_message_bytes, Delivery delivery, Timestamp now) {
  Touch(now);
  if (closed()) return;
  // On an unreliable channel one lost packet loses a whole message: at 1 % packet loss, 14 % of
  // messages of 16 KiB and 90 % of messages of 256 KiB.
  const size_t most = delivery == Delivery::kReliable ? kMaxMessageBytes : kMinMessageBytes;
  const size_t usable = std::min(max_message_bytes, most);
  if (MayOpen(id) && usable >= kMinMessageBytes) {
    if (id == kControlLane) return OpenControlLane(usable);
    if (id == kPulseLane) return OpenPulseLane(usable);
    if (bulk_.OpenLane({id, delivery, options_.water_marks, usable}, state_.secrets(),
                       options_.records_per_epoch, now_)) {
      return state_.ExpectLane(Timestamp::Never());
    }
  }
  CloseWith(Error{ErrorCode::kInvalidArgument,
                  "this lane cannot be opened: wrong order, a number that was used before, or too "
                  "small messages"},
            Ending::kFailure);
}

void Session::OpenControlLane(size_t max_message_bytes) {
  const Status begun = state_.BeginHandshake(local_fingerprint_, remote_fingerprint_,
                                             now_ + options_.handshake_timeout);
  // The next connection needs fingerprints of its own.
  SetFingerprints("", "");
  if (!begun.ok()) return CloseWith(begun.error(), Ending::kFailure);
  control_.Open(max_message_bytes);
}

void Session::OpenPulseLane(size_t max_message_bytes) {
  pulse_lane_.Open(max_message_bytes);
  if (connected()) pulse_lane_.SetKeys(state_.secrets(), options_.records_per_epoch);
}

void Session::SetFingerprints(std::string_view local, std::string_view remote) {
  local_fingerprint_ = local;
  remote_fingerprint_ = remote;
}

void Session::CloseLane(LaneId id, Timestamp now) {
  Touch(now);
  if (FindLane(id) == nullptr) return;
  if (IsOfControlConnection(id)) return Disconnect();
  bulk_.CloseLane(id);
  if (closed() || !bulk_.lanes().empty()) return;
  if (options_.lane_timeout == Duration()) {
    return CloseWith(Error{ErrorCode::kLaneClosed, "a data channel closed during the session"},
                     Ending::kFailure);
  }
  ExpectLane();
}

void Session::Disconnect() {
  const bool was_connected = connected();
  bulk_.CloseAllLanes();
  control_.Close();
  pulse_lane_.Close();
  pulse_.Stop();
  said_silent_ = false;
  if (closed()) return;
  if (state_.opening() || options_.reconnect_timeout == Duration()) {
    return CloseWith(Error{ErrorCode::kConnectionLost, "the connection to the peer closed"},
                     Ending::kFailure);
  }
  state_.Interrupt(now_ + options_.reconnect_timeout);
  if (was_connected) events_.push_back({.type = EventType::kDisconnected});
}

void Session::Reconnect(std::unique_ptr<Handshake> handshake, Timestamp now) {
  Touch(now);
  if (control_.lane() == nullptr) state_.Reconnect(std::move(handshake));
}

void Session::OnConnected(bool resumed) {
  const SessionSecrets& secrets = state_.secrets();
  const bool initiates = secrets.role == Role::kInitiator;
  control_.SetKeys(secrets, options_.records_per_epoch);
  pulse_lane_.SetKeys(secrets, options_.records_per_epoch);
  sender_.SetPrivacy(secrets.agreement.privacy);
  bulk_.SetPrivacy(secrets.agreement.privacy);
  pulse_.Start(now_);
  ExpectLane();
  if (resumed) {
    control_.ExpectResume();
    bulk_.StartPath(now_);
    packet_loss_ = PacketLoss();
    events_.push_back({.type = EventType::kReconnected, .flag = initiates});
    return;
  }
  sender_.SetRole(secrets.role);
  receiver_.SetRole(secrets.role);
  events_.push_back(
      {.type = EventType::kEstablished, .flag = initiates, .agreement = secrets.agreement});
}

void Session::ExpectLane() {
  if (options_.lane_timeout != Duration()) state_.ExpectLane(now_ + options_.lane_timeout);
}

void Session::SetWaterMarks(WaterMarks marks) {
  options_.water_marks = marks;
  bulk_.lanes().SetWaterMarks(marks);
}

void Session::SetBuffered(LaneId id, size_t bytes, Timestamp now) {
  Touch(now);
  SealedLane* lane = FindLane(id);
  if (lane != nullptr) lane->gate().OnBuffered(bytes);
}

void Session::AdvanceTime(Timestamp now) {
  Touch(now);
  if (closed()) {
    if (!draining()) ForgetKeys();
    return;
  }
  switch (state_.ExpiredAt(now_)) {
    case ConnectionState::Expiry::kReconnect:
      return CloseWith(Error{ErrorCode::kConnectionLost, "the peer did not come back"},
                       Ending::kFailure);
    case ConnectionState::Expiry::kHandshake:
      return CloseWith(Error{ErrorCode::kTimeout, "the peer did not answer the handshake"},
                       Ending::kFailure);
    case ConnectionState::Expiry::kReconnectAttempt:
      Disconnect();
      events_.push_back({.type = EventType::kDisconnected});
      return;
    case ConnectionState::Expiry::kLane:
      // Lanes are signalled over the control lane. While the peer is silent there, no lane can
      // come, and the connection is at fault.
      if (pulse_.IsUnanswered(Pulse::kCheckTimeout, now_)) return Disconnect();
      return CloseWith(Error{ErrorCode::kLaneClosed, "no data channel could be opened again"},
                       Ending::kFailure);
    case ConnectionState::Expiry::kNone:
      break;
  }
  if (connected() && (pulse_.IsLost(now_) || now_ >= ControlDeadline())) return Disconnect();
  if (connected() && now_ >= StandstillDeadline()) {
    return CloseWith(Error{ErrorCode::kTimeout, "no data channel moves any more"},
                     Ending::kFailure);
  }
  bulk_.DetectLosses(now_);
  JudgeDelivery();
  JudgeSilence();
}

void Session::JudgeSilence() {
  const bool silent =
      connected() && pulse_.IsUnanswered(kSilence, now_) && (said_silent_ || HasTransfers());
  if (silent == said_silent_) return;
  said_silent_ = silent;
  events_.push_back({.type = EventType::kSilent, .flag = silent});
}

void Session::CheckPeer(Timestamp now) {
  Touch(now);
  if (connected()) pulse_.Check(now_);
}

void Session::SetMostBytesPerSecond(uint64_t most, Timestamp now) {
  Touch(now);
  bulk_.SetMostBytesPerSecond(most, now_);
}

void Session::OnPacketCounts(uint64_t sent, uint64_t received, Timestamp now) {
  Touch(now);
  packet_loss_.OnAnswer(sent, received, now_);
}

std::optional<double> Session::loss() const {
  const std::optional<double> packets = packet_loss_.share();
  if (packets) return packets;
  return bulk_.lanes().HasUnreliable() ? record_loss_.share() : std::nullopt;
}

void Session::JudgeDelivery() {
  const RecordTotals totals = bulk_.lanes().unreliable();
  record_loss_.Update(totals.acked, totals.lost);
  if (said_lossy_ || !record_loss_.TooHigh()) return;
  said_lossy_ = true;
  events_.push_back({.type = EventType::kLossy});
}

Timestamp Session::StandstillDeadline() const {
  return bulk_.IsPending() ? bulk_.progress_at() + kStandstillTimeout : Timestamp::Never();
}

Timestamp Session::ControlDeadline() const {
  const Timestamp since = control_.unheard_since();
  return since.IsNever() ? since : since + options_.idle_timeout;
}

Timestamp Session::NextTimeout() const {
  // While the pulse lane is full, nothing that it carries can be due.
  const bool may_speak = pulse_lane_.HasRoom();
  const Timestamp pulse_timeout = pulse_.NextTimeout(may_speak);
  if (closed()) return draining() ? std::min(drain_deadline_, pulse_timeout) : Timestamp::Never();
  const Timestamp next = state_.NextTimeout();
  if (!connected()) return next;
  return std::min({next, may_speak ? AckDue() : Timestamp::Never(), pulse_timeout,
                   SilenceDeadline(), bulk_.due(), bulk_.lanes().loss_timeout(),
                   StandstillDeadline(), ControlDeadline()});
}

std::optional<Waiting> Session::FindReceiveWaiting() const {
  if (closed() || !receiver_.MayMove()) return std::nullopt;
  return receiver_.WaitsForSink() ? Waiting::kSink : Waiting::kNetwork;
}

void Session::SetReceiving(Waiting waiting) {
  if (receive_waiting_.current()) receive_waiting_.Set(waiting, now_);
}

void Session::ObserveTrace() {
  WaitingTimes::Totals waited = waiting_.TotalsAt(now_);
  const WaitingTimes::Totals received = receive_waiting_.TotalsAt(now_);
  for (size_t i = 0; i < kWaitings; ++i) waited[i] = waited[i] + received[i];
  trace_->Observe(
      {.lanes = lanes(),
       .flow = flow(),
       .chunks = chunks(),
       .round_trip = round_trip().smoothed(),
       .loss = loss(),
       .record_bytes = bulk_.RecordPayload(),
       .acked_bytes = bulk_.acked_bytes(),
       .waited = waited,
       .active = !closed() && HasTransfers(),
       .pending = bulk_.IsPending() ? std::optional(bulk_.progress_at()) : std::nullopt},
      now_);
}

void Session::Close(ErrorCode code, std::string_view detail, Timestamp now) {
  Touch(now);
  CloseWith(Error{code, Clip(detail)}, Ending::kGoodbye);
}

void Session::CloseWith(Error error, Ending ending) {
  if (closed()) return;
  const bool by_peer = ending == Ending::kByPeer;
  const bool can_speak = connected() && control_.lane() != nullptr && !control_.awaits_resume();
  if (ending != Ending::kGoodbye || !can_speak) control_.frames().Clear();
  // An initiator that is connected may still owe the last handshake message, without which the peer
  // cannot read the CLOSE.
  state_.Close(connected() || ending == Ending::kHandshakeFailed);
  sender_.FailAll(error, by_peer);
  receiver_.FailAll(error, by_peer);
  if (can_speak) {
    pulse_.FinishUp();
    // The acknowledgement goes out with a ping, again and again until there is a pong.
    if (by_peer) pulse_.PingNow(now_);
    if (!by_peer) control_.frames().Push(CloseFrame{error.code, error.detail});
  }
  drain_deadline_ = now_;
  if (can_speak) drain_deadline_ = now_ + (by_peer ? kAckDrainTimeout : kDrainTimeout);
  if (!by_peer) ForgetKeys();
  events_.push_back({.type = EventType::kClosed, .flag = by_peer, .error = std::move(error)});
}

bool Session::draining() const {
  if (!closed() || now_ >= drain_deadline_ || !control_.HasKeys()) return false;
  return !control_.IsFinished() || pulse_.owes_pong();
}

void Session::ForgetKeys() {
  bulk_.lanes().ForEach([](SealedLane& lane) { lane.ForgetKeys(); });
  if (draining()) return;
  if (control_.lane() != nullptr) control_.lane()->ForgetKeys();
  if (pulse_lane_.lane() != nullptr) pulse_lane_.lane()->ForgetKeys();
}

uint64_t Session::TransferBytes(TransferId transfer) const {
  if (const IncomingTransfer* incoming = receiver_.Find(transfer)) {
    return incoming->existing_bytes + incoming->written_bytes;
  }
  return sender_.DeliveredBytes(transfer);
}

}  // namespace millrace
