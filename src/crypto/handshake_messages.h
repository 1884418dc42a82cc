// The messages of a handshake: encode beside decode (PROTOCOL, "Handshake"). Each begins with its
// type and has one length.
#pragma once

#include <array>
#include <optional>

#include "base/bytes.h"
#include "base/digest.h"
#include "crypto/cpace.h"
#include "crypto/key_schedule.h"

namespace millrace {

enum class HandshakeType : uint8_t {
  kHello = 1,    // Both sides, at once.
  kReveal = 2,   // The initiator, after the responder's hello.
  kAnswer = 3,   // The responder, after that.
  kConfirm = 4,  // The initiator, after that: the end.
  kFailure = 5,  // Either side, instead of any other.
};

// How the two sides know each other.
enum class SecretKind : uint8_t {
  kNone = 0,  // Not at all.
  kKey = 1,   // Both hold a key with at least 128 bits of entropy.
  kCode = 2,  // Both hold a short code.
};

inline constexpr uint16_t kProtocolVersion = 1;
// Bit 0: X25519 and X-Wing, CPACE-RISTR255-SHA512, BLAKE2b, XChaCha20-Poly1305.
inline constexpr uint16_t kSuites = 1;

// What the two sides show each other once both are bound to it by their commitments.
struct Contribution {
  std::array<uint8_t, 32> public_key{};  // X25519.
  std::array<uint8_t, 32> nonce{};
  CpaceShare share{};  // All zero but with a code.
};

struct Hello {
  uint16_t version = kProtocolVersion;
  uint16_t suites = kSuites;
  SecretKind secret_kind = SecretKind::kNone;
  bool without_encryption = false;  // Wanted.
  bool privacy = false;             // Wanted.
  std::array<uint8_t, 32> random{};
  ResumeTag resume_tag{};  // All zero: there is nothing to go on with.
  Digest commitment{};
};

inline constexpr size_t kHelloBytes = 1 + 4 + 2 + 2 + 1 + 1 + 32 + 16 + 32;
inline constexpr size_t kContributionBytes = 3 * 32;
inline constexpr size_t kKemPublicKeyBytes = 1216;   // X-Wing.
inline constexpr size_t kKemCiphertextBytes = 1120;  // X-Wing.
inline constexpr size_t kConfirmationBytes = 32;
inline constexpr size_t kRevealBytes = 1 + kContributionBytes + kKemPublicKeyBytes;
inline constexpr size_t kAnswerBytes =
    1 + kContributionBytes + kKemCiphertextBytes + kConfirmationBytes;
inline constexpr size_t kConfirmBytes = 1 + kConfirmationBytes;
inline constexpr size_t kFailureBytes = 2;

using HelloMessage = std::array<uint8_t, kHelloBytes>;
HelloMessage EncodeHello(const Hello& hello);

// The version of a hello, whatever follows it; nothing where it is no hello of a Millrace.
std::optional<uint16_t> PeekVersion(ByteView message);
// Errors: nothing where it is malformed.
std::optional<Hello> DecodeHello(ByteView message);

// Writes all fields; the reader takes them off, and `reader.ok()` tells whether they were there.
void EncodeContribution(const Contribution& contribution, ByteWriter& writer);
Contribution DecodeContribution(ByteReader& reader);

// What a hello binds its side to: the hash of its contribution, in which the nonce hides the rest.
Digest Commit(const Contribution& contribution);

}  // namespace millrace
