// Records of a lane that were changed, moved to where they do not belong, or come again: none is
// taken for new.

#include "lanes/sealed_lane.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <string>
#include <vector>

#include "support/handshakes.h"
#include "support/random.h"
#include "wire/record.h"

namespace millrace {
namespace {

using testing::FixedSecrets;
using testing::Random;

constexpr LaneId kLane{1};
constexpr uint64_t kEpoch = 64;
constexpr size_t kPlaintextBytes = 40;

SealedLane MakeLane(bool encrypted, Role role, LaneId id = kLane, uint8_t master = 1) {
  SealedLane lane({id, Delivery::kReliable, WaterMarks{}, kMaxMessageBytes});
  lane.SetKeys(FixedSecrets(role, {.encrypted = encrypted}, master), kEpoch);
  return lane;
}

std::vector<uint8_t> Plaintext(uint8_t fill) { return std::vector<uint8_t>(kPlaintextBytes, fill); }

std::vector<uint8_t> SealNext(SealedLane& lane, uint8_t fill = 9) {
  std::vector<uint8_t> out(kPlaintextBytes + kRecordOverheadBytes);
  lane.SealRecord(Plaintext(fill), std::nullopt, true, Timestamp(), out);
  return out;
}

enum class Outcome { kNew, kDropped, kBad };

Outcome Open(SealedLane& lane, std::vector<uint8_t> message) {
  const Result<MutableByteView> opened = lane.OpenRecord(message, Timestamp());
  if (!opened.ok()) return Outcome::kBad;
  return opened.value().data() == nullptr ? Outcome::kDropped : Outcome::kNew;
}

TEST_CASE("a record opens once, on its lane, in its direction and session only") {
  for (const bool encrypted : {true, false}) {
    SealedLane sender = MakeLane(encrypted, Role::kInitiator);
    SealedLane receiver = MakeLane(encrypted, Role::kResponder);
    const std::vector<uint8_t> record = SealNext(sender);
    SealedLane other_lane = MakeLane(encrypted, Role::kResponder, LaneId(2));
    CHECK(Open(other_lane, record) == Outcome::kBad);
    SealedLane same_direction = MakeLane(encrypted, Role::kInitiator);
    CHECK(Open(same_direction, record) == Outcome::kBad);
    SealedLane other_session = MakeLane(encrypted, Role::kResponder, kLane, 2);
    CHECK(Open(other_session, record) == Outcome::kBad);
    SealedLane other_protection = MakeLane(!encrypted, Role::kResponder);
    CHECK(Open(other_protection, record) == Outcome::kBad);
    CHECK(Open(receiver, record) == Outcome::kNew);
    CHECK(Open(receiver, record) == Outcome::kDropped);
  }
}

TEST_CASE("a record with any one bit changed, cut short or drawn out is none") {
  for (const bool encrypted : {true, false}) {
    SealedLane sender = MakeLane(encrypted, Role::kInitiator);
    const std::vector<uint8_t> record = SealNext(sender);
    const auto opens = [encrypted](const std::vector<uint8_t>& message) {
      SealedLane receiver = MakeLane(encrypted, Role::kResponder);
      return Open(receiver, message) == Outcome::kNew;
    };
    REQUIRE(opens(record));
    for (size_t bit = 0; bit < 8 * record.size(); ++bit) {
      std::vector<uint8_t> bent = record;
      bent[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
      CHECK_FALSE(opens(bent));
    }
    for (size_t length = 0; length < record.size(); ++length) {
      CHECK_FALSE(opens({record.begin(), record.begin() + static_cast<std::ptrdiff_t>(length)}));
    }
    for (const size_t more : {size_t{1}, size_t{16}, size_t{100}}) {
      std::vector<uint8_t> longer = record;
      longer.resize(record.size() + more);
      CHECK_FALSE(opens(longer));
    }
  }
}

TEST_CASE("the bytes of a record show without encryption only") {
  for (const bool encrypted : {true, false}) {
    SealedLane sender = MakeLane(encrypted, Role::kInitiator);
    const std::vector<uint8_t> record = SealNext(sender);
    const std::vector<uint8_t> plaintext = Plaintext(9);
    const auto found =
        std::search(record.begin(), record.end(), plaintext.begin(), plaintext.end());
    CHECK((found == record.end()) == encrypted);
  }
}

TEST_CASE("keys change with the epochs, and records of the one before still open in any order") {
  SealedLane sender = MakeLane(true, Role::kInitiator);
  SealedLane receiver = MakeLane(true, Role::kResponder);
  std::vector<std::vector<uint8_t>> records;
  for (size_t i = 0; i < 20 * kEpoch; ++i) {
    records.push_back(SealNext(sender));
    CHECK(records.back()[1] == i / kEpoch);
  }
  // Within windows of two epochs, shuffled.
  Random random(1);
  for (size_t begin = 0; begin < records.size(); begin += 2 * kEpoch) {
    for (size_t i = 2 * kEpoch; i > 1; --i) {
      std::swap(records[begin + i - 1], records[begin + random.Below(i)]);
    }
  }
  for (const std::vector<uint8_t>& record : records) CHECK(Open(receiver, record) == Outcome::kNew);
  for (const std::vector<uint8_t>& record : records) CHECK(Open(receiver, record) != Outcome::kNew);
}

TEST_CASE("a record of an epoch whose key is gone is dropped, one of another epoch is bad") {
  SealedLane sender = MakeLane(true, Role::kInitiator);
  SealedLane receiver = MakeLane(true, Role::kResponder);
  const std::vector<uint8_t> first = SealNext(sender);
  for (uint64_t i = 1; i < kEpoch + OpeningKeys::kLateRecords + 1; ++i) {
    REQUIRE(Open(receiver, SealNext(sender)) == Outcome::kNew);
  }
  CHECK(Open(receiver, first) == Outcome::kDropped);
  std::vector<uint8_t> bent = SealNext(sender);
  bent[1] ^= 1;
  CHECK(Open(receiver, bent) == Outcome::kBad);
}

TEST_CASE("a lane without keys opens nothing") {
  SealedLane sender = MakeLane(true, Role::kInitiator);
  SealedLane receiver = MakeLane(true, Role::kResponder);
  const std::vector<uint8_t> record = SealNext(sender);
  receiver.ForgetKeys();
  CHECK_FALSE(receiver.has_keys());
  CHECK(Open(receiver, record) == Outcome::kBad);
}

}  // namespace
}  // namespace millrace
