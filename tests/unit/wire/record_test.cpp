#include "wire/record.h"

#include <catch2/catch_test_macros.hpp>
#include <vector>

namespace millrace {
namespace {

TEST_CASE("a record header keeps its fields") {
  std::vector<uint8_t> message(kRecordOverheadBytes);
  EncodeRecordHeader(RecordHeader{3, PacketNumber(0x0102030405060708)}, message);
  const std::optional<RecordHeader> header = DecodeRecordHeader(message);
  REQUIRE(header);
  CHECK(header->epoch == 3);
  CHECK(header->number.value == 0x0102030405060708);
  CHECK(PeekRecordKind(message) == RecordKind::kSealed);
}

TEST_CASE("a message shorter than header and tag is no sealed record") {
  std::vector<uint8_t> message(kRecordOverheadBytes);
  EncodeRecordHeader(RecordHeader{}, message);
  for (size_t length = 0; length < kRecordOverheadBytes; ++length) {
    CHECK_FALSE(DecodeRecordHeader(ByteView(message).first(length)));
  }
}

TEST_CASE("a packet number past 62 bits is refused") {
  std::vector<uint8_t> message(kRecordOverheadBytes, 0xff);
  message[0] = static_cast<uint8_t>(RecordKind::kSealed);
  CHECK_FALSE(DecodeRecordHeader(message));
}

TEST_CASE("unknown kinds and empty messages have no kind") {
  CHECK_FALSE(PeekRecordKind({}));
  const std::vector<uint8_t> unknown = {0x77};
  CHECK_FALSE(PeekRecordKind(unknown));
}

}  // namespace
}  // namespace millrace
