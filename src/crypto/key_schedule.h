// From what a handshake has agreed on to the keys of the lanes (PROTOCOL, "Keys"). All hashes are
// BLAKE2b; each use has a label of its own.
#pragma once

#include "base/agreement.h"
#include "base/bytes.h"
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
  Agreement agreement;

  SessionSecrets Copy() const { return {role, master.Copy(), resumed, agreement}; }
};

// The tag by which both sides of a session know each other again; tells nothing of the master
// secret.
using ResumeTag = std::array<uint8_t, 16>;
ResumeTag DeriveResumeTag(const SecretKey& master);

// What a session's first master secret gives to a handshake that goes on with it.
SecretKey DeriveResumeSecret(const SecretKey& first_master);

// What a link key gives to a handshake. `key`: shorter than 65,536 bytes.
Secret<64> DeriveLinkSecret(ByteView key);

// What goes into the keys of a connection. Who is to know the keys has to know all of it.
struct HandshakeSecrets {
  SecretKey x25519;
  SecretKey kem;
  // Of the link key or the code; empty where there is none.
  ByteView shared;
  // Of the session that goes on (DeriveResumeSecret); empty where there is none.
  ByteView resumed;
};

struct HandshakeKeys {
  SecretKey master;
  // What proves that the initiator, the responder, has come to the same keys.
  SecretKey initiator_confirm;
  SecretKey responder_confirm;
};

// One hash over all secrets and the hash of all that was said: who changes any of it gets other
// keys, and no two transcripts have the same ones.
HandshakeKeys DeriveHandshakeKeys(const HandshakeSecrets& secrets, const Digest& transcript);

// The proof itself.
SecretKey DeriveConfirmation(const SecretKey& confirm_key, const Digest& transcript);

// The key with which `sender` seals the records of `lane` in their first epoch.
SecretKey DeriveLaneKey(const SecretKey& master, Role sender, LaneId lane);
// The key of the epoch after that of `key`. There is no way back.
SecretKey DeriveNextKey(const SecretKey& key);

}  // namespace millrace
