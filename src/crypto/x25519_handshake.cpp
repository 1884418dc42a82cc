#include "crypto/x25519_handshake.h"

#include <sodium.h>

#include <algorithm>

namespace millrace {
namespace {

constexpr uint16_t kProtocolVersion = 1;
constexpr std::string_view kMagic = "MLRC";

Status Failed(std::string_view why) { return Error{ErrorCode::kHandshakeFailed, std::string(why)}; }

}  // namespace

X25519Handshake::X25519Handshake(std::span<const uint8_t, 64> entropy)
    : X25519Handshake(entropy, std::nullopt) {}

X25519Handshake::X25519Handshake(std::span<const uint8_t, 64> entropy,
                                 const SessionSecrets& previous)
    : X25519Handshake(entropy, Previous{previous.role, DeriveResumeTag(previous.master),
                                        previous.master.Copy()}) {}

X25519Handshake::X25519Handshake(std::span<const uint8_t, 64> entropy,
                                 std::optional<Previous> previous)
    : previous_(std::move(previous)) {
  std::copy_n(entropy.begin(), 32, private_key_.bytes().begin());
  std::array<uint8_t, 32> public_key;
  crypto_scalarmult_base(public_key.data(), private_key_.bytes().data());
  ByteWriter writer(hello_);
  writer.Bytes(AsBytes(kMagic));
  writer.U16(kProtocolVersion);
  writer.Bytes(entropy.subspan<32, 32>());
  writer.Bytes(public_key);
  // All zero: there is nothing to go on with.
  writer.Bytes(previous_ ? previous_->tag : ResumeTag{});
}

size_t X25519Handshake::PollMessage(MutableByteView out) {
  if (hello_sent_ || out.size() < hello_.size()) return 0;
  hello_sent_ = true;
  std::copy(hello_.begin(), hello_.end(), out.begin());
  return hello_.size();
}

Status X25519Handshake::HandleMessage(ByteView message) {
  if (hello_received_) return Failed("the peer sent a second hello");
  hello_received_ = true;
  ByteReader reader(message);
  if (AsText(reader.Bytes(kMagic.size())) != kMagic) return Failed("the peer is not Millrace");
  if (reader.U16() != kProtocolVersion) return Failed("the peer speaks another protocol version");
  reader.Bytes(32);
  const ByteView peer_key = reader.Bytes(32);
  const ByteView peer_tag = reader.Bytes(ResumeTag().size());
  if (!reader.ok() || !reader.AtEnd()) return Failed("the peer's hello is malformed");

  const ByteView own_hello(hello_);
  if (std::equal(message.begin(), message.end(), own_hello.begin(), own_hello.end())) {
    return Failed("our own hello came back");
  }
  SecretKey shared;
  if (crypto_scalarmult(shared.bytes().data(), private_key_.bytes().data(), peer_key.data()) != 0) {
    return Failed("the peer's key is not usable");
  }
  // Neither side was first: the smaller hello makes the initiator.
  const bool initiator = std::lexicographical_compare(own_hello.begin(), own_hello.end(),
                                                      message.begin(), message.end());
  crypto_generichash_state state;
  Digest transcript{};
  crypto_generichash_init(&state, nullptr, 0, transcript.size());
  const ByteView first = initiator ? own_hello : message;
  const ByteView second = initiator ? message : own_hello;
  crypto_generichash_update(&state, first.data(), first.size());
  crypto_generichash_update(&state, second.data(), second.size());
  crypto_generichash_final(&state, transcript.data(), transcript.size());

  secrets_.emplace(SessionSecrets{initiator ? Role::kInitiator : Role::kResponder,
                                  DeriveMasterSecret(shared, transcript)});
  const bool resumed =
      previous_ && std::equal(peer_tag.begin(), peer_tag.end(), previous_->tag.begin());
  if (resumed) {
    secrets_->role = previous_->role;
    secrets_->master = DeriveResumedSecret(previous_->master, secrets_->master);
    secrets_->resumed = true;
  }
  Wipe(private_key_.bytes());
  return Status::Ok();
}

std::optional<SessionSecrets> X25519Handshake::TakeSecrets() {
  std::optional<SessionSecrets> taken = std::move(secrets_);
  secrets_.reset();
  return taken;
}

}  // namespace millrace
