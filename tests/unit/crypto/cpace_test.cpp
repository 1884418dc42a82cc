// The test vectors of draft-irtf-cfrg-cpace-21, appendix B.3 (ristretto255, SHA-512).

#include "crypto/cpace.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <string>
#include <vector>

#include "support/hex.h"

namespace millrace {
namespace {

using testing::ArrayFromHex;
using testing::FromHex;

constexpr std::string_view kShareA =
    "d6bac480f2c386c394efc7c47adb9925dcd2630b64f240c50f8d0eec482b9157";
constexpr std::string_view kShareB =
    "3ea7e0b19560d7c0b0f5734f63b955286dfa8232b5ebe63324e2d9e7433f7258";
// For sides without roles ("parallel execution", ISK_SY).
constexpr std::string_view kSecret =
    "544199d71f62f8d9a1fee55727e24fe4a45844593c2b6013c4fa3969d0e5debb"
    "2244675c0b43397cbb68d342b01fc0f98fc961469a25134de9f0f813c1a57476";

struct Vectors {
  std::vector<uint8_t> channel = FromHex("0b415f696e69746961746f720b425f726573706f6e646572");
  std::vector<uint8_t> session = FromHex("7e4b4791d6a8ef019b936c79fb7f2c57");
  CpaceContext context{channel, session};
  CpaceMessage from_a{ArrayFromHex<32>(kShareA), AsBytes("ADa")};
  CpaceMessage from_b{ArrayFromHex<32>(kShareB), AsBytes("ADb")};
};

SecretKey Scalar(std::string_view hex) {
  InitializeCrypto();
  SecretKey scalar;
  const std::vector<uint8_t> bytes = FromHex(hex);
  std::copy(bytes.begin(), bytes.end(), scalar.bytes().begin());
  return scalar;
}

SecretKey ScalarA() {
  return Scalar("da3d23700a9e5699258aef94dc060dfda5ebb61f02a5ea77fad53f4ff0976d08");
}
SecretKey ScalarB() {
  return Scalar("d2316b454718c35362d83d69df6320f38578ed5984651435e2949762d900b80d");
}

std::vector<uint8_t> BytesOf(const std::optional<CpaceSecret>& secret) {
  if (!secret) return {};
  return {secret->bytes().begin(), secret->bytes().end()};
}

TEST_CASE("CPace: generator and shares are those of the draft") {
  const Vectors vectors;
  SecretKey a = ScalarA();
  SecretKey b = ScalarB();
  CHECK(CpaceBegin(AsBytes("Password"), vectors.context, a) == vectors.from_a.share);
  CHECK(CpaceBegin(AsBytes("Password"), vectors.context, b) == vectors.from_b.share);
}

TEST_CASE("CPace: the secret of both sides is that of the draft") {
  const Vectors vectors;
  const SecretKey a = ScalarA();
  const SecretKey b = ScalarB();
  const auto of_a = CpaceFinish(a, vectors.context, vectors.from_a, vectors.from_b);
  const auto of_b = CpaceFinish(b, vectors.context, vectors.from_b, vectors.from_a);
  CHECK(BytesOf(of_a) == FromHex(kSecret));
  CHECK(BytesOf(of_b) == FromHex(kSecret));
}

TEST_CASE("CPace: a point that is none, or the neutral one, is refused") {
  const Vectors vectors;
  const SecretKey scalar =
      Scalar("7cd0e075fa7955ba52c02759a6c90dbbfc10e6d40aea8d283e407d88cf538a05");
  const auto finish = [&](std::string_view share) {
    return CpaceFinish(scalar, vectors.context, vectors.from_a, {ArrayFromHex<32>(share), {}});
  };
  CHECK(finish("2c3c6b8c4f3800e7aef6864025b4ed79bd599117e427c41bd47d93d654b4a51c"));
  CHECK_FALSE(finish("2b3c6b8c4f3800e7aef6864025b4ed79bd599117e427c41bd47d93d654b4a51c"));
  CHECK_FALSE(finish(std::string(64, '0')));
}

TEST_CASE("CPace: a scalar that is zero makes no share") {
  const Vectors vectors;
  SecretKey zero = Scalar(std::string(64, '0'));
  CHECK_FALSE(CpaceBegin(AsBytes("Password"), vectors.context, zero));
}

TEST_CASE("CPace: another code, channel, session or message gives another secret") {
  const auto run = [](std::string_view code_a, std::string_view code_b, std::string_view channel_b,
                      std::string_view session_b, std::string_view data_b) {
    SecretKey a = ScalarA();
    SecretKey b = ScalarB();
    const CpaceContext context_a{AsBytes("channel"), AsBytes("session")};
    const CpaceContext context_b{AsBytes(channel_b), AsBytes(session_b)};
    const CpaceMessage from_a{*CpaceBegin(AsBytes(code_a), context_a, a), AsBytes("data")};
    const CpaceMessage from_b{*CpaceBegin(AsBytes(code_b), context_b, b), AsBytes(data_b)};
    const CpaceMessage seen_by_b{from_a.share, AsBytes("data")};
    const CpaceMessage seen_by_a{from_b.share, AsBytes("data")};
    return BytesOf(CpaceFinish(a, context_a, from_a, seen_by_a)) ==
           BytesOf(CpaceFinish(b, context_b, from_b, seen_by_b));
  };
  const std::string longest(1024, 'x');
  CHECK(run("code", "code", "channel", "session", "data"));
  CHECK(run(longest, longest, "channel", "session", "data"));
  CHECK_FALSE(run("code", "cod3", "channel", "session", "data"));
  CHECK_FALSE(run("code", "code", "chann3l", "session", "data"));
  CHECK_FALSE(run("code", "code", "channel", "s3ssion", "data"));
  CHECK_FALSE(run("code", "code", "channel", "session", "d4ta"));
}

}  // namespace
}  // namespace millrace
