#include "crypto/handshake_messages.h"

#include <algorithm>

#include "crypto/blake2b.h"

namespace millrace {
namespace {

constexpr std::string_view kMagic = "MLRC";
constexpr uint8_t kWithoutEncryption = 1;
constexpr uint8_t kPrivacy = 2;

template <size_t kSize>
void Read(ByteReader& reader, std::array<uint8_t, kSize>& out) {
  const ByteView bytes = reader.Bytes(kSize);
  std::copy(bytes.begin(), bytes.end(), out.begin());
}

}  // namespace

HelloMessage EncodeHello(const Hello& hello) {
  HelloMessage message;
  ByteWriter writer(message);
  writer.U8(static_cast<uint8_t>(HandshakeType::kHello));
  writer.Bytes(AsBytes(kMagic));
  writer.U16(hello.version);
  writer.U16(hello.suites);
  writer.U8(static_cast<uint8_t>(hello.secret_kind));
  writer.U8(static_cast<uint8_t>((hello.without_encryption ? kWithoutEncryption : 0) |
                                 (hello.privacy ? kPrivacy : 0)));
  writer.Bytes(hello.random);
  writer.Bytes(hello.resume_tag);
  writer.Bytes(hello.commitment);
  return message;
}

std::optional<uint16_t> PeekVersion(ByteView message) {
  ByteReader reader(message);
  if (reader.U8() != static_cast<uint8_t>(HandshakeType::kHello)) return std::nullopt;
  if (AsText(reader.Bytes(kMagic.size())) != kMagic) return std::nullopt;
  const uint16_t version = reader.U16();
  return reader.ok() ? std::optional(version) : std::nullopt;
}

std::optional<Hello> DecodeHello(ByteView message) {
  if (!PeekVersion(message)) return std::nullopt;
  ByteReader reader(message.subspan(1 + kMagic.size()));
  Hello hello;
  hello.version = reader.U16();
  hello.suites = reader.U16();
  const uint8_t kind = reader.U8();
  const uint8_t flags = reader.U8();
  Read(reader, hello.random);
  Read(reader, hello.resume_tag);
  Read(reader, hello.commitment);
  if (!reader.ok() || !reader.AtEnd()) return std::nullopt;
  if (kind > static_cast<uint8_t>(SecretKind::kCode)) return std::nullopt;
  if (flags > (kWithoutEncryption | kPrivacy)) return std::nullopt;
  hello.secret_kind = static_cast<SecretKind>(kind);
  hello.without_encryption = (flags & kWithoutEncryption) != 0;
  hello.privacy = (flags & kPrivacy) != 0;
  return hello;
}

void EncodeContribution(const Contribution& contribution, ByteWriter& writer) {
  writer.Bytes(contribution.public_key);
  writer.Bytes(contribution.nonce);
  writer.Bytes(contribution.share);
}

Contribution DecodeContribution(ByteReader& reader) {
  Contribution contribution;
  Read(reader, contribution.public_key);
  Read(reader, contribution.nonce);
  Read(reader, contribution.share);
  return contribution;
}

Digest Commit(const Contribution& contribution) {
  std::array<uint8_t, kContributionBytes> encoded;
  ByteWriter writer(encoded);
  EncodeContribution(contribution, writer);
  Digest commitment;
  Blake2b(commitment.size()).Add("millrace commitment").Add(encoded).Finish(commitment);
  Wipe(encoded);
  return commitment;
}

}  // namespace millrace
