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

// ChaCha20 with the key and nonce that XChaCha20 makes of its own
// (draft-irtf-cfrg-xchacha-03, section 2.3).
class StreamCipher {
 public:
  StreamCipher(const SecretKey& key, const Nonce& nonce) {
    crypto_core_hchacha20(key_.data(), nonce.data(), key.bytes().data(), nullptr);
    std::copy_n(nonce.begin() + crypto_core_hchacha20_INPUTBYTES, 8, nonce_.begin() + 4);
  }
  ~StreamCipher() { sodium_memzero(key_.data(), key_.size()); }
  StreamCipher(const StreamCipher&) = delete;
  StreamCipher& operator=(const StreamCipher&) = delete;

  static constexpr size_t kBlockBytes = 64;

  // Encrypts `from` to `to`, beginning with block `block` of the key stream.
  void Encrypt(ByteView from, uint8_t* to, size_t block) const {
    crypto_stream_chacha20_ietf_xor_ic(to, from.data(), from.size(), nonce_.data(),
                                       static_cast<uint32_t>(block), key_.data());
  }

 private:
  std::array<uint8_t, crypto_stream_chacha20_ietf_KEYBYTES> key_;
  std::array<uint8_t, crypto_stream_chacha20_ietf_NONCEBYTES> nonce_{};
};

// The tag of RFC 8439, section 2.8, over the additional data `header` and the ciphertext.
void WriteTag(const StreamCipher& cipher, ByteView header, ByteView ciphertext, uint8_t* tag) {
  std::array<uint8_t, StreamCipher::kBlockBytes> key{};
  cipher.Encrypt(key, key.data(), 0);
  crypto_onetimeauth_poly1305_state state;
  crypto_onetimeauth_poly1305_init(&state, key.data());
  std::array<uint8_t, 16> lengths{};
  for (const ByteView part : {header, ciphertext}) {
    constexpr std::array<uint8_t, 16> kZeros{};
    crypto_onetimeauth_poly1305_update(&state, part.data(), part.size());
    crypto_onetimeauth_poly1305_update(&state, kZeros.data(), (16 - part.size() % 16) % 16);
  }
  for (size_t i = 0; i < 8; ++i) {
    lengths[i] = static_cast<uint8_t>(uint64_t{header.size()} >> (8 * i));
    lengths[8 + i] = static_cast<uint8_t>(uint64_t{ciphertext.size()} >> (8 * i));
  }
  crypto_onetimeauth_poly1305_update(&state, lengths.data(), lengths.size());
  crypto_onetimeauth_poly1305_final(&state, tag);
  sodium_memzero(key.data(), key.size());
  sodium_memzero(&state, sizeof state);
}

}  // namespace

void Seal(const SecretKey& key, PacketNumber number, ByteView header, ByteView plaintext,
          MutableByteView out) {
  const Nonce nonce = NonceOf(number);
  crypto_aead_xchacha20poly1305_ietf_encrypt_detached(
      out.data(), out.data() + plaintext.size(), nullptr, plaintext.data(), plaintext.size(),
      header.data(), header.size(), nullptr, nonce.data(), key.bytes().data());
}

void SealWithPayload(const SecretKey& key, PacketNumber number, ByteView header,
                     MutableByteView out, size_t head_bytes, ByteView payload) {
  const StreamCipher cipher(key, NonceOf(number));
  // Only what fills the last block of the head is copied.
  constexpr size_t kBlock = StreamCipher::kBlockBytes;
  const size_t filling = std::min(payload.size(), (kBlock - head_bytes % kBlock) % kBlock);
  const MutableByteView head = out.first(head_bytes + filling);
  std::copy_n(payload.begin(), filling, head.begin() + static_cast<std::ptrdiff_t>(head_bytes));
  cipher.Encrypt(head, head.data(), 1);
  const ByteView rest = payload.subspan(filling);
  if (!rest.empty()) cipher.Encrypt(rest, out.data() + head.size(), 1 + head.size() / kBlock);
  const size_t length = head.size() + rest.size();
  WriteTag(cipher, header, out.first(length), out.data() + length);
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
