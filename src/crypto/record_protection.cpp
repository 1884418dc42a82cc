#include "crypto/record_protection.h"

#include <sodium.h>

#include <algorithm>
#include <array>

namespace millrace {
namespace {

static_assert(kTagBytes == crypto_aead_xchacha20poly1305_ietf_ABYTES);

using Nonce = std::array<uint8_t, crypto_aead_xchacha20poly1305_ietf_NPUBBYTES>;

// 16 zero bytes, then the packet number: unique under a key that seals one direction of one lane.
Nonce NonceOf(PacketNumber number) {
  Nonce nonce{};
  ByteWriter writer(MutableByteView(nonce).subspan(16));
  writer.U64(number.value);
  return nonce;
}

}  // namespace

void Seal(const SecretKey& key, PacketNumber number, ByteView header, ByteView plaintext,
          MutableByteView out) {
  const Nonce nonce = NonceOf(number);
  crypto_aead_xchacha20poly1305_ietf_encrypt_detached(
      out.data(), out.data() + plaintext.size(), nullptr, plaintext.data(), plaintext.size(),
      header.data(), header.size(), nullptr, nonce.data(), key.bytes().data());
}

std::optional<MutableByteView> Open(const SecretKey& key, PacketNumber number, ByteView header,
                                    MutableByteView sealed) {
  if (sealed.size() < kTagBytes) return std::nullopt;
  const Nonce nonce = NonceOf(number);
  const MutableByteView body = sealed.first(sealed.size() - kTagBytes);
  const int failed = crypto_aead_xchacha20poly1305_ietf_decrypt_detached(
      body.data(), nullptr, body.data(), body.size(), sealed.data() + body.size(), header.data(),
      header.size(), nonce.data(), key.bytes().data());
  if (failed != 0) return std::nullopt;
  return body;
}

void Authenticate(const SecretKey& key, PacketNumber number, MutableByteView message) {
  const ByteView covered = message.first(message.size() - kTagBytes);
  Seal(key, number, covered, {}, message.last(kTagBytes));
}

bool IsAuthentic(const SecretKey& key, PacketNumber number, ByteView message) {
  if (message.size() < kTagBytes) return false;
  std::array<uint8_t, kTagBytes> tag;
  std::copy_n(message.end() - kTagBytes, kTagBytes, tag.begin());
  return Open(key, number, message.first(message.size() - kTagBytes), tag).has_value();
}

}  // namespace millrace
