// Which key seals what (PROTOCOL, "Keys"). One key per direction, lane and epoch, so packet numbers
// alone make the nonces.
#pragma once

#include "base/digest.h"
#include "base/ids.h"
#include "crypto/secret.h"

namespace millrace {

enum class Role : uint8_t { kInitiator = 0, kResponder = 1 };

constexpr Role Opposite(Role role) {
  return role == Role::kInitiator ? Role::kResponder : Role::kInitiator;
}

// What a finished handshake leaves behind.
struct SessionSecrets {
  Role role = Role::kInitiator;
  SecretKey master;
  bool resumed = false;  // Both sides went on with an earlier session.
};

// The tag by which both sides of a session know each other again; tells nothing of the master
// secret.
using ResumeTag = std::array<uint8_t, 16>;
ResumeTag DeriveResumeTag(const SecretKey& master);

// The master secret of a connection that goes on with the session of `previous`: keyed BLAKE2b-256
// over the new handshake's secret, so that only who held the old one gets the new one.
SecretKey DeriveResumedSecret(const SecretKey& previous, const SecretKey& fresh);

// The key with which `sender` seals records of `lane` in `epoch`: keyed BLAKE2b-256 under the
// master secret.
SecretKey DeriveLaneKey(const SecretKey& master, Role sender, LaneId lane, uint8_t epoch);

// The master secret: BLAKE2b-256, keyed with the key exchange's shared secret, over the hash of the
// whole transcript.
SecretKey DeriveMasterSecret(const SecretKey& shared, const Digest& transcript);

}  // namespace millrace
