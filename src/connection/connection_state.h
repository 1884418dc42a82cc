// The state of a session's connection: opening, connected, interrupted or closed. Each state owns
// its handshake, secrets and deadlines; they are wiped and forgotten when the state ends.
#pragma once

#include <memory>
#include <string_view>
#include <variant>

#include "base/time.h"
#include "crypto/handshake.h"

namespace millrace {

class ConnectionState {
 public:
  explicit ConnectionState(std::unique_ptr<Handshake> handshake)
      : state_(Opening{std::move(handshake)}) {}

  // --- Events ---

  // The control lane of a new connection opens, between these certificates; CanOpenControlLane()
  // holds. Errors: as Handshake::Begin; the state stays.
  Status BeginHandshake(std::string_view local_fingerprint, std::string_view remote_fingerprint,
                        Timestamp deadline);
  // A handshake message of the peer arrives; BeginHandshake has succeeded. Answers whether the
  // connection is up now. Errors: as Handshake::HandleMessage; the handshake is over then, and its
  // last message tells the peer.
  Result<bool> OnHandshakeMessage(ByteView message);
  // Writes the next handshake message for the peer to `out` and answers its length; 0: none.
  size_t PollHandshake(MutableByteView out);
  // The connection is lost, and may be replaced until `deadline`. While interrupted, the earlier
  // deadline stays and the new handshake is given up. No-op while opening and once closed.
  void Interrupt(Timestamp deadline);
  // A new connection begins, with this handshake. No-op unless CanReconnect().
  void Reconnect(std::unique_ptr<Handshake> handshake);
  // Ends the session and wipes all secrets. `has_last_words`: PollHandshake may still give
  // messages.
  void Close(bool has_last_words);
  // A bulk lane has to open by then; Never: one is open, or none is needed. No-op unless connected.
  void ExpectLane(Timestamp deadline);

  // --- State ---

  bool opening() const { return std::holds_alternative<Opening>(state_); }
  bool connected() const { return std::holds_alternative<Connected>(state_); }
  bool interrupted() const { return std::holds_alternative<Interrupted>(state_); }
  bool closed() const { return std::holds_alternative<Closed>(state_); }
  // There is a handshake that waits for its control lane, or for the peer's messages on it.
  bool CanOpenControlLane() const;
  // Interrupted, and no new control lane has opened.
  bool CanReconnect() const;
  // While connected or interrupted: the secrets of the session's first connection. Each
  // reconnection starts from these, since a later handshake may have succeeded for one side only.
  const SessionSecrets& first_secrets() const;
  // While connected: the secrets of the current connection.
  const SessionSecrets& secrets() const { return std::get<Connected>(state_).current; }

  enum class Expiry : uint8_t {
    kNone,
    kHandshake,         // The peer did not answer the first handshake.
    kReconnectAttempt,  // It did not answer a later one; another connection may still succeed.
    kReconnect,         // The peer did not come back in time.
    kLane,              // No bulk lane opened.
  };
  // Which deadline has passed.
  Expiry ExpiredAt(Timestamp now) const;
  Timestamp NextTimeout() const;

 private:
  struct Opening {
    std::unique_ptr<Handshake> handshake;
    Timestamp deadline = Timestamp::Never();
  };
  struct Connected {
    SessionSecrets first;
    SessionSecrets current;
    std::unique_ptr<Handshake> handshake;  // Until its last message is sent.
    Timestamp lane_deadline = Timestamp::Never();
  };
  struct Interrupted {
    SessionSecrets first;
    Timestamp deadline;
    std::unique_ptr<Handshake> handshake;  // Null until a new connection is tried.
    Timestamp handshake_deadline = Timestamp::Never();
  };
  struct Closed {
    std::unique_ptr<Handshake> handshake;  // Null where no message is left to send.
  };

  std::unique_ptr<Handshake>& handshake();
  void BecomeConnected(SessionSecrets secrets);

  std::variant<Opening, Connected, Interrupted, Closed> state_;
};

}  // namespace millrace
