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

TEST_CASE("a plaintext in two places is sealed as the same one in one place") {
  InitializeCrypto();
  testing::Random random(1);
  const std::vector<uint8_t> header = random.Bytes(10);
  const std::vector<uint8_t> all = random.Bytes(300 * 1024);
  const auto check = [&](size_t head_bytes, size_t payload_bytes) {
    const ByteView plaintext = ByteView(all).first(head_bytes + payload_bytes);
    std::vector<uint8_t> expected(plaintext.size() + kTagBytes);
    Seal(KeyOf(1), PacketNumber(5), header, plaintext, expected);
    std::vector<uint8_t> sealed(expected.size());
    std::copy_n(plaintext.begin(), head_bytes, sealed.begin());
    SealWithPayload(KeyOf(1), PacketNumber(5), header, sealed, head_bytes,
                    plaintext.subspan(head_bytes));
    REQUIRE(sealed == expected);
  };
  for (size_t head = 0; head <= 130; ++head) {
    for (size_t payload = 0; payload <= 200; ++payload) check(head, payload);
  }
  for (const size_t head : {size_t{4}, size_t{25}, size_t{16'409}}) {
    for (const size_t payload : {size_t{1024}, size_t{16'384}, size_t{65'537}, size_t{261'120}}) {
      check(head, payload);
    }
  }
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

TEST_CASE("every direction and lane has a key of its own, and every epoch") {
  InitializeCrypto();
  const SecretKey master = KeyOf(9);
  const auto bytes = [](const SecretKey& key) {
    return std::vector<uint8_t>(key.bytes().begin(), key.bytes().end());
  };
  const auto key = [&](Role role, uint32_t lane) {
    return bytes(DeriveLaneKey(master, role, LaneId(lane)));
  };
  CHECK(key(Role::kInitiator, 1) == key(Role::kInitiator, 1));
  CHECK(key(Role::kInitiator, 1) != key(Role::kResponder, 1));
  CHECK(key(Role::kInitiator, 1) != key(Role::kInitiator, 2));
  CHECK(bytes(DeriveNextKey(KeyOf(1))) != bytes(KeyOf(1)));
  CHECK(bytes(DeriveNextKey(KeyOf(1))) != bytes(DeriveNextKey(DeriveNextKey(KeyOf(1)))));
}

TEST_CASE("without encryption, the tag covers all before it") {
  InitializeCrypto();
  testing::Random random(3);
  for (const size_t length : {size_t{0}, size_t{1}, size_t{10}, size_t{100}, size_t{1000}}) {
    std::vector<uint8_t> message = random.Bytes(length + kTagBytes);
    const std::vector<uint8_t> before = message;
    Authenticate(KeyOf(1), PacketNumber(5), message);
    CHECK(std::equal(before.begin(), before.end() - kTagBytes, message.begin()));
    CHECK(IsAuthentic(KeyOf(1), PacketNumber(5), message));
    CHECK_FALSE(IsAuthentic(KeyOf(2), PacketNumber(5), message));
    CHECK_FALSE(IsAuthentic(KeyOf(1), PacketNumber(6), message));
    for (size_t bit = 0; bit < 8 * message.size(); ++bit) {
      std::vector<uint8_t> bent = message;
      bent[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
      CHECK_FALSE(IsAuthentic(KeyOf(1), PacketNumber(5), bent));
    }
    for (size_t cut = 0; cut < message.size(); ++cut) {
      CHECK_FALSE(IsAuthentic(KeyOf(1), PacketNumber(5), ByteView(message).first(cut)));
    }
  }
}

}  // namespace
}  // namespace millrace
