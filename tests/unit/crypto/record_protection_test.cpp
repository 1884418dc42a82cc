#include "crypto/record_protection.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <vector>

#include "crypto/key_schedule.h"
#include "support/random.h"

namespace millrace {
namespace {

SecretKey KeyOf(uint8_t fill) {
  SecretKey key;
  std::fill(key.bytes().begin(), key.bytes().end(), fill);
  return key;
}

TEST_CASE("what was sealed opens in place, at every length around a block") {
  InitializeCrypto();
  const size_t length = GENERATE(size_t{0}, size_t{1}, size_t{63}, size_t{64}, size_t{65},
                                 size_t{255}, size_t{256}, size_t{257}, size_t{65536});
  testing::Random random(length);
  const std::vector<uint8_t> plaintext = random.Bytes(length);
  const std::vector<uint8_t> header = random.Bytes(10);
  std::vector<uint8_t> sealed(length + kTagBytes);
  Seal(KeyOf(1), PacketNumber(5), header, plaintext, sealed);
  const auto opened = Open(KeyOf(1), PacketNumber(5), header, sealed);
  REQUIRE(opened);
  CHECK(std::equal(opened->begin(), opened->end(), plaintext.begin(), plaintext.end()));
}

TEST_CASE("any other key, number, header or byte does not open") {
  InitializeCrypto();
  const std::vector<uint8_t> plaintext(100, 7);
  const std::vector<uint8_t> header(10, 1);
  std::vector<uint8_t> sealed(plaintext.size() + kTagBytes);
  Seal(KeyOf(1), PacketNumber(5), header, plaintext, sealed);
  const auto opens = [](const SecretKey& key, PacketNumber number, ByteView with,
                        std::vector<uint8_t> copy) {
    return Open(key, number, with, copy).has_value();
  };
  CHECK(opens(KeyOf(1), PacketNumber(5), header, sealed));
  CHECK_FALSE(opens(KeyOf(2), PacketNumber(5), header, sealed));
  CHECK_FALSE(opens(KeyOf(1), PacketNumber(6), header, sealed));
  std::vector<uint8_t> other_header = header;
  other_header[9] ^= 1;
  CHECK_FALSE(opens(KeyOf(1), PacketNumber(5), other_header, sealed));
  for (size_t i = 0; i < sealed.size(); ++i) {
    std::vector<uint8_t> bent = sealed;
    bent[i] ^= 0x80;
    CHECK_FALSE(opens(KeyOf(1), PacketNumber(5), header, bent));
  }
  for (size_t length = 0; length < sealed.size(); ++length) {
    std::vector<uint8_t> cut(sealed.begin(), sealed.begin() + static_cast<std::ptrdiff_t>(length));
    CHECK_FALSE(opens(KeyOf(1), PacketNumber(5), header, cut));
  }
}

TEST_CASE("every direction, lane and epoch has a key of its own") {
  InitializeCrypto();
  const SecretKey master = KeyOf(9);
  const auto key = [&master](Role role, uint32_t lane, uint8_t epoch) {
    const SecretKey derived = DeriveLaneKey(master, role, LaneId(lane), epoch);
    return std::vector<uint8_t>(derived.bytes().begin(), derived.bytes().end());
  };
  CHECK(key(Role::kInitiator, 1, 0) == key(Role::kInitiator, 1, 0));
  CHECK(key(Role::kInitiator, 1, 0) != key(Role::kResponder, 1, 0));
  CHECK(key(Role::kInitiator, 1, 0) != key(Role::kInitiator, 2, 0));
  CHECK(key(Role::kInitiator, 1, 0) != key(Role::kInitiator, 1, 1));
}

}  // namespace
}  // namespace millrace
