// How two peers come to share keys, and to know who the other is (PROTOCOL, "Handshake"): X25519
// together with X-Wing, so that the keys hold as long as one of them does; a link key or a short
// code mixed in where there is one; short numbers for two people to compare in any case.
//
// Both sides say hello at once and bind themselves to what they will show; the side with the
// smaller hello, the initiator, shows first. No randomness of its own: the caller brings it.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "crypto/handshake_messages.h"
#include "crypto/key_schedule.h"

namespace millrace {

struct HandshakeOptions {
  SecretKind secret_kind = SecretKind::kNone;
  // The session goes without encryption only where both sides say false.
  bool encryption = true;
  // The session is padded where either side says true.
  bool privacy = false;
};

class Handshake {
 public:
  // A handshake message without its record kind is at most this long.
  static constexpr size_t kMaxMessageBytes = kRevealBytes;
  static constexpr size_t kEntropyBytes = 3 * 32 + 32 + 64;
  // A link key holds at least 128 bits, and no more than anybody needs.
  static constexpr size_t kLeastKeyBytes = 16;
  static constexpr size_t kMostSecretBytes = 1024;
  static constexpr size_t kMostFingerprintBytes = 255;

  // `entropy`: kEntropyBytes uniformly random bytes, never used before. `secret`: the key, or the
  // code as UTF-8, or nothing, as `options.secret_kind` says. Both are copied; the caller wipes its
  // own. What can not be used is refused by Begin. Cost: with a code 0.2 ms, else nothing that
  // matters.
  Handshake(ByteView entropy, const HandshakeOptions& options, ByteView secret);
  // For a new connection of the session that has `first` from its first connection. That stands for
  // the key or code, which is not needed again; the role stays.
  Handshake(ByteView entropy, const HandshakeOptions& options, const SessionSecrets& first);
  Handshake(const Handshake&) = delete;
  Handshake& operator=(const Handshake&) = delete;

  // The connection is there: the fingerprints of the two sides' DTLS certificates, in a form that
  // both sides write the same way. Called once, before everything below. Errors: kInvalidArgument
  // for a fingerprint that is empty or too long, for entropy of another length, and for a secret
  // that can not be used.
  Status Begin(std::string_view local_fingerprint, std::string_view remote_fingerprint);

  // Writes the next message for the peer to `out` and answers its length; 0 where there is none
  // now, or no room for it.
  size_t PollMessage(MutableByteView out);

  // Takes a message of the peer. Errors: kHandshakeFailed; kAuthenticationFailed where the peer
  // does not know the secret, or someone is in between; kConnectionLost where the peer does not
  // know the session that was to go on. The handshake is then over: it yields no secrets, and its
  // last message tells the peer. Cost: about 1 ms in all.
  Status HandleMessage(ByteView message);

  // The secrets, once, as soon as the peer has shown that it has the same ones.
  std::optional<SessionSecrets> TakeSecrets();

 private:
  enum class State : uint8_t {
    kNew,
    kAwaitsHello,
    kAwaitsReveal,   // Responder.
    kAwaitsAnswer,   // Initiator.
    kAwaitsConfirm,  // Responder.
    kOver,
  };

  // Of the session that goes on.
  struct Previous {
    Role role;
    Agreement agreement;
    ResumeTag tag;
    SecretKey secret;
  };

  bool TakeEntropy(ByteView entropy);
  void MakeHello();
  Status Dispatch(ByteView message);
  Status HandleHello(ByteView message);
  Status HandleReveal(ByteView message);
  Status HandleAnswer(ByteView message);
  Status HandleConfirm(ByteView message);
  Status HandleFailure(ByteView message) const;
  // The peer goes on with the session that this side does, and uses the same kind of secret.
  Status CheckSession(const Hello& peer) const;
  // The contribution is what the peer was bound to, and none of ours.
  Status CheckContribution(const Contribution& peer) const;
  // What both sides know once the responder has shown itself: the keys, the numbers to compare.
  // `kem`: the encapsulated secret. `answer`: without its confirmation.
  Status Agree(const Contribution& peer, SecretKey kem, ByteView reveal, ByteView answer);
  void Finish();
  // A message of so many bytes that PollMessage will give, its type written.
  ByteWriter Queue(HandshakeType type, size_t length);
  void ForgetSecrets();

  HandshakeOptions options_;
  bool usable_ = false;  // The secret is one, and the randomness enough.
  std::optional<Previous> previous_;
  std::string local_fingerprint_;
  std::string remote_fingerprint_;
  State state_ = State::kNew;
  bool initiator_ = false;
  std::deque<std::vector<uint8_t>> outbox_;

  SecretKey x25519_key_;
  SecretKey cpace_scalar_;
  Secret<64> kem_seed_;  // The initiator's key pair takes the first half, encapsulation all of it.
  Secret<64> link_secret_;
  std::array<uint8_t, 32> random_{};
  Contribution own_;
  HelloMessage own_hello_{};
  HelloMessage peer_hello_{};
  std::vector<uint8_t> reveal_;  // The initiator's own.
  Digest peer_commitment_{};
  Agreement agreement_;
  SecretKey master_;
  SecretKey initiator_confirmation_;
  SecretKey responder_confirmation_;
  std::optional<SessionSecrets> secrets_;
};

}  // namespace millrace
