// How two peers come to share keys. The session knows this interface only, so that authenticated
// handshakes can take the place of the first one without touching it.
#pragma once

#include <optional>

#include "base/bytes.h"
#include "base/error.h"
#include "crypto/key_schedule.h"

namespace millrace {

class Handshake {
 public:
  // A handshake message with its record kind is at most this long.
  static constexpr size_t kMaxMessageBytes = 4096;

  virtual ~Handshake() = default;

  // Writes the next message for the peer to `out` and answers its length; 0 where there is none
  // now.
  virtual size_t PollMessage(MutableByteView out) = 0;

  // Takes a message of the peer. Errors: kHandshakeFailed; the handshake is then over and yields no
  // secrets.
  virtual Status HandleMessage(ByteView message) = 0;

  // The secrets, once, as soon as they are agreed on.
  virtual std::optional<SessionSecrets> TakeSecrets() = 0;
};

}  // namespace millrace
