#include "crypto/key_schedule.h"

#include <algorithm>
#include <string_view>

#include "crypto/blake2b.h"

namespace millrace {
namespace {

template <size_t kSize>
SecretKey Derive(const Secret<kSize>& key, std::string_view label, ByteView input = {}) {
  SecretKey out;
  Blake2b(32, key.bytes()).Add(label).Add(input).Finish(out.bytes());
  return out;
}

}  // namespace

ResumeTag DeriveResumeTag(const SecretKey& master) {
  const SecretKey hash = Derive(master, "millrace resume tag");
  ResumeTag tag;
  std::copy_n(hash.bytes().begin(), tag.size(), tag.begin());
  return tag;
}

SecretKey DeriveResumeSecret(const SecretKey& first_master) {
  return Derive(first_master, "millrace resume secret");
}

Secret<64> DeriveLinkSecret(ByteView key) {
  Secret<64> secret;
  Blake2b(64).Add("millrace link key").AddPrefixed(key).Finish(secret.bytes());
  return secret;
}

HandshakeKeys DeriveHandshakeKeys(const HandshakeSecrets& secrets, const Digest& transcript) {
  Secret<64> root;
  Blake2b(64)
      .Add("millrace handshake secret")
      .AddPrefixed(secrets.x25519.bytes())
      .AddPrefixed(secrets.kem.bytes())
      .AddPrefixed(secrets.shared)
      .AddPrefixed(secrets.resumed)
      .Add(transcript)
      .Finish(root.bytes());
  return {Derive(root, "millrace master secret"), Derive(root, "millrace initiator confirms"),
          Derive(root, "millrace responder confirms")};
}

SecretKey DeriveConfirmation(const SecretKey& confirm_key, const Digest& transcript) {
  return Derive(confirm_key, "millrace confirmation", transcript);
}

SecretKey DeriveLaneKey(const SecretKey& master, Role sender, LaneId lane) {
  std::array<uint8_t, 5> input;
  ByteWriter writer(input);
  writer.U8(static_cast<uint8_t>(sender));
  writer.U32(lane.value);
  return Derive(master, "millrace lane key", input);
}

SecretKey DeriveNextKey(const SecretKey& key) { return Derive(key, "millrace next epoch"); }

}  // namespace millrace
