#include "support/handshakes.h"

#include <algorithm>

namespace millrace::testing {
namespace {

std::vector<uint8_t> Entropy(Random& random) {
  InitializeCrypto();
  return random.Bytes(Handshake::kEntropyBytes);
}

}  // namespace

std::unique_ptr<Handshake> MakeHandshake(Random& random, const HandshakeOptions& options,
                                         ByteView secret) {
  return std::make_unique<Handshake>(Entropy(random), options, secret);
}

std::unique_ptr<Handshake> MakeHandshake(Random& random, const SessionSecrets& first,
                                         const HandshakeOptions& options) {
  return std::make_unique<Handshake>(Entropy(random), options, first);
}

SessionSecrets FixedSecrets(Role role, const Agreement& agreement, uint8_t fill) {
  InitializeCrypto();
  SessionSecrets secrets;
  std::fill(secrets.master.bytes().begin(), secrets.master.bytes().end(), fill);
  secrets.role = role;
  secrets.agreement = agreement;
  return secrets;
}

std::vector<uint8_t> NextMessage(Handshake& handshake) {
  std::vector<uint8_t> message(Handshake::kMaxMessageBytes);
  message.resize(handshake.PollMessage(message));
  return message;
}

}  // namespace millrace::testing
