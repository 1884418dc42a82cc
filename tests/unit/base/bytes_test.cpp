#include "base/bytes.h"

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <vector>

namespace millrace {
namespace {

TEST_CASE("varints keep their value on every length boundary") {
  const uint64_t value =
      GENERATE(uint64_t{0}, uint64_t{1}, uint64_t{63}, uint64_t{64}, uint64_t{16383},
               uint64_t{16384}, uint64_t{1073741823}, uint64_t{1073741824}, kMaxVarint);
  std::array<uint8_t, 8> buffer{};
  ByteWriter writer(buffer);
  writer.Varint(value);
  REQUIRE(writer.ok());
  CHECK(writer.size() == VarintLength(value));
  ByteReader reader(writer.written());
  CHECK(reader.Varint() == value);
  CHECK(reader.ok());
  CHECK(reader.AtEnd());
}

TEST_CASE("the varint examples of RFC 9000, appendix A.1, decode") {
  const std::vector<uint8_t> eight = {0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c};
  CHECK(ByteReader(eight).Varint() == 151'288'809'941'952'652u);
  const std::vector<uint8_t> four = {0x9d, 0x7f, 0x3e, 0x7d};
  CHECK(ByteReader(four).Varint() == 494'878'333u);
  const std::vector<uint8_t> two = {0x7b, 0xbd};
  CHECK(ByteReader(two).Varint() == 15'293u);
  const std::vector<uint8_t> one = {0x25};
  CHECK(ByteReader(one).Varint() == 37u);
}

TEST_CASE("a varint past 62 bits is not written") {
  std::array<uint8_t, 8> buffer{};
  ByteWriter writer(buffer);
  writer.Varint(kMaxVarint + 1);
  CHECK_FALSE(writer.ok());
  CHECK(writer.size() == 0);
}

TEST_CASE("reading past the end fails for good and answers nothing") {
  const std::vector<uint8_t> bytes = {1, 2, 3};
  ByteReader reader(bytes);
  CHECK(reader.U32() == 0);
  CHECK_FALSE(reader.ok());
  CHECK(reader.U8() == 0);
  CHECK(reader.Varint() == 0);
  CHECK(reader.Bytes(1).empty());
  CHECK_FALSE(reader.ok());
}

TEST_CASE("a length prefix past its limit or past the end is a failed read") {
  const std::vector<uint8_t> bytes = {3, 'a', 'b', 'c'};
  CHECK(AsText(ByteReader(bytes).LengthPrefixed(3)) == "abc");
  ByteReader limited(bytes);
  limited.LengthPrefixed(2);
  CHECK_FALSE(limited.ok());
  ByteReader truncated(ByteView(bytes).first(3));
  truncated.LengthPrefixed(100);
  CHECK_FALSE(truncated.ok());
}

TEST_CASE("a varint that does not fit in 32 bits is a failed read of one") {
  std::array<uint8_t, 8> buffer{};
  ByteWriter writer(buffer);
  writer.Varint(uint64_t{UINT32_MAX} + 1);
  ByteReader reader(writer.written());
  CHECK(reader.Varint32() == 0);
  CHECK_FALSE(reader.ok());
}

TEST_CASE("writing past the end writes nothing and fails for good") {
  std::array<uint8_t, 3> buffer{9, 9, 9};
  ByteWriter writer(buffer);
  writer.U16(0x0102);
  writer.U16(0x0304);
  writer.U8(5);
  CHECK_FALSE(writer.ok());
  CHECK(writer.size() == 2);
  CHECK(buffer == std::array<uint8_t, 3>{1, 2, 9});
}

TEST_CASE("bytes and zeros that do not fit are not written, and nothing after them is") {
  const std::vector<uint8_t> four(4, 1);
  for (const bool zeros : {false, true}) {
    std::array<uint8_t, 3> buffer{9, 9, 9};
    ByteWriter writer(buffer);
    if (zeros) {
      writer.Zeros(4);
    } else {
      writer.Bytes(four);
    }
    writer.Zeros(1);
    writer.Bytes(ByteView(four).first(1));
    CHECK_FALSE(writer.ok());
    CHECK(writer.size() == 0);
    CHECK(buffer == std::array<uint8_t, 3>{9, 9, 9});
  }
}

}  // namespace
}  // namespace millrace
