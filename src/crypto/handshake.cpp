#include "crypto/handshake.h"

#include <sodium.h>

#include <algorithm>

#include "crypto/blake2b.h"

namespace millrace {
namespace {

static_assert(kKemPublicKeyBytes == crypto_kem_xwing_PUBLICKEYBYTES);
static_assert(kKemCiphertextBytes == crypto_kem_xwing_CIPHERTEXTBYTES);
static_assert(kAnswerBytes <= kRevealBytes);

// The transcript says more of the session than could be said here: this is known before the peer
// is.
CpaceContext CodeContext() { return {AsBytes("millrace code"), {}}; }

Error Failed(std::string_view why) { return {ErrorCode::kHandshakeFailed, std::string(why)}; }

Error Unauthentic(std::string_view why) {
  return {ErrorCode::kAuthenticationFailed, std::string(why)};
}

std::string_view NameOf(SecretKind kind) {
  switch (kind) {
    case SecretKind::kNone:
      return "no secret";
    case SecretKind::kKey:
      return "a link key";
    case SecretKind::kCode:
      break;
  }
  return "a code";
}

// The first 42 bits, six at a time.
ShortAuthString SixBitNumbers(const Digest& hash) {
  uint64_t bits = 0;
  for (size_t i = 0; i < 6; ++i) bits = bits << 8 | hash[i];
  ShortAuthString numbers;
  for (size_t i = 0; i < numbers.size(); ++i) {
    numbers[i] = static_cast<uint8_t>(bits >> (42 - 6 * i) & 63);
  }
  return numbers;
}

constexpr std::string_view kOtherKeys =
    "the other side has other keys: the secrets differ, or someone is in between";

bool IsOf(ByteView message, HandshakeType type) {
  return !message.empty() && message[0] == static_cast<uint8_t>(type);
}

bool IsZero(ByteView bytes) { return sodium_is_zero(bytes.data(), bytes.size()) == 1; }

}  // namespace

Handshake::Handshake(ByteView entropy, const HandshakeOptions& options, ByteView secret)
    : options_(options) {
  if (!TakeEntropy(entropy)) return;
  switch (options_.secret_kind) {
    case SecretKind::kNone:
      usable_ = secret.empty();
      break;
    case SecretKind::kKey:
      usable_ = secret.size() >= kLeastKeyBytes && secret.size() <= kMostSecretBytes;
      if (usable_) link_secret_ = DeriveLinkSecret(secret);
      break;
    case SecretKind::kCode:
      usable_ = !secret.empty() && secret.size() <= kMostSecretBytes;
      if (!usable_) break;
      if (const auto share = CpaceBegin(secret, CodeContext(), cpace_scalar_)) own_.share = *share;
      break;
  }
  MakeHello();
}

Handshake::Handshake(ByteView entropy, const HandshakeOptions& options, const SessionSecrets& first)
    : options_(options),
      previous_(Previous{first.role, first.agreement, DeriveResumeTag(first.master),
                         DeriveResumeSecret(first.master)}) {
  options_.secret_kind = SecretKind::kNone;
  usable_ = TakeEntropy(entropy);
  MakeHello();
}

bool Handshake::TakeEntropy(ByteView entropy) {
  if (entropy.size() != kEntropyBytes) return false;
  const auto take = [&entropy](MutableByteView to) {
    std::copy_n(entropy.begin(), to.size(), to.begin());
    entropy = entropy.subspan(to.size());
  };
  take(x25519_key_.bytes());
  take(random_);
  take(own_.nonce);
  take(cpace_scalar_.bytes());
  take(kem_seed_.bytes());
  return true;
}

void Handshake::MakeHello() {
  crypto_scalarmult_base(own_.public_key.data(), x25519_key_.bytes().data());
  Hello hello;
  hello.secret_kind = options_.secret_kind;
  hello.without_encryption = !options_.encryption;
  hello.privacy = options_.privacy;
  hello.random = random_;
  if (previous_) hello.resume_tag = previous_->tag;
  hello.commitment = Commit(own_);
  own_hello_ = EncodeHello(hello);
  WipeStack();
}

Status Handshake::Begin(std::string_view local_fingerprint, std::string_view remote_fingerprint) {
  const auto unfit = [](std::string_view fingerprint) {
    return fingerprint.empty() || fingerprint.size() > kMostFingerprintBytes;
  };
  if (state_ != State::kNew || unfit(local_fingerprint) || unfit(remote_fingerprint)) {
    return Error{ErrorCode::kInvalidArgument,
                 "a handshake needs the fingerprints of both certificates"};
  }
  if (!usable_) {
    return Error{ErrorCode::kInvalidArgument, "the secret or the randomness is of another length"};
  }
  local_fingerprint_ = local_fingerprint;
  remote_fingerprint_ = remote_fingerprint;
  state_ = State::kAwaitsHello;
  outbox_.emplace_back(own_hello_.begin(), own_hello_.end());
  return Status::Ok();
}

ByteWriter Handshake::Queue(HandshakeType type, size_t length) {
  ByteWriter writer(outbox_.emplace_back(length));
  writer.U8(static_cast<uint8_t>(type));
  return writer;
}

size_t Handshake::PollMessage(MutableByteView out) {
  if (outbox_.empty() || outbox_.front().size() > out.size()) return 0;
  const size_t length = outbox_.front().size();
  std::copy(outbox_.front().begin(), outbox_.front().end(), out.begin());
  outbox_.pop_front();
  return length;
}

Status Handshake::HandleMessage(ByteView message) {
  const Status handled = Dispatch(message);
  if (!handled.ok()) {
    ForgetSecrets();
    const bool told = IsOf(message, HandshakeType::kFailure) || state_ == State::kOver;
    state_ = State::kOver;
    if (!told) {
      Queue(HandshakeType::kFailure, kFailureBytes).U8(static_cast<uint8_t>(handled.error().code));
    }
  }
  WipeStack();
  return handled;
}

Status Handshake::Dispatch(ByteView message) {
  const size_t length = message.size();
  if (IsOf(message, HandshakeType::kFailure) && length == kFailureBytes) {
    return HandleFailure(message);
  }
  switch (state_) {
    case State::kAwaitsHello:
      return HandleHello(message);
    case State::kAwaitsReveal:
      if (!IsOf(message, HandshakeType::kReveal) || length != kRevealBytes) break;
      return HandleReveal(message);
    case State::kAwaitsAnswer:
      if (!IsOf(message, HandshakeType::kAnswer) || length != kAnswerBytes) break;
      return HandleAnswer(message);
    case State::kAwaitsConfirm:
      if (!IsOf(message, HandshakeType::kConfirm) || length != kConfirmBytes) break;
      return HandleConfirm(message);
    case State::kNew:
    case State::kOver:
      break;
  }
  return Failed("the peer sent a handshake message that is malformed or out of turn");
}

Status Handshake::HandleFailure(ByteView message) const {
  const ErrorCode code = ErrorCodeFromWire(message[1]);
  const bool fits = code == ErrorCode::kAuthenticationFailed || code == ErrorCode::kConnectionLost;
  return Error{fits ? code : ErrorCode::kHandshakeFailed, "the other side broke the handshake off"};
}

Status Handshake::HandleHello(ByteView message) {
  const std::optional<uint16_t> version = PeekVersion(message);
  if (!version) return Failed("the peer is not Millrace");
  if (*version != kProtocolVersion) return Failed("the peer speaks another protocol version");
  const std::optional<Hello> hello = DecodeHello(message);
  if (!hello) return Failed("the peer's hello is malformed");
  if ((hello->suites & kSuites) == 0) return Failed("the peer has no cipher suite in common");
  std::copy(message.begin(), message.end(), peer_hello_.begin());
  peer_commitment_ = hello->commitment;
  if (peer_hello_ == own_hello_ || peer_commitment_ == Commit(own_)) {
    return Failed("our own hello came back");
  }
  const Status fits = CheckSession(*hello);
  if (!fits.ok()) return fits;

  agreement_.encrypted = options_.encryption || !hello->without_encryption;
  agreement_.privacy = options_.privacy || hello->privacy;
  // Neither side was first: the smaller hello makes the initiator.
  initiator_ = own_hello_ < peer_hello_;
  if (!initiator_) {
    state_ = State::kAwaitsReveal;
    return Status::Ok();
  }
  SecretKey unused;  // The seed is the key.
  std::array<uint8_t, kKemPublicKeyBytes> kem_key;
  crypto_kem_xwing_seed_keypair(kem_key.data(), unused.bytes().data(), kem_seed_.bytes().data());
  ByteWriter writer = Queue(HandshakeType::kReveal, kRevealBytes);
  EncodeContribution(own_, writer);
  writer.Bytes(kem_key);
  reveal_ = outbox_.back();
  state_ = State::kAwaitsAnswer;
  return Status::Ok();
}

Status Handshake::CheckSession(const Hello& peer) const {
  if (previous_ && peer.resume_tag != previous_->tag) {
    return Error{ErrorCode::kConnectionLost, "the peer came back without its session"};
  }
  if (!previous_ && !IsZero(peer.resume_tag)) {
    return Failed("the peer goes on with a session that is over on this side");
  }
  if (peer.secret_kind == options_.secret_kind) return Status::Ok();
  return Unauthentic("the other side used " + std::string(NameOf(peer.secret_kind)) +
                     ", this one " + std::string(NameOf(options_.secret_kind)));
}

Status Handshake::CheckContribution(const Contribution& peer) const {
  if (Commit(peer) != peer_commitment_) {
    return Unauthentic("the peer showed something else than it was bound to");
  }
  const bool has_share = options_.secret_kind == SecretKind::kCode;
  if (peer.public_key == own_.public_key || (has_share && peer.share == own_.share)) {
    return Failed("our own key came back");
  }
  if (!has_share && !IsZero(peer.share)) return Failed("the peer showed a share without a code");
  return Status::Ok();
}

Status Handshake::HandleReveal(ByteView message) {
  ByteReader reader(message.subspan(1));
  const Contribution peer = DecodeContribution(reader);
  const ByteView kem_key = reader.Bytes(kKemPublicKeyBytes);
  const Status checked = CheckContribution(peer);
  if (!checked.ok()) return checked;

  SecretKey kem;
  std::array<uint8_t, kKemCiphertextBytes> ciphertext;
  if (crypto_kem_xwing_enc_deterministic(ciphertext.data(), kem.bytes().data(), kem_key.data(),
                                         kem_seed_.bytes().data()) != 0) {
    return Failed("the peer's key is not usable");
  }
  std::array<uint8_t, kAnswerBytes> answer;
  ByteWriter writer(answer);
  writer.U8(static_cast<uint8_t>(HandshakeType::kAnswer));
  EncodeContribution(own_, writer);
  writer.Bytes(ciphertext);
  const Status agreed = Agree(peer, std::move(kem), message, writer.written());
  if (!agreed.ok()) return agreed;
  writer.Bytes(responder_confirmation_.bytes());
  outbox_.emplace_back(answer.begin(), answer.end());
  state_ = State::kAwaitsConfirm;
  return Status::Ok();
}

Status Handshake::HandleAnswer(ByteView message) {
  ByteReader reader(message.subspan(1));
  const Contribution peer = DecodeContribution(reader);
  const ByteView ciphertext = reader.Bytes(kKemCiphertextBytes);
  const ByteView confirmation = reader.Bytes(kConfirmationBytes);
  const Status checked = CheckContribution(peer);
  if (!checked.ok()) return checked;

  SecretKey kem;
  if (crypto_kem_xwing_dec(kem.bytes().data(), ciphertext.data(), kem_seed_.bytes().data()) != 0) {
    return Failed("the peer's ciphertext is not usable");
  }
  const ByteView unconfirmed = message.first(message.size() - kConfirmationBytes);
  const Status agreed = Agree(peer, std::move(kem), reveal_, unconfirmed);
  if (!agreed.ok()) return agreed;
  if (!EqualSecrets(confirmation, responder_confirmation_.bytes())) return Unauthentic(kOtherKeys);
  Queue(HandshakeType::kConfirm, kConfirmBytes).Bytes(initiator_confirmation_.bytes());
  Finish();
  return Status::Ok();
}

Status Handshake::HandleConfirm(ByteView message) {
  if (!EqualSecrets(message.subspan(1), initiator_confirmation_.bytes())) {
    return Unauthentic(kOtherKeys);
  }
  Finish();
  return Status::Ok();
}

Status Handshake::Agree(const Contribution& peer, SecretKey kem, ByteView reveal, ByteView answer) {
  HandshakeSecrets secrets;
  secrets.kem = std::move(kem);
  if (crypto_scalarmult(secrets.x25519.bytes().data(), x25519_key_.bytes().data(),
                        peer.public_key.data()) != 0) {
    return Failed("the peer's key is not usable");
  }
  Secret<64> shared;
  if (options_.secret_kind == SecretKind::kKey) {
    shared = link_secret_.Copy();
    secrets.shared = shared.bytes();
  } else if (options_.secret_kind == SecretKind::kCode) {
    std::optional<CpaceSecret> agreed =
        CpaceFinish(cpace_scalar_, CodeContext(), {own_.share, {}}, {peer.share, {}});
    if (!agreed) return Unauthentic("the peer's share is not usable");
    shared = std::move(*agreed);
    secrets.shared = shared.bytes();
  }
  if (previous_) secrets.resumed = previous_->secret.bytes();

  // What is said before the ciphertext, which is the only thing that its sender chooses when all
  // else is known: hence the numbers that people compare do not depend on it.
  const auto hash_opening = [&](Blake2b& hash) {
    const bool first = initiator_;
    hash.AddPrefixed(first ? own_hello_ : peer_hello_)
        .AddPrefixed(first ? peer_hello_ : own_hello_)
        .AddPrefixed(AsBytes(first ? local_fingerprint_ : remote_fingerprint_))
        .AddPrefixed(AsBytes(first ? remote_fingerprint_ : local_fingerprint_))
        .AddPrefixed(reveal);
  };
  Blake2b sas_hash(sizeof(Digest));
  sas_hash.Add("millrace short authentication");
  hash_opening(sas_hash);
  Digest sas;
  sas_hash.AddPrefixed(answer.first(1 + kContributionBytes)).Finish(sas);
  Blake2b transcript_hash(sizeof(Digest));
  transcript_hash.Add("millrace transcript");
  hash_opening(transcript_hash);
  Digest transcript;
  transcript_hash.AddPrefixed(answer).Finish(transcript);

  HandshakeKeys keys = DeriveHandshakeKeys(secrets, transcript);
  master_ = std::move(keys.master);
  initiator_confirmation_ = DeriveConfirmation(keys.initiator_confirm, transcript);
  responder_confirmation_ = DeriveConfirmation(keys.responder_confirm, transcript);
  agreement_.sas = SixBitNumbers(sas);
  return Status::Ok();
}

void Handshake::Finish() {
  state_ = State::kOver;
  SessionSecrets& secrets = secrets_.emplace();
  secrets.role = initiator_ ? Role::kInitiator : Role::kResponder;
  secrets.master = std::move(master_);
  secrets.agreement = agreement_;
  secrets.agreement.authenticated = options_.secret_kind != SecretKind::kNone;
  if (previous_) {
    // Who knows the session's first secret is who it was with.
    secrets.resumed = true;
    secrets.role = previous_->role;
    secrets.agreement.authenticated = previous_->agreement.authenticated;
    secrets.agreement.sas = previous_->agreement.sas;
  }
  ForgetSecrets();
}

void Handshake::ForgetSecrets() {
  x25519_key_ = {};
  cpace_scalar_ = {};
  kem_seed_ = {};
  link_secret_ = {};
  master_ = {};
  initiator_confirmation_ = {};
  responder_confirmation_ = {};
  previous_.reset();
}

std::optional<SessionSecrets> Handshake::TakeSecrets() {
  std::optional<SessionSecrets> taken = std::move(secrets_);
  secrets_.reset();
  return taken;
}

}  // namespace millrace
