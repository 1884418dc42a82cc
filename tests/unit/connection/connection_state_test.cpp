#include "connection/connection_state.h"

#include <catch2/catch_test_macros.hpp>
#include <functional>
#include <string>
#include <vector>

#include "support/handshakes.h"

namespace millrace {
namespace {

using testing::kFingerprintA;
using testing::kFingerprintB;
using testing::Random;
using Expiry = ConnectionState::Expiry;

constexpr Timestamp At(int64_t seconds) { return Timestamp::FromMicros(seconds * 1'000'000); }

// Two ends of one connection.
struct Pair {
  // Crosses handshake messages until there are none left.
  void Cross() {
    std::vector<uint8_t> message(Handshake::kMaxMessageBytes);
    for (bool busy = true; busy;) {
      busy = false;
      for (size_t from : {size_t{0}, size_t{1}}) {
        const size_t length = ends[from].PollHandshake(message);
        if (length == 0) continue;
        busy = true;
        CHECK(ends[1 - from].OnHandshakeMessage(ByteView(message).first(length)).ok());
      }
    }
  }
  void Connect(Timestamp deadline = At(15)) {
    REQUIRE(a().BeginHandshake(kFingerprintA, kFingerprintB, deadline).ok());
    REQUIRE(b().BeginHandshake(kFingerprintB, kFingerprintA, deadline).ok());
    Cross();
  }
  void Reconnect() {
    for (ConnectionState& end : ends) {
      end.Reconnect(testing::MakeHandshake(random, end.first_secrets()));
    }
  }

  ConnectionState& a() { return ends[0]; }
  ConnectionState& b() { return ends[1]; }

  Random random{1};
  ConnectionState ends[2] = {ConnectionState(testing::MakeHandshake(random)),
                             ConnectionState(testing::MakeHandshake(random))};
};

std::vector<uint8_t> MasterOf(const SessionSecrets& secrets) {
  return {secrets.master.bytes().begin(), secrets.master.bytes().end()};
}

std::string NameOf(const ConnectionState& state) {
  std::string name;
  if (state.opening()) name += "opening";
  if (state.connected()) name += "connected";
  if (state.interrupted()) name += "interrupted";
  if (state.closed()) name += "closed";
  return name;  // Exactly one.
}

// Every state, and those within it that differ in what may come next.
struct Stage {
  std::string name;
  std::function<void(Pair&)> reach;
};
const Stage kOpening{"opening", [](Pair&) {}};
const Stage kShaking{"opening, shaking hands", [](Pair& pair) {
                       pair.a().BeginHandshake(kFingerprintA, kFingerprintB, At(15));
                     }};
const Stage kConnected{"connected", [](Pair& pair) { pair.Connect(); }};
const Stage kInterrupted{"interrupted", [](Pair& pair) {
                           pair.Connect();
                           for (ConnectionState& end : pair.ends) end.Interrupt(At(60));
                         }};
const Stage kReconnecting{"interrupted, with a new handshake", [](Pair& pair) {
                            kInterrupted.reach(pair);
                            pair.Reconnect();
                          }};
const Stage kShakingAgain{"interrupted, shaking hands", [](Pair& pair) {
                            kReconnecting.reach(pair);
                            pair.a().BeginHandshake(kFingerprintA, kFingerprintB, At(20));
                          }};
const Stage kClosed{"closed", [](Pair& pair) { pair.a().Close(false); }};

TEST_CASE("each state says what may come next, and its own deadline") {
  struct Row {
    const Stage& stage;
    std::string state;
    bool can_open_control_lane;
    bool can_reconnect;
    Timestamp next;
  };
  const Row rows[] = {
      {kOpening, "opening", true, false, Timestamp::Never()},
      {kShaking, "opening", true, false, At(15)},
      {kConnected, "connected", false, false, Timestamp::Never()},
      {kInterrupted, "interrupted", false, true, At(60)},
      {kReconnecting, "interrupted", true, true, At(60)},
      {kShakingAgain, "interrupted", true, false, At(20)},
      {kClosed, "closed", false, false, Timestamp::Never()},
  };
  for (const Row& row : rows) {
    INFO(row.stage.name);
    Pair pair;
    row.stage.reach(pair);
    CHECK(NameOf(pair.a()) == row.state);
    CHECK(pair.a().CanOpenControlLane() == row.can_open_control_lane);
    CHECK(pair.a().CanReconnect() == row.can_reconnect);
    CHECK(pair.a().NextTimeout() == row.next);
  }
}

TEST_CASE("every event leads from each state where it should") {
  struct Event {
    std::string name;
    std::function<void(Pair&)> happen;
  };
  const Event interrupt{"the connection goes", [](Pair& pair) { pair.a().Interrupt(At(99)); }};
  const Event reconnect{"a new handshake comes", [](Pair& pair) {
                          pair.a().Reconnect(testing::MakeHandshake(pair.random));
                        }};
  const Event expect{"a lane is expected", [](Pair& pair) { pair.a().ExpectLane(At(30)); }};
  const Event close{"it closes", [](Pair& pair) { pair.a().Close(false); }};
  struct Row {
    const Stage& stage;
    const Event& event;
    std::string state;
    Timestamp next;
  };
  const Row rows[] = {
      {kOpening, interrupt, "opening", Timestamp::Never()},
      {kShaking, interrupt, "opening", At(15)},
      {kConnected, interrupt, "interrupted", At(99)},
      {kInterrupted, interrupt, "interrupted", At(60)},
      {kReconnecting, interrupt, "interrupted", At(60)},
      {kShakingAgain, interrupt, "interrupted", At(60)},
      {kClosed, interrupt, "closed", Timestamp::Never()},
      {kOpening, reconnect, "opening", Timestamp::Never()},
      {kShaking, reconnect, "opening", At(15)},
      {kConnected, reconnect, "connected", Timestamp::Never()},
      {kInterrupted, reconnect, "interrupted", At(60)},
      {kReconnecting, reconnect, "interrupted", At(60)},
      {kShakingAgain, reconnect, "interrupted", At(20)},
      {kClosed, reconnect, "closed", Timestamp::Never()},
      {kOpening, expect, "opening", Timestamp::Never()},
      {kShaking, expect, "opening", At(15)},
      {kConnected, expect, "connected", At(30)},
      {kInterrupted, expect, "interrupted", At(60)},
      {kReconnecting, expect, "interrupted", At(60)},
      {kShakingAgain, expect, "interrupted", At(20)},
      {kClosed, expect, "closed", Timestamp::Never()},
      {kOpening, close, "closed", Timestamp::Never()},
      {kShaking, close, "closed", Timestamp::Never()},
      {kConnected, close, "closed", Timestamp::Never()},
      {kInterrupted, close, "closed", Timestamp::Never()},
      {kReconnecting, close, "closed", Timestamp::Never()},
      {kShakingAgain, close, "closed", Timestamp::Never()},
      {kClosed, close, "closed", Timestamp::Never()},
  };
  for (const Row& row : rows) {
    INFO(row.stage.name << ": " << row.event.name);
    Pair pair;
    row.stage.reach(pair);
    row.event.happen(pair);
    CHECK(NameOf(pair.a()) == row.state);
    CHECK(pair.a().NextTimeout() == row.next);
  }
}

TEST_CASE("a deadline that passes says what did not come") {
  struct Row {
    const Stage& stage;
    Timestamp deadline;
    Expiry expiry;
  };
  const Stage waiting{"connected, a lane expected", [](Pair& pair) {
                        pair.Connect();
                        pair.a().ExpectLane(At(30));
                      }};
  const Row rows[] = {
      {kShaking, At(15), Expiry::kHandshake},
      {waiting, At(30), Expiry::kLane},
      {kInterrupted, At(60), Expiry::kReconnect},
      {kReconnecting, At(60), Expiry::kReconnect},
      {kShakingAgain, At(20), Expiry::kReconnectAttempt},
  };
  for (const Row& row : rows) {
    INFO(row.stage.name);
    Pair pair;
    row.stage.reach(pair);
    CHECK(pair.a().ExpiredAt(row.deadline + Duration::Micros(-1)) == Expiry::kNone);
    CHECK(pair.a().ExpiredAt(row.deadline) == row.expiry);
  }
  for (const Stage& stage : {kOpening, kConnected, kClosed}) {
    INFO(stage.name);
    Pair pair;
    stage.reach(pair);
    CHECK(pair.a().ExpiredAt(At(1'000'000'000)) == Expiry::kNone);
  }
}

TEST_CASE("the end of the wait for a peer goes before that of an attempt") {
  Pair pair;
  kShakingAgain.reach(pair);
  CHECK(pair.a().ExpiredAt(At(60)) == Expiry::kReconnect);
}

TEST_CASE("a lane that came is waited for no more") {
  Pair pair;
  pair.Connect();
  pair.a().ExpectLane(At(30));
  pair.a().ExpectLane(Timestamp::Never());
  CHECK(pair.a().ExpiredAt(At(40)) == Expiry::kNone);
}

TEST_CASE("both ends agree on keys, and keep the first ones through later connections") {
  Pair pair;
  pair.Connect();
  REQUIRE(pair.a().connected());
  REQUIRE(pair.b().connected());
  const std::vector<uint8_t> first = MasterOf(pair.a().first_secrets());
  CHECK(MasterOf(pair.a().secrets()) == first);
  CHECK(MasterOf(pair.b().secrets()) == first);
  for (int i = 0; i < 2; ++i) {
    for (ConnectionState& end : pair.ends) end.Interrupt(At(60));
    CHECK(MasterOf(pair.a().first_secrets()) == first);
    pair.Reconnect();
    pair.Connect(At(20));
    REQUIRE(pair.a().connected());
    REQUIRE(pair.b().connected());
    CHECK(MasterOf(pair.a().first_secrets()) == first);
    CHECK(MasterOf(pair.a().secrets()) != first);
    CHECK(MasterOf(pair.a().secrets()) == MasterOf(pair.b().secrets()));
  }
}

TEST_CASE("a handshake message that breaks the protocol changes nothing but is an error") {
  for (const Stage& stage : {kShaking, kShakingAgain}) {
    INFO(stage.name);
    Pair pair;
    stage.reach(pair);
    const std::string before = NameOf(pair.a());
    CHECK_FALSE(pair.a().OnHandshakeMessage(std::vector<uint8_t>{1, 2, 3}).ok());
    CHECK(NameOf(pair.a()) == before);
  }
}

TEST_CASE("a handshake between the wrong certificates never connects") {
  Pair pair;
  REQUIRE(pair.a().BeginHandshake(kFingerprintA, kFingerprintB, At(15)).ok());
  REQUIRE(pair.b().BeginHandshake(kFingerprintB, "sha-256 CC:CC", At(15)).ok());
  std::vector<uint8_t> message(Handshake::kMaxMessageBytes);
  bool failed = false;
  for (int i = 0; i < 10; ++i) {
    for (size_t from : {size_t{0}, size_t{1}}) {
      const size_t length = pair.ends[from].PollHandshake(message);
      if (length == 0) continue;
      failed =
          failed || !pair.ends[1 - from].OnHandshakeMessage(ByteView(message).first(length)).ok();
    }
  }
  CHECK(failed);
  CHECK_FALSE((pair.a().connected() && pair.b().connected()));
}

TEST_CASE("the last handshake message still goes out of a state that closes, if that is asked") {
  for (const bool has_last_words : {true, false}) {
    Pair pair;
    kShaking.reach(pair);  // The hello is still to be sent.
    pair.a().Close(has_last_words);
    std::vector<uint8_t> message(Handshake::kMaxMessageBytes);
    CHECK((pair.a().PollHandshake(message) > 0) == has_last_words);
    CHECK(pair.a().PollHandshake(message) == 0);
    CHECK(pair.a().closed());
  }
}

}  // namespace
}  // namespace millrace
