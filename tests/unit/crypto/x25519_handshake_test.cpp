#include "crypto/x25519_handshake.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <vector>

#include "support/random.h"

namespace millrace {
namespace {

X25519Handshake Make(uint64_t seed) {
  InitializeCrypto();
  testing::Random random(seed);
  const std::vector<uint8_t> entropy = random.Bytes(64);
  return X25519Handshake(std::span<const uint8_t, 64>(entropy.data(), 64));
}

std::vector<uint8_t> Hello(X25519Handshake& handshake) {
  std::vector<uint8_t> message(Handshake::kMaxMessageBytes);
  message.resize(handshake.PollMessage(message));
  return message;
}

std::vector<uint8_t> MasterOf(const SessionSecrets& secrets) {
  return {secrets.master.bytes().begin(), secrets.master.bytes().end()};
}

TEST_CASE("both sides end with the same secret and opposite roles") {
  X25519Handshake a = Make(1);
  X25519Handshake b = Make(2);
  const std::vector<uint8_t> from_a = Hello(a);
  const std::vector<uint8_t> from_b = Hello(b);
  CHECK(Hello(a).empty());
  REQUIRE(a.HandleMessage(from_b).ok());
  REQUIRE(b.HandleMessage(from_a).ok());
  const auto secrets_a = a.TakeSecrets();
  const auto secrets_b = b.TakeSecrets();
  REQUIRE(secrets_a);
  REQUIRE(secrets_b);
  CHECK(MasterOf(*secrets_a) == MasterOf(*secrets_b));
  CHECK(secrets_a->role == Opposite(secrets_b->role));
  CHECK_FALSE(a.TakeSecrets());
}

TEST_CASE("a hello that was bent on its way leaves no common secret") {
  X25519Handshake a = Make(1);
  X25519Handshake b = Make(2);
  const std::vector<uint8_t> from_a = Hello(a);
  std::vector<uint8_t> from_b = Hello(b);
  from_b[10] ^= 1;
  REQUIRE(a.HandleMessage(from_b).ok());
  REQUIRE(b.HandleMessage(from_a).ok());
  CHECK(MasterOf(*a.TakeSecrets()) != MasterOf(*b.TakeSecrets()));
}

TEST_CASE("a hello that is cut, long, foreign, of another version, doubled, or our own fails") {
  X25519Handshake b = Make(2);
  const std::vector<uint8_t> good = Hello(b);
  const auto fails = [](const std::vector<uint8_t>& message) {
    X25519Handshake a = Make(1);
    const Status status = a.HandleMessage(message);
    return !status.ok() && status.error().code == ErrorCode::kHandshakeFailed && !a.TakeSecrets();
  };
  CHECK_FALSE(fails(good));
  for (size_t length = 0; length < good.size(); ++length) {
    CHECK(fails({good.begin(), good.begin() + static_cast<std::ptrdiff_t>(length)}));
  }
  std::vector<uint8_t> changed = good;
  changed.push_back(0);
  CHECK(fails(changed));
  changed = good;
  changed[0] = 'X';
  CHECK(fails(changed));
  changed = good;
  changed[5] ^= 2;
  CHECK(fails(changed));
  // The all-zero public key is of small order.
  changed = good;
  std::fill(changed.end() - 48, changed.end() - 16, uint8_t{0});
  CHECK(fails(changed));
  X25519Handshake twin = Make(1);
  CHECK(fails(Hello(twin)));
  X25519Handshake a = Make(1);
  REQUIRE(a.HandleMessage(good).ok());
  CHECK_FALSE(a.HandleMessage(good).ok());
}

// Two sides that held the same session, or not, shake hands again.
struct Again {
  std::optional<SessionSecrets> a;
  std::optional<SessionSecrets> b;
};

Again ShakeAgain(const SessionSecrets* of_a, const SessionSecrets* of_b) {
  testing::Random random(9);
  const std::vector<uint8_t> entropy = random.Bytes(128);
  const std::span<const uint8_t, 64> for_a(entropy.data(), 64);
  const std::span<const uint8_t, 64> for_b(entropy.data() + 64, 64);
  X25519Handshake a = of_a != nullptr ? X25519Handshake(for_a, *of_a) : X25519Handshake(for_a);
  X25519Handshake b = of_b != nullptr ? X25519Handshake(for_b, *of_b) : X25519Handshake(for_b);
  const std::vector<uint8_t> from_a = Hello(a);
  const std::vector<uint8_t> from_b = Hello(b);
  REQUIRE(a.HandleMessage(from_b).ok());
  REQUIRE(b.HandleMessage(from_a).ok());
  return Again{a.TakeSecrets(), b.TakeSecrets()};
}

TEST_CASE(
    "a second handshake goes on with a session that both sides held, under new keys and the old "
    "roles") {
  const Again first = ShakeAgain(nullptr, nullptr);
  CHECK_FALSE(first.a->resumed);
  const Again second = ShakeAgain(&*first.a, &*first.b);
  CHECK(second.a->resumed);
  CHECK(second.b->resumed);
  CHECK(second.a->role == first.a->role);
  CHECK(second.b->role == first.b->role);
  CHECK(MasterOf(*second.a) == MasterOf(*second.b));
  CHECK(MasterOf(*second.a) != MasterOf(*first.a));
}

TEST_CASE("who lost the session, or held another one, does not go on with it") {
  const Again first = ShakeAgain(nullptr, nullptr);
  CHECK_FALSE(ShakeAgain(&*first.a, nullptr).a->resumed);
  const Again other = ShakeAgain(&*first.a, &*first.b);
  CHECK_FALSE(ShakeAgain(&*first.a, &*other.b).a->resumed);
}

}  // namespace
}  // namespace millrace
