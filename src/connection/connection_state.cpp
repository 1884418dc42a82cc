#include "connection/connection_state.h"

#include <algorithm>
#include <utility>

namespace millrace {

std::unique_ptr<Handshake>& ConnectionState::handshake() {
  return std::visit([](auto& state) -> std::unique_ptr<Handshake>& { return state.handshake; },
                    state_);
}

Status ConnectionState::BeginHandshake(std::string_view local_fingerprint,
                                       std::string_view remote_fingerprint, Timestamp deadline) {
  const Status begun = handshake()->Begin(local_fingerprint, remote_fingerprint);
  if (!begun.ok()) return begun;
  if (auto* opening = std::get_if<Opening>(&state_)) opening->deadline = deadline;
  if (auto* interrupted = std::get_if<Interrupted>(&state_)) {
    interrupted->handshake_deadline = deadline;
  }
  return begun;
}

Result<bool> ConnectionState::OnHandshakeMessage(ByteView message) {
  const Status handled = handshake()->HandleMessage(message);
  if (!handled.ok()) return handled.error();
  std::optional<SessionSecrets> secrets = handshake()->TakeSecrets();
  if (!secrets) return false;
  BecomeConnected(std::move(*secrets));
  return true;
}

void ConnectionState::BecomeConnected(SessionSecrets secrets) {
  auto* interrupted = std::get_if<Interrupted>(&state_);
  SessionSecrets first = interrupted != nullptr ? std::move(interrupted->first) : secrets.Copy();
  state_ = Connected{std::move(first), std::move(secrets), std::move(handshake())};
}

size_t ConnectionState::PollHandshake(MutableByteView out) {
  if (!handshake()) return 0;
  const size_t length = handshake()->PollMessage(out);
  if (length == 0 && (connected() || closed())) handshake().reset();
  return length;
}

void ConnectionState::Interrupt(Timestamp deadline) {
  if (auto* connected = std::get_if<Connected>(&state_)) {
    state_ = Interrupted{std::move(connected->first), deadline, nullptr};
  } else if (auto* interrupted = std::get_if<Interrupted>(&state_)) {
    interrupted->handshake.reset();
    interrupted->handshake_deadline = Timestamp::Never();
  }
}

void ConnectionState::Reconnect(std::unique_ptr<Handshake> handshake) {
  if (CanReconnect()) std::get<Interrupted>(state_).handshake = std::move(handshake);
}

void ConnectionState::Close(bool has_last_words) {
  std::unique_ptr<Handshake> handshake = std::move(this->handshake());
  if (!has_last_words) handshake.reset();
  state_ = Closed{std::move(handshake)};
}

void ConnectionState::ExpectLane(Timestamp deadline) {
  if (auto* connected = std::get_if<Connected>(&state_)) connected->lane_deadline = deadline;
}

bool ConnectionState::CanOpenControlLane() const {
  if (const auto* opening = std::get_if<Opening>(&state_)) return opening->handshake != nullptr;
  const auto* interrupted = std::get_if<Interrupted>(&state_);
  return interrupted != nullptr && interrupted->handshake != nullptr;
}

bool ConnectionState::CanReconnect() const {
  const auto* interrupted = std::get_if<Interrupted>(&state_);
  return interrupted != nullptr && interrupted->handshake_deadline.IsNever();
}

const SessionSecrets& ConnectionState::first_secrets() const {
  const auto* connected = std::get_if<Connected>(&state_);
  return connected != nullptr ? connected->first : std::get<Interrupted>(state_).first;
}

ConnectionState::Expiry ConnectionState::ExpiredAt(Timestamp now) const {
  if (const auto* opening = std::get_if<Opening>(&state_)) {
    return now >= opening->deadline ? Expiry::kHandshake : Expiry::kNone;
  }
  if (const auto* connected = std::get_if<Connected>(&state_)) {
    return now >= connected->lane_deadline ? Expiry::kLane : Expiry::kNone;
  }
  if (const auto* interrupted = std::get_if<Interrupted>(&state_)) {
    if (now >= interrupted->deadline) return Expiry::kReconnect;
    if (now >= interrupted->handshake_deadline) return Expiry::kReconnectAttempt;
  }
  return Expiry::kNone;
}

Timestamp ConnectionState::NextTimeout() const {
  if (const auto* opening = std::get_if<Opening>(&state_)) return opening->deadline;
  if (const auto* connected = std::get_if<Connected>(&state_)) return connected->lane_deadline;
  if (const auto* interrupted = std::get_if<Interrupted>(&state_)) {
    return std::min(interrupted->deadline, interrupted->handshake_deadline);
  }
  return Timestamp::Never();
}

}  // namespace millrace
