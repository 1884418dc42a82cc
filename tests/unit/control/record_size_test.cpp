#include "control/record_size.h"

#include <catch2/catch_test_macros.hpp>

#include "wire/frames.h"
#include "wire/record.h"

namespace millrace {
namespace {

TEST_CASE("a chunk that fits is one record, a larger one is cut evenly") {
  CHECK(RecordPayloadBytes(kLeafBytes, kMaxMessageBytes) == kLeafBytes);
  CHECK(RecordPayloadBytes(128 * 1024, kMaxMessageBytes) == 128 * 1024);
  // 256 KiB and its headers do not fit into 256 KiB.
  CHECK(RecordPayloadBytes(256 * 1024, kMaxMessageBytes) == 128 * 1024);
  CHECK(RecordPayloadBytes(1024 * 1024, kMaxMessageBytes) == 208 * 1024);
}

TEST_CASE("records fit their messages and sit on leaves, for every size") {
  for (size_t message = kMinMessageBytes; message <= kMaxMessageBytes; message += 1013) {
    for (size_t chunk = 1; chunk <= 4 * 1024 * 1024; chunk = chunk * 3 + 7) {
      const size_t payload = RecordPayloadBytes(chunk, message);
      REQUIRE(payload >= kLeafBytes);
      REQUIRE(payload % kLeafBytes == 0);
      REQUIRE(payload + kRecordOverheadBytes + kMaxDataHeaderBytes <= message);
    }
  }
}

}  // namespace
}  // namespace millrace
