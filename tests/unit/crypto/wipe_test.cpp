// What held secrets leaves none behind: objects are made in memory that the test keeps, and that
// memory is searched once they are gone. (tests/node/core_secrets.test.mjs searches all memory of
// the WebAssembly core, its stack included.)

#include <algorithm>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <cstring>
#include <functional>
#include <memory>
#include <new>
#include <vector>

#include "connection/connection_state.h"
#include "lanes/sealed_lane.h"
#include "support/handshake_pair.h"

namespace millrace {
namespace {

using testing::Random;

// Memory for one object, searched for eight bytes of a secret.
template <typename T>
class Place {
 public:
  template <typename... Args>
  T& Make(Args&&... args) {
    object_ = new (memory_.data()) T(std::forward<Args>(args)...);
    return *object_;
  }
  void Destroy() { std::destroy_at(object_); }
  bool Holds(ByteView secret) const {
    for (size_t at = 0; at + 8 <= secret.size(); at += 8) {
      const ByteView part = secret.subspan(at, 8);
      if (std::search(memory_.begin(), memory_.end(), part.begin(), part.end()) != memory_.end()) {
        return true;
      }
    }
    return false;
  }

 private:
  alignas(T) std::array<uint8_t, sizeof(T)> memory_{};
  T* object_ = nullptr;
};

std::vector<uint8_t> Bytes(const SecretKey& key) {
  return {key.bytes().begin(), key.bytes().end()};
}

TEST_CASE("a secret that goes, or is moved from, leaves nothing") {
  Place<SecretKey> place;
  SecretKey& key = place.Make();
  const std::vector<uint8_t> secret = Random(1).Bytes(32);
  std::copy(secret.begin(), secret.end(), key.bytes().begin());
  CHECK(place.Holds(secret));
  const SecretKey moved = std::move(key);
  CHECK_FALSE(place.Holds(secret));
  CHECK(Bytes(moved) == secret);
  key = moved.Copy();
  CHECK(place.Holds(secret));
  place.Destroy();
  CHECK_FALSE(place.Holds(secret));
}

TEST_CASE("a handshake forgets its keys when it ends, well or badly, and when it goes") {
  for (const bool ends_well : {true, false}) {
    Random random(2);
    const std::vector<uint8_t> entropy = random.Bytes(Handshake::kEntropyBytes);
    const ByteView x25519 = ByteView(entropy).first(32);
    const ByteView kem_seed = ByteView(entropy).last(64);
    const std::unique_ptr<Handshake> peer = testing::MakeHandshake(random);
    Place<Handshake> place;
    Handshake& handshake = place.Make(entropy, HandshakeOptions{}, ByteView());
    CHECK(place.Holds(x25519));
    CHECK(place.Holds(kem_seed));
    REQUIRE(handshake.Begin("a", "b").ok());
    REQUIRE(peer->Begin("b", ends_well ? "a" : "c").ok());
    bool failed = false;
    while (!failed) {
      const std::vector<uint8_t> said = testing::NextMessage(handshake);
      const std::vector<uint8_t> heard = testing::NextMessage(*peer);
      if (said.empty() && heard.empty()) break;
      if (!said.empty()) peer->HandleMessage(said);
      if (!heard.empty()) failed = !handshake.HandleMessage(heard).ok();
    }
    CHECK(failed == !ends_well);
    CHECK_FALSE(place.Holds(x25519));
    CHECK_FALSE(place.Holds(kem_seed));
    std::optional<SessionSecrets> secrets = handshake.TakeSecrets();
    CHECK(secrets.has_value() == ends_well);
    if (secrets) CHECK_FALSE(place.Holds(secrets->master.bytes()));
    place.Destroy();
  }
  const std::vector<uint8_t> entropy = Random(3).Bytes(Handshake::kEntropyBytes);
  Place<Handshake> place;
  place.Make(entropy, HandshakeOptions{}, ByteView());
  place.Destroy();
  CHECK_FALSE(place.Holds(ByteView(entropy).first(32)));
  CHECK_FALSE(place.Holds(ByteView(entropy).last(64)));
}

TEST_CASE("the key of an epoch is gone when the next one begins, and all when keys are forgotten") {
  InitializeCrypto();
  SecretKey first;
  first.bytes()[5] = 7;
  const std::vector<uint8_t> first_bytes(Bytes(DeriveNextKey(first)));
  SecretKey key = DeriveNextKey(first);
  Place<SealingKeys> place;
  SealingKeys& keys = place.Make(std::move(key), uint64_t{10});
  CHECK(place.Holds(first_bytes));
  const std::vector<uint8_t> next = Bytes(keys.KeyFor(PacketNumber(10)));
  CHECK_FALSE(place.Holds(first_bytes));
  CHECK(place.Holds(next));
  keys.Forget();
  CHECK_FALSE(place.Holds(next));
}

// Shakes hands until neither side has anything more to say.
void Connect(ConnectionState& state, ConnectionState& peer) {
  REQUIRE(state.BeginHandshake("a", "b", Timestamp::Never()).ok());
  REQUIRE(peer.BeginHandshake("b", "a", Timestamp::Never()).ok());
  std::vector<uint8_t> message(Handshake::kMaxMessageBytes);
  for (bool busy = true; busy;) {
    busy = false;
    for (const auto& [from, to] : {std::pair(&state, &peer), std::pair(&peer, &state)}) {
      const size_t length = from->PollHandshake(message);
      if (length == 0) continue;
      busy = true;
      REQUIRE(to->OnHandshakeMessage(ByteView(message).first(length)).ok());
    }
  }
  REQUIRE(state.connected());
}

TEST_CASE("a connection that ends leaves none of its secrets, one that is interrupted the first") {
  Random random(4);
  ConnectionState peer(testing::MakeHandshake(random));
  Place<ConnectionState> place;
  ConnectionState& state = place.Make(testing::MakeHandshake(random));
  Connect(state, peer);
  const std::vector<uint8_t> first = Bytes(state.secrets().master);
  REQUIRE(place.Holds(first));
  for (ConnectionState* end : {&state, &peer}) {
    end->Interrupt(Timestamp::Never());
    end->Reconnect(testing::MakeHandshake(random, end->first_secrets()));
  }
  Connect(state, peer);
  const std::vector<uint8_t> second = Bytes(state.secrets().master);
  REQUIRE(place.Holds(first));
  REQUIRE(place.Holds(second));

  SECTION("interrupted") {
    state.Interrupt(Timestamp::Never());
    CHECK(place.Holds(first));
    CHECK_FALSE(place.Holds(second));
    state.Close(false);
  }
  SECTION("closed") { state.Close(false); }
  SECTION("closed with a message owed") { state.Close(true); }
  CHECK(state.closed());
  CHECK_FALSE(place.Holds(first));
  CHECK_FALSE(place.Holds(second));
  place.Destroy();
}

}  // namespace
}  // namespace millrace
