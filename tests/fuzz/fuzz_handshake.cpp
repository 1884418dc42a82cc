// Any bytes as what the other side says in a handshake, from every state of it: a typed error, or
// the next state; secrets only for who has shown the same ones. The first byte says how both sides
// take part, and how far they get honestly; what follows is what one of them is told instead.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "fuzz/check.h"
#include "support/handshake_pair.h"

namespace millrace {
namespace {

using testing::Check;
using testing::HandshakePair;
using testing::MakeHandshake;
using testing::Random;

std::unique_ptr<Handshake> Make(Random& random, SecretKind kind) {
  constexpr std::string_view kSecrets[] = {"", "sixteen bytes of a key", "7-crossover"};
  return MakeHandshake(random, {kind}, AsBytes(kSecrets[static_cast<size_t>(kind)]));
}

// How a message is made of the input: as it is, or from an honest one with some bytes changed, so
// that the fuzzer need not find 32 bytes that fit.
std::vector<uint8_t> Bend(std::vector<uint8_t> honest, ByteReader& input) {
  const uint8_t how = input.U8();
  if (how < 64) {
    const size_t length =
        std::min<size_t>(input.U16() % (Handshake::kMaxMessageBytes + 2), input.rest().size());
    const ByteView bytes = input.Bytes(length);
    return {bytes.begin(), bytes.end()};
  }
  if (how < 96) honest.resize(input.U16() % (Handshake::kMaxMessageBytes + 2));
  for (size_t changes = how % 4; changes > 0 && !honest.empty(); --changes) {
    const size_t at = input.U16() % honest.size();
    honest[at] ^= input.U8();
  }
  return honest;
}

void Run(ByteReader& input) {
  const uint8_t setup = input.U8();
  const uint64_t seed = setup >> 4 & 3;
  const auto kind = static_cast<SecretKind>(setup % 3);
  const size_t deceived_from = setup >> 6 & 3;
  Random random(seed + 1);
  auto a = Make(random, kind);
  HandshakePair pair(std::move(a), Make(random, kind));
  bool bent = false;
  pair.Run([&](size_t from, size_t number, std::vector<uint8_t>& message) {
    if (from != 1 || number < deceived_from || input.AtEnd()) return true;
    const std::vector<uint8_t> honest = message;
    message = Bend(message, input);
    bent = bent || message != honest;
    return true;
  });
  for (testing::HandshakeSide* side : {&pair.a(), &pair.b()}) {
    Check(!side->secrets || !side->error);
    if (!side->error) continue;
    const ErrorCode code = side->error->code;
    Check(code == ErrorCode::kHandshakeFailed || code == ErrorCode::kAuthenticationFailed ||
          code == ErrorCode::kConnectionLost);
    Check(!side->handshake->TakeSecrets());
  }
  // Who was told something else has not agreed, and honest sides have.
  Check(bent ? !pair.a().secrets : pair.BothAgreed());
}

}  // namespace
}  // namespace millrace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1 || size > 8192) return 0;
  millrace::ByteReader input(millrace::ByteView(data, size));
  millrace::Run(input);
  return 0;
}
