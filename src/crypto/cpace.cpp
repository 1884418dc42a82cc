#include "crypto/cpace.h"

#include <sodium.h>

#include <algorithm>
#include <string_view>
#include <vector>

namespace millrace {
namespace {

constexpr std::string_view kGroup = "CPaceRistretto255";
constexpr std::string_view kSecretLabel = "CPaceRistretto255_ISK";
// SHA-512 takes its input in blocks of so many bytes.
constexpr size_t kHashBlockBytes = 128;

// A string's length as it goes before it: in LEB128, seven bits a byte, the lowest ones first.
std::vector<uint8_t> LengthPrefix(size_t length) {
  std::vector<uint8_t> prefix;
  for (; length >= 0x80; length >>= 7) prefix.push_back(static_cast<uint8_t>(length | 0x80));
  prefix.push_back(static_cast<uint8_t>(length));
  return prefix;
}

size_t PrefixedLength(size_t length) { return LengthPrefix(length).size() + length; }

// SHA-512 of strings with their lengths before them: the draft's lv_cat.
class PrefixedSha512 {
 public:
  PrefixedSha512() { crypto_hash_sha512_init(&state_); }
  ~PrefixedSha512() { sodium_memzero(&state_, sizeof(state_)); }
  PrefixedSha512(const PrefixedSha512&) = delete;
  PrefixedSha512& operator=(const PrefixedSha512&) = delete;

  PrefixedSha512& AddRaw(ByteView bytes) {
    crypto_hash_sha512_update(&state_, bytes.data(), bytes.size());
    return *this;
  }
  PrefixedSha512& Add(ByteView bytes) { return AddRaw(LengthPrefix(bytes.size())).AddRaw(bytes); }
  void Finish(std::span<uint8_t, 64> out) { crypto_hash_sha512_final(&state_, out.data()); }

 private:
  crypto_hash_sha512_state state_;
};

std::vector<uint8_t> Encode(const CpaceMessage& message) {
  std::vector<uint8_t> out;
  for (const ByteView part : {ByteView(message.share), message.associated_data}) {
    const std::vector<uint8_t> prefix = LengthPrefix(part.size());
    out.insert(out.end(), prefix.begin(), prefix.end());
    out.insert(out.end(), part.begin(), part.end());
  }
  return out;
}

}  // namespace

std::optional<CpaceShare> CpaceBegin(ByteView code, const CpaceContext& context,
                                     SecretKey& scalar) {
  // Label and code fill the first block whatever the code's length, so that time tells less of it.
  const size_t used = PrefixedLength(code.size()) + PrefixedLength(kGroup.size()) + 1;
  const std::vector<uint8_t> padding(kHashBlockBytes - std::min(kHashBlockBytes, used));
  Secret<64> hash;
  PrefixedSha512()
      .Add(AsBytes(kGroup))
      .Add(code)
      .Add(padding)
      .Add(context.channel)
      .Add(context.session)
      .Finish(hash.bytes());
  SecretKey generator;
  crypto_core_ristretto255_from_hash(generator.bytes().data(), hash.bytes().data());
  // The order of the group is a little more than 2^252.
  scalar.bytes()[31] &= 0x0f;
  CpaceShare share;
  if (crypto_scalarmult_ristretto255(share.data(), scalar.bytes().data(),
                                     generator.bytes().data()) != 0) {
    return std::nullopt;
  }
  return share;
}

std::optional<CpaceSecret> CpaceFinish(const SecretKey& scalar, const CpaceContext& context,
                                       const CpaceMessage& own, const CpaceMessage& peer) {
  SecretKey point;
  if (crypto_scalarmult_ristretto255(point.bytes().data(), scalar.bytes().data(),
                                     peer.share.data()) != 0) {
    return std::nullopt;
  }
  std::vector<uint8_t> larger = Encode(own);
  std::vector<uint8_t> smaller = Encode(peer);
  if (larger < smaller) larger.swap(smaller);
  CpaceSecret secret;
  PrefixedSha512()
      .Add(AsBytes(kSecretLabel))
      .Add(context.session)
      .Add(point.bytes())
      .AddRaw(AsBytes("oc"))
      .AddRaw(larger)
      .AddRaw(smaller)
      .Finish(secret.bytes());
  return secret;
}

}  // namespace millrace
