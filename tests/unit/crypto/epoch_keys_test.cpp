#include "crypto/epoch_keys.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <vector>

#include "crypto/key_schedule.h"

namespace millrace {
namespace {

using Place = OpeningKeys::Place;

SecretKey First() {
  InitializeCrypto();
  SecretKey key;
  std::fill(key.bytes().begin(), key.bytes().end(), uint8_t{7});
  return key;
}

std::vector<uint8_t> Bytes(const SecretKey& key) {
  return {key.bytes().begin(), key.bytes().end()};
}

TEST_CASE("each epoch has a key of its own, the same on both sides") {
  SealingKeys sealing(First(), 10);
  OpeningKeys opening(First(), 10);
  std::vector<std::vector<uint8_t>> keys;
  for (uint64_t number = 0; number < 100; ++number) {
    const PacketNumber at(number);
    const std::vector<uint8_t> key = Bytes(sealing.KeyFor(at));
    CHECK(sealing.epoch() == number / 10);
    REQUIRE(opening.PlaceOf(at) == Place::kKnown);
    CHECK(Bytes(opening.KeyFor(at)) == key);
    if (number % 10 == 0) {
      CHECK(std::find(keys.begin(), keys.end(), key) == keys.end());
      keys.push_back(key);
    } else {
      CHECK(keys.back() == key);
    }
  }
}

TEST_CASE("the keys of past epochs stay for late records, and no longer") {
  constexpr uint64_t kEpoch = 1000;
  OpeningKeys opening(First(), kEpoch);
  const uint64_t last = kEpoch - 1 + OpeningKeys::kLateRecords;
  for (uint64_t number = 0; number <= last; ++number) {
    opening.KeyFor(PacketNumber(number));
    opening.OnOpened(PacketNumber(number));
    REQUIRE(opening.PlaceOf(PacketNumber(0)) == Place::kKnown);
  }
  opening.KeyFor(PacketNumber(last + 1));
  opening.OnOpened(PacketNumber(last + 1));
  CHECK(opening.PlaceOf(PacketNumber(0)) == Place::kPast);
  CHECK(opening.PlaceOf(PacketNumber(kEpoch)) == Place::kKnown);
  // With epochs of their real length there are never more than two.
  OpeningKeys real(First(), kRecordsPerEpoch);
  for (uint64_t number = 0; number < 5 * kRecordsPerEpoch; number += 100) {
    real.KeyFor(PacketNumber(number));
    real.OnOpened(PacketNumber(number));
    REQUIRE(real.held() <= 2);
  }
}

TEST_CASE("a number far ahead is refused before anything is derived") {
  OpeningKeys opening(First(), 10);
  CHECK(opening.PlaceOf(PacketNumber(10 * OpeningKeys::kMostAhead + 9)) == Place::kKnown);
  CHECK(opening.PlaceOf(PacketNumber(10 * OpeningKeys::kMostAhead + 10)) == Place::kTooFar);
  CHECK(opening.PlaceOf(PacketNumber(uint64_t{1} << 62)) == Place::kTooFar);
  CHECK(opening.held() == 1);
}

}  // namespace
}  // namespace millrace
