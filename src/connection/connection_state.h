// Where a session's connection stands: opening, connected, interrupted, closed. Each state owns its
// handshake, its secrets and its deadlines, which are wiped and forgotten with it.
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

  // --- What happens ---

  // The control lane of a new connection opens, between these certificates. Errors: as
  // Handshake::Begin; the state stays.
  Status BeginHandshake(std::string_view local_fingerprint, std::string_view remote_fingerprint,
                        Timestamp deadline);
  // A handshake message of the peer. Answers whether the connection is up now. Errors: as
  // Handshake::HandleMessage; the handshake is over then, and its last message tells the peer.
  Result<bool> OnHandshakeMessage(ByteView message);
  // The next handshake message for the peer, written to `out`; answers its length, 0 for none.
  size_t PollHandshake(MutableByteView out);
  // The connection is gone, and may come back until `deadline`; a deadline that runs already stays.
  // No-op while opening and once closed.
  void Interrupt(Timestamp deadline);
  // The handshake of a new connection. No-op unless CanReconnect().
  void Reconnect(std::unique_ptr<Handshake> handshake);
  // Wipes all secrets. `has_last_words`: the handshake may still owe the peer a message.
  void Close(bool has_last_words);
  // A bulk lane is expected by then; Never: it is there, or need not come.
  void ExpectLane(Timestamp deadline);

  // --- What is known ---

  bool opening() const { return std::holds_alternative<Opening>(state_); }
  bool connected() const { return std::holds_alternative<Connected>(state_); }
  bool interrupted() const { return std::holds_alternative<Interrupted>(state_); }
  bool closed() const { return std::holds_alternative<Closed>(state_); }
  // A handshake waits for its control lane, or for the peer's messages on it.
  bool CanOpenControlLane() const;
  bool CanReconnect() const;
  // While connected or interrupted: the secrets of the session's first connection. A handshake goes
  // on with these, since a later handshake may have ended for one side only.
  const SessionSecrets& first_secrets() const;
  // While connected.
  const SessionSecrets& secrets() const { return std::get<Connected>(state_).current; }

  enum class Expiry : uint8_t {
    kNone,
    kHandshake,         // The first one: the peer did not answer.
    kReconnectAttempt,  // A later one; another connection may still come.
    kReconnect,         // The peer did not come back.
    kLane,              // No bulk lane came.
  };
  // The deadline that has passed.
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
    std::unique_ptr<Handshake> handshake;  // Until its last message is out.
    Timestamp lane_deadline = Timestamp::Never();
  };
  struct Interrupted {
    SessionSecrets first;
    Timestamp deadline;
    std::unique_ptr<Handshake> handshake;  // Null until a new connection is tried.
    Timestamp handshake_deadline = Timestamp::Never();
  };
  struct Closed {
    std::unique_ptr<Handshake> handshake;  // Null where nothing is left to say.
  };

  std::unique_ptr<Handshake>& handshake();
  void BecomeConnected(SessionSecrets secrets);

  std::variant<Opening, Connected, Interrupted, Closed> state_;
};

}  // namespace millrace
