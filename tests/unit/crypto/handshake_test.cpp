#include "crypto/handshake.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <set>
#include <string>
#include <vector>

#include "support/handshake_pair.h"

namespace millrace {
namespace {

using testing::HandshakePair;
using testing::MakeHandshake;
using testing::MasterOf;
using testing::Random;

// How a side takes part.
struct Party {
  HandshakeOptions options;
  std::string secret;
};

const Party kNobody{{}, ""};
const Party kKeyHolder{{SecretKind::kKey}, "sixteen bytes, at least"};
const Party kCodeHolder{{SecretKind::kCode}, "7-crossover-clockwork"};
const std::vector<Party> kParties = {kNobody, kKeyHolder, kCodeHolder};

std::unique_ptr<Handshake> Make(Random& random, const Party& party) {
  return MakeHandshake(random, party.options, AsBytes(party.secret));
}

HandshakePair MakePair(uint64_t seed, const Party& a, const Party& b,
                       std::string_view seen_by_b = testing::kFingerprintA) {
  Random random(seed);
  auto first = Make(random, a);
  return HandshakePair(std::move(first), Make(random, b), seen_by_b);
}

std::string CodeOf(const testing::HandshakeSide& side) {
  return side.error ? std::string(ErrorCodeName(side.error->code)) : "";
}

TEST_CASE("both sides end with the same secret and opposite roles, in two round trips") {
  for (const Party& party : kParties) {
    HandshakePair pair = MakePair(1, party, party);
    pair.Run();
    REQUIRE(pair.BothAgreed());
    CHECK(pair.crossings() <= 4);
    const Agreement& a = pair.a().secrets->agreement;
    const Agreement& b = pair.b().secrets->agreement;
    CHECK(a.sas == b.sas);
    CHECK(std::all_of(a.sas.begin(), a.sas.end(), [](uint8_t n) { return n < 64; }));
    CHECK(a.authenticated == (party.options.secret_kind != SecretKind::kNone));
    CHECK(b.authenticated == a.authenticated);
    CHECK(a.encrypted);
    CHECK_FALSE(a.privacy);
    CHECK_FALSE(pair.a().secrets->resumed);
  }
}

TEST_CASE("roles fall to either side") {
  std::set<Role> roles;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    HandshakePair pair = MakePair(seed, kNobody, kNobody);
    pair.Run();
    REQUIRE(pair.BothAgreed());
    roles.insert(pair.a().secrets->role);
  }
  CHECK(roles.size() == 2);
}

TEST_CASE("another key or code, or another kind of secret, fails on both sides and says so") {
  const Party other_key{{SecretKind::kKey}, "sixteen bytes, of mine"};
  const Party other_code{{SecretKind::kCode}, "7-crossover-clockwise"};
  const std::vector<std::pair<Party, Party>> pairs = {
      {kKeyHolder, other_key}, {kCodeHolder, other_code}, {kNobody, kKeyHolder},
      {kNobody, kCodeHolder},  {kKeyHolder, kCodeHolder},
  };
  for (const auto& [a, b] : pairs) {
    HandshakePair pair = MakePair(2, a, b);
    pair.Run();
    CHECK(pair.NeitherAgreed());
    CHECK(CodeOf(pair.a()) == "authentication-failed");
    CHECK(CodeOf(pair.b()) == "authentication-failed");
  }
  HandshakePair pair = MakePair(2, kKeyHolder, kNobody);
  pair.Run();
  CHECK(pair.a().error->detail == "the other side used no secret, this one a link key");
}

TEST_CASE("a secret that is too short, too long or of no use is refused at once") {
  Random random(3);
  const auto begins = [&random](SecretKind kind, const std::string& secret) {
    const auto handshake = MakeHandshake(random, {kind}, AsBytes(secret));
    return handshake->Begin("a", "b").ok();
  };
  CHECK(begins(SecretKind::kNone, ""));
  CHECK_FALSE(begins(SecretKind::kNone, "a"));
  CHECK_FALSE(begins(SecretKind::kKey, std::string(15, 'k')));
  CHECK(begins(SecretKind::kKey, std::string(16, 'k')));
  CHECK(begins(SecretKind::kKey, std::string(1024, 'k')));
  CHECK_FALSE(begins(SecretKind::kKey, std::string(1025, 'k')));
  CHECK_FALSE(begins(SecretKind::kCode, ""));
  CHECK(begins(SecretKind::kCode, "1"));
  CHECK_FALSE(begins(SecretKind::kCode, std::string(1025, 'c')));
  Handshake starved(std::vector<uint8_t>(Handshake::kEntropyBytes - 1), {}, ByteView());
  CHECK_FALSE(starved.Begin("a", "b").ok());
}

TEST_CASE("a handshake needs both fingerprints, of 1 to 255 bytes") {
  Random random(4);
  const auto begins = [&random](const std::string& local, const std::string& remote) {
    const Status begun = MakeHandshake(random)->Begin(local, remote);
    return begun.ok() || begun.error().code != ErrorCode::kInvalidArgument;
  };
  CHECK(begins("a", std::string(255, 'b')));
  CHECK_FALSE(begins("", "b"));
  CHECK_FALSE(begins("a", ""));
  CHECK_FALSE(begins(std::string(256, 'a'), "b"));
}

TEST_CASE("sides that see different fingerprints do not agree") {
  for (const Party& party : kParties) {
    HandshakePair pair = MakePair(5, party, party, "sha-256 CC:CC");
    pair.Run();
    CHECK(pair.NeitherAgreed());
    CHECK(CodeOf(pair.a()) == "authentication-failed");
    CHECK(CodeOf(pair.b()) == "authentication-failed");
  }
}

TEST_CASE("encryption goes only where both sides ask, privacy comes where one does") {
  for (int bits = 0; bits < 16; ++bits) {
    const Party a{{SecretKind::kNone, (bits & 1) != 0, (bits & 2) != 0}, ""};
    const Party b{{SecretKind::kNone, (bits & 4) != 0, (bits & 8) != 0}, ""};
    HandshakePair pair = MakePair(6, a, b);
    pair.Run();
    REQUIRE(pair.BothAgreed());
    for (const auto* side : {&pair.a(), &pair.b()}) {
      const Agreement& agreement = side->secrets->agreement;
      CHECK(agreement.encrypted == (a.options.encryption || b.options.encryption));
      CHECK(agreement.privacy == (a.options.privacy || b.options.privacy));
    }
  }
}

TEST_CASE("our own messages that come back are refused") {
  for (const Party& party : kParties) {
    Random random(7);
    const auto handshake = Make(random, party);
    handshake->Begin("a", "b");
    const std::vector<uint8_t> hello = testing::NextMessage(*handshake);
    CHECK_FALSE(handshake->HandleMessage(hello).ok());
    // Our commitment under another random.
    Random again(7);
    const auto twin = Make(again, party);
    twin->Begin("a", "b");
    std::vector<uint8_t> bent = hello;
    bent[20] ^= 1;
    const Status handled = twin->HandleMessage(bent);
    REQUIRE_FALSE(handled.ok());
    CHECK(handled.error().code == ErrorCode::kHandshakeFailed);
  }
}

TEST_CASE("our own key that comes back is refused, whatever else is around it") {
  Random random(21);
  testing::MakeHandshake(random);
  const std::vector<uint8_t> entropy = random.Bytes(Handshake::kEntropyBytes);
  std::vector<uint8_t> same_key = random.Bytes(Handshake::kEntropyBytes);
  std::copy_n(entropy.begin(), 32, same_key.begin());
  const auto run = [&](const std::vector<uint8_t>& of_b) {
    auto a = std::make_unique<Handshake>(entropy, HandshakeOptions(), ByteView());
    auto b = std::make_unique<Handshake>(of_b, HandshakeOptions(), ByteView());
    HandshakePair pair(std::move(a), std::move(b));
    pair.Run();
    return pair.BothAgreed() ? "agreed" : CodeOf(pair.a()) + " " + CodeOf(pair.b());
  };
  CHECK(run(same_key) == "handshake-failed handshake-failed");
  CHECK(run(random.Bytes(Handshake::kEntropyBytes)) == "agreed");
}

TEST_CASE("a message before the handshake has begun is refused") {
  Random random(22);
  const auto handshake = MakeHandshake(random);
  const auto other = MakeHandshake(random);
  other->Begin("a", "b");
  const Status handled = handshake->HandleMessage(testing::NextMessage(*other));
  REQUIRE_FALSE(handled.ok());
  CHECK(handled.error().code == ErrorCode::kHandshakeFailed);
}

// Runs one handshake with each message kept.
struct Recorded {
  std::vector<std::vector<uint8_t>> messages[2];
};

Recorded Record(uint64_t seed, const Party& party) {
  Recorded recorded;
  HandshakePair pair = MakePair(seed, party, party);
  pair.Run([&recorded](size_t from, size_t, const std::vector<uint8_t>& message) {
    recorded.messages[from].push_back(message);
    return true;
  });
  REQUIRE(pair.BothAgreed());
  return recorded;
}

// Whether a run with this one message changed ends without either side having been deceived: no
// side agrees on anything, but that the initiator may have before its last message is bent.
bool IsRefused(uint64_t seed, const Party& party, const HandshakePair::Tamper& tamper) {
  HandshakePair pair = MakePair(seed, party, party);
  pair.Run(tamper);
  return !pair.a().secrets || !pair.b().secrets;
}

TEST_CASE("messages cut short, drawn out, out of order or twice are refused") {
  for (const Party& party : kParties) {
    const Recorded recorded = Record(8, party);
    for (size_t side = 0; side < 2; ++side) {
      for (size_t number = 0; number < recorded.messages[side].size(); ++number) {
        const size_t whole = recorded.messages[side][number].size();
        const auto resized = [&](size_t length) {
          return [=](size_t from, size_t n, std::vector<uint8_t>& message) {
            if (from == side && n == number) message.resize(length);
            return true;
          };
        };
        for (const size_t length : {size_t{0}, size_t{1}, whole - 1, whole + 1, whole + 100}) {
          CHECK(IsRefused(8, party, resized(length)));
        }
        // Another message of the same side in its place.
        for (size_t other = 0; other < recorded.messages[side].size(); ++other) {
          if (other == number) continue;
          CHECK(IsRefused(8, party, [&](size_t from, size_t n, std::vector<uint8_t>& message) {
            if (from == side && n == number) message = recorded.messages[side][other];
            return true;
          }));
        }
      }
    }
  }
}

TEST_CASE("a message that comes a second time ends the handshake") {
  for (const Party& party : kParties) {
    const Recorded recorded = Record(9, party);
    for (size_t side = 0; side < 2; ++side) {
      for (size_t number = 0; number < recorded.messages[side].size(); ++number) {
        HandshakePair pair = MakePair(9, party, party);
        bool refused = false;
        pair.Run([&](size_t from, size_t n, const std::vector<uint8_t>& message) {
          if (from != side || n != number) return true;
          Handshake& to = *pair.side(1 - side).handshake;
          if (!to.HandleMessage(message).ok()) return true;
          refused = !to.HandleMessage(message).ok();
          return false;
        });
        CHECK(refused);
      }
    }
  }
}

TEST_CASE("messages of an earlier handshake are refused") {
  for (const Party& party : kParties) {
    const Recorded earlier = Record(10, party);
    for (size_t side = 0; side < 2; ++side) {
      // One of them, in a new handshake; and all of one side.
      for (size_t number = 0; number <= earlier.messages[side].size(); ++number) {
        const bool all = number == earlier.messages[side].size();
        bool replayed = false;
        const bool refused =
            IsRefused(11, party, [&](size_t from, size_t n, std::vector<uint8_t>& message) {
              if (from == side && n < earlier.messages[side].size() && (all || n == number)) {
                message = earlier.messages[side][n];
                replayed = true;
              }
              return true;
            });
        CHECK(refused == replayed);
      }
    }
  }
}

TEST_CASE("another version, suite, kind of secret or flag on the way is refused") {
  // type (1) · magic (4) · version (2) · suites (2) · kind of secret (1) · flags (1)
  for (const Party& party : kParties) {
    for (size_t side = 0; side < 2; ++side) {
      for (size_t at = 0; at < 11; ++at) {
        for (const int value : {0, 1, 2, 3, 4, 5, 6, 7, 8, 127, 128, 255}) {
          bool changed = false;
          const bool refused =
              IsRefused(12, party, [&](size_t from, size_t n, std::vector<uint8_t>& message) {
                if (from == side && n == 0) {
                  changed = message[at] != value;
                  message[at] = static_cast<uint8_t>(value);
                }
                return true;
              });
          if (changed) CHECK(refused);
        }
      }
    }
  }
}

TEST_CASE("the numbers to compare are others in each handshake") {
  std::set<ShortAuthString> seen;
  for (uint64_t seed = 100; seed < 200; ++seed) {
    HandshakePair pair = MakePair(seed, kNobody, kNobody);
    pair.Run();
    REQUIRE(pair.BothAgreed());
    seen.insert(pair.a().secrets->agreement.sas);
  }
  CHECK(seen.size() == 100);
}

std::unique_ptr<HandshakePair> Again(uint64_t seed, const SessionSecrets* of_a,
                                     const SessionSecrets* of_b) {
  Random random(seed);
  auto a = of_a != nullptr ? MakeHandshake(random, *of_a) : MakeHandshake(random);
  auto b = of_b != nullptr ? MakeHandshake(random, *of_b) : MakeHandshake(random);
  auto pair = std::make_unique<HandshakePair>(std::move(a), std::move(b));
  pair->Run();
  return pair;
}

TEST_CASE("a second handshake goes on with a session that both sides held") {
  for (const Party& party : kParties) {
    HandshakePair first = MakePair(14, party, party);
    first.Run();
    REQUIRE(first.BothAgreed());
    for (uint64_t seed = 1; seed < 10; ++seed) {
      const auto second = Again(seed, &*first.a().secrets, &*first.b().secrets);
      REQUIRE(second->BothAgreed());
      for (size_t side = 0; side < 2; ++side) {
        const SessionSecrets& before = *first.side(side).secrets;
        const SessionSecrets& after = *second->side(side).secrets;
        CHECK(after.resumed);
        CHECK(after.role == before.role);
        CHECK(after.agreement.authenticated == before.agreement.authenticated);
        CHECK(after.agreement.sas == before.agreement.sas);
      }
      CHECK(MasterOf(second->a().secrets) != MasterOf(first.a().secrets));
    }
  }
}

TEST_CASE("who lost the session, or held another one, does not go on with it") {
  HandshakePair first = MakePair(15, kNobody, kNobody);
  first.Run();
  const auto without = Again(16, &*first.a().secrets, nullptr);
  CHECK(without->NeitherAgreed());
  CHECK(CodeOf(without->a()) == "connection-lost");
  CHECK_FALSE(CodeOf(without->b()).empty());
  HandshakePair other = MakePair(17, kNobody, kNobody);
  other.Run();
  CHECK(Again(18, &*first.a().secrets, &*other.b().secrets)->NeitherAgreed());
  // The tag alone is not enough.
  Random random(20);
  auto a = MakeHandshake(random, *first.a().secrets);
  auto b = MakeHandshake(random, *other.b().secrets);
  HandshakePair pair(std::move(a), std::move(b));
  std::vector<uint8_t> tag;
  pair.Run([&tag](size_t from, size_t n, std::vector<uint8_t>& message) {
    constexpr size_t kTagAt = 43;
    if (n != 0) return true;
    if (from == 0) tag.assign(message.begin() + kTagAt, message.begin() + kTagAt + 16);
    if (from == 1) std::copy(tag.begin(), tag.end(), message.begin() + kTagAt);
    return true;
  });
  CHECK(pair.NeitherAgreed());
}

// What becomes of a handshake whose messages of that type have their bytes from `at` on replaced.
std::string Bent(HandshakeType type, size_t at, size_t length, uint8_t value) {
  HandshakePair pair = MakePair(23, kNobody, kNobody);
  pair.Run([=](size_t, size_t, std::vector<uint8_t>& message) {
    if (message[0] == static_cast<uint8_t>(type)) {
      std::fill_n(message.begin() + static_cast<std::ptrdiff_t>(at), length, value);
    }
    return true;
  });
  CHECK(pair.NeitherAgreed());
  for (const auto* side : {&pair.a(), &pair.b()}) {
    if (side->error && side->error->detail != "the other side broke the handshake off") {
      return CodeOf(*side) + ": " + side->error->detail;
    }
  }
  return "";
}

TEST_CASE("a post-quantum key or ciphertext that is none is refused") {
  constexpr size_t kKemAt = 1 + kContributionBytes;
  constexpr size_t kPointBytes = 32;  // X-Wing ends with a point of X25519.
  CHECK(Bent(HandshakeType::kReveal, kKemAt, 1184, 0xff) ==
        "handshake-failed: the peer's key is not usable");
  CHECK(Bent(HandshakeType::kReveal, kKemAt + kKemPublicKeyBytes - kPointBytes, kPointBytes, 0) ==
        "handshake-failed: the peer's key is not usable");
  CHECK(Bent(HandshakeType::kAnswer, kKemAt + kKemCiphertextBytes - kPointBytes, kPointBytes, 0) ==
        "handshake-failed: the peer's ciphertext is not usable");
}

TEST_CASE("a peer that is bound to a point of small order is refused") {
  const Recorded recorded = Record(24, kNobody);
  const bool first_reveals =
      recorded.messages[0][1][0] == static_cast<uint8_t>(HandshakeType::kReveal);
  std::vector<uint8_t> reveal = recorded.messages[first_reveals ? 0 : 1][1];
  Contribution contribution;
  contribution.nonce.fill(1);
  ByteWriter writer(MutableByteView(reveal).subspan(1));
  EncodeContribution(contribution, writer);
  // The smaller hello, so that the other side waits for what this one reveals.
  Hello hello;
  hello.commitment = Commit(contribution);

  Random random(25);
  const auto victim = MakeHandshake(random);
  victim->Begin("a", "b");
  REQUIRE(victim->HandleMessage(EncodeHello(hello)).ok());
  const Status handled = victim->HandleMessage(reveal);
  REQUIRE_FALSE(handled.ok());
  CHECK(handled.error().code == ErrorCode::kHandshakeFailed);
  CHECK(handled.error().detail == "the peer's key is not usable");
}

}  // namespace
}  // namespace millrace
