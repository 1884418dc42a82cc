// Handshakes with reproducible randomness, and what lies between two of them.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "crypto/handshake.h"
#include "crypto/key_schedule.h"
#include "support/random.h"

namespace millrace::testing {

// Stand for the certificates of two sides that a test connects.
inline constexpr std::string_view kFingerprintA = "sha-256 AA:AA";
inline constexpr std::string_view kFingerprintB = "sha-256 BB:BB";

// Of a first connection.
std::unique_ptr<Handshake> MakeHandshake(Random& random, const HandshakeOptions& options = {},
                                         ByteView secret = {});
// Of one that goes on with the session that has `first`.
std::unique_ptr<Handshake> MakeHandshake(Random& random, const SessionSecrets& first,
                                         const HandshakeOptions& options = {});

// What a handshake comes to, without one. Two sides with the same `fill` understand each other.
SessionSecrets FixedSecrets(Role role, const Agreement& agreement, uint8_t fill = 3);

// The next message of a handshake; empty where there is none.
std::vector<uint8_t> NextMessage(Handshake& handshake);

}  // namespace millrace::testing
