// Someone between two sessions, who signals for both and relays both legs, again and again; and
// every single bit of every message of a handshake turned.
//
// MILLRACE_SIM_SEEDS: how many runs of each kind; 1,000 turn every bit, fewer every n-th.

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "session/session.h"
#include "support/environment.h"
#include "support/handshake_pair.h"

namespace millrace {
namespace {

using testing::HandshakePair;
using testing::MakeHandshake;
using testing::Random;

constexpr std::string_view kMallory = "sha-256 EE:EE";
constexpr std::string_view kKey = "a link key of 16 bytes and more";
constexpr std::string_view kCode = "7-crossover-clockwork";

uint64_t Runs() {
  return std::max<uint64_t>(1, testing::NumberFromEnvironment("MILLRACE_SIM_SEEDS", 1000));
}

std::string_view SecretOf(SecretKind kind) {
  return kind == SecretKind::kKey ? kKey : kind == SecretKind::kCode ? kCode : "";
}

struct Message {
  LaneId lane;
  std::vector<uint8_t> bytes;
};

// A session with its memory small, so that thousands of them are cheap.
struct End {
  std::unique_ptr<Session> session;
  std::string closed;
  const Agreement* agreement = nullptr;
  Event established;
  std::vector<Event> events;

  End(Random& random, SecretKind kind, std::string_view secret, std::string_view own,
      std::string_view other) {
    SessionOptions options;
    options.send_pool_bytes = options.receive_pool_bytes = 128 * 1024;
    session = std::make_unique<Session>(options, MakeHandshake(random, {kind}, AsBytes(secret)),
                                        Timestamp());
    session->SetFingerprints(own, other);
    session->OpenLane(kControlLane, kMaxMessageBytes, Delivery::kReliable, Timestamp());
    session->OpenLane(kPulseLane, kMaxMessageBytes, Delivery::kUnreliable, Timestamp());
  }

  std::vector<Message> Take() {
    std::vector<Message> messages;
    while (const auto output = session->PollOutput(Timestamp())) {
      messages.push_back({output->lane, {output->message.begin(), output->message.end()}});
    }
    while (auto event = session->PollEvent()) Note(std::move(*event));
    return messages;
  }

  void Give(const Message& message) {
    const MutableByteView buffer = session->InputBuffer(message.lane, message.bytes.size());
    if (!buffer.empty()) {
      std::copy(message.bytes.begin(), message.bytes.end(), buffer.begin());
      session->HandleInput(message.lane, Timestamp());
    }
  }

  void Note(Event event) {
    if (event.type == EventType::kClosed) closed = ErrorCodeName(event.error.code);
    if (event.type == EventType::kEstablished) {
      established = event;
      agreement = &established.agreement;
      // As soon as it may, each side says something that nobody else should know.
      session->Offer({FileInfo{12, 0, "the secret file", ""}}, {}, Timestamp());
    }
    events.push_back(std::move(event));
  }

  bool Heard() const {
    return std::any_of(events.begin(), events.end(),
                       [](const Event& e) { return e.type == EventType::kOffer; });
  }
};

void Connect(End& a, End& b) {
  while (true) {
    const auto from_a = a.Take();
    const auto from_b = b.Take();
    if (from_a.empty() && from_b.empty()) return;
    for (const auto& message : from_a) b.Give(message);
    for (const auto& message : from_b) a.Give(message);
  }
}

TEST_CASE("someone in between without any secret shows in the numbers, each time") {
  Random random(1);
  for (uint64_t run = 0; run < Runs(); ++run) {
    End a(random, SecretKind::kNone, "", testing::kFingerprintA, kMallory);
    End to_a(random, SecretKind::kNone, "", kMallory, testing::kFingerprintA);
    End b(random, SecretKind::kNone, "", testing::kFingerprintB, kMallory);
    End to_b(random, SecretKind::kNone, "", kMallory, testing::kFingerprintB);
    Connect(a, to_a);
    Connect(b, to_b);
    REQUIRE(a.agreement != nullptr);
    REQUIRE(b.agreement != nullptr);
    REQUIRE_FALSE(a.agreement->authenticated);
    REQUIRE_FALSE(b.agreement->authenticated);
    REQUIRE(a.agreement->sas != b.agreement->sas);
  }
}

TEST_CASE("someone in between who does not know the secret gets nothing, on either leg") {
  for (const SecretKind kind : {SecretKind::kKey, SecretKind::kCode}) {
    Random random(2);
    for (uint64_t run = 0; run < Runs(); ++run) {
      // What Mallory tries: a guess, no secret, or the other kind of it.
      SecretKind tried = kind;
      std::string guess = "a guess of 16 bytes or more, " + std::to_string(run);
      if (run % 10 == 8) tried = SecretKind::kNone;
      if (run % 10 == 9) tried = kind == SecretKind::kKey ? SecretKind::kCode : SecretKind::kKey;
      if (tried == SecretKind::kNone) guess.clear();
      End a(random, kind, SecretOf(kind), testing::kFingerprintA, kMallory);
      End to_a(random, tried, guess, kMallory, testing::kFingerprintA);
      End b(random, kind, SecretOf(kind), testing::kFingerprintB, kMallory);
      End to_b(random, tried, guess, kMallory, testing::kFingerprintB);
      Connect(a, to_a);
      Connect(b, to_b);
      for (const End* end : {&a, &b}) {
        REQUIRE(end->agreement == nullptr);
        REQUIRE(end->closed == "authentication-failed");
      }
      for (const End* end : {&to_a, &to_b}) {
        REQUIRE(end->agreement == nullptr);
        REQUIRE_FALSE(end->Heard());
      }
    }
  }
}

TEST_CASE("who swaps the fingerprints and relays everything else is found out") {
  for (const SecretKind kind : {SecretKind::kNone, SecretKind::kKey, SecretKind::kCode}) {
    Random random(3);
    for (uint64_t run = 0; run < Runs(); ++run) {
      End a(random, kind, SecretOf(kind), testing::kFingerprintA, kMallory);
      End b(random, kind, SecretOf(kind), testing::kFingerprintB, kMallory);
      Connect(a, b);
      for (const End* end : {&a, &b}) {
        REQUIRE(end->agreement == nullptr);
        REQUIRE(end->closed == "authentication-failed");
        REQUIRE_FALSE(end->Heard());
      }
    }
  }
}

TEST_CASE("two sides that nobody stands between hear each other") {
  for (const SecretKind kind : {SecretKind::kNone, SecretKind::kKey, SecretKind::kCode}) {
    Random random(4);
    End a(random, kind, SecretOf(kind), testing::kFingerprintA, testing::kFingerprintB);
    End b(random, kind, SecretOf(kind), testing::kFingerprintB, testing::kFingerprintA);
    Connect(a, b);
    REQUIRE(a.agreement != nullptr);
    REQUIRE(b.agreement != nullptr);
    CHECK(a.agreement->sas == b.agreement->sas);
    CHECK(a.agreement->authenticated == (kind != SecretKind::kNone));
    CHECK(a.Heard());
    CHECK(b.Heard());
  }
}

// One handshake, as often as it takes: with all that the two sides said in it.
class Repeated {
 public:
  explicit Repeated(SecretKind kind) : kind_(kind) {
    HandshakePair pair(Make(0), Make(1));
    pair.Run([this](size_t from, size_t, const std::vector<uint8_t>& message) {
      said_[from].push_back(message);
      return true;
    });
    REQUIRE(pair.BothAgreed());
  }

  const std::vector<std::vector<uint8_t>>& said(size_t from) const { return said_[from]; }

  // This message in the place of the one that `from` said. Whether the other side ends with
  // secrets, or `from` does though what it said did not arrive.
  bool Deceives(size_t from, size_t number, const std::vector<uint8_t>& message) const {
    if (IsRefusedAtOnce(from, number, message)) return false;
    HandshakePair pair(Make(0), Make(1));
    pair.Run([&](size_t side, size_t n, std::vector<uint8_t>& sent) {
      if (side == from && n == number) sent = message;
      return true;
    });
    return !pair.NeitherAgreed();
  }

 private:
  std::unique_ptr<Handshake> Make(size_t side) const {
    Random random(100 + side);
    return MakeHandshake(random, {kind_}, AsBytes(SecretOf(kind_)));
  }

  // Half the cost of finding out with both sides.
  bool IsRefusedAtOnce(size_t from, size_t number, const std::vector<uint8_t>& message) const {
    const std::unique_ptr<Handshake> to = Make(1 - from);
    to->Begin(from == 0 ? testing::kFingerprintB : testing::kFingerprintA,
              from == 0 ? testing::kFingerprintA : testing::kFingerprintB);
    for (size_t n = 0; n < number; ++n) REQUIRE(to->HandleMessage(said_[from][n]).ok());
    return !to->HandleMessage(message).ok();
  }

  SecretKind kind_;
  std::vector<std::vector<uint8_t>> said_[2];
};

TEST_CASE("no bit of any message of a handshake can be turned") {
  for (const SecretKind kind : {SecretKind::kNone, SecretKind::kCode}) {
    // All of them, and with a code a sample: it changes 32 bytes of two messages.
    const uint64_t step =
        std::max<uint64_t>(1, 1000 / Runs()) * (kind == SecretKind::kCode ? 9 : 1);
    const Repeated handshake(kind);
    size_t bits = 0;
    for (size_t from = 0; from < 2; ++from) {
      for (size_t number = 0; number < handshake.said(from).size(); ++number) {
        const std::vector<uint8_t>& honest = handshake.said(from)[number];
        for (size_t bit = 0; bit < 8 * honest.size(); ++bit, ++bits) {
          if (bits % step != 0) continue;
          std::vector<uint8_t> bent = honest;
          bent[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
          INFO("side " << from << ", message " << number << ", bit " << bit);
          REQUIRE_FALSE(handshake.Deceives(from, number, bent));
        }
      }
    }
    CHECK(bits == 8 * (2 * kHelloBytes + kRevealBytes + kAnswerBytes + kConfirmBytes));
  }
}

}  // namespace
}  // namespace millrace
