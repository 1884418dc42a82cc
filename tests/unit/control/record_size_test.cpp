#include "control/record_size.h"

#include <catch2/catch_test_macros.hpp>

#include "wire/frames.h"
#include "wire/record.h"

namespace millrace {
namespace {

TEST_CASE("a record holds a whole chunk where its message does") {
  CHECK(RecordPayloadBytes(1, kMaxMessageBytes) == kGrainBytes);
  CHECK(RecordPayloadBytes(kLeafBytes, kMinMessageBytes) == kLeafBytes);
  CHECK(RecordPayloadBytes(128 * 1024, kMaxMessageBytes) == 128 * 1024);
  // 256 KiB and its headers do not fit into 256 KiB.
  CHECK(RecordPayloadBytes(256 * 1024, kMaxMessageBytes) == 255 * 1024);
}

TEST_CASE("records fit their messages and sit on the grid, for every size") {
  for (size_t message = kMinMessageBytes; message <= kMaxMessageBytes; message += 1013) {
    for (size_t chunk = 1; chunk <= 4 * 1024 * 1024; chunk = chunk * 3 + 7) {
      const size_t payload = RecordPayloadBytes(chunk, message);
      REQUIRE(payload >= kGrainBytes);
      REQUIRE(payload % kGrainBytes == 0);
      REQUIRE(payload < chunk + kGrainBytes);
      REQUIRE(payload + kRecordOverheadBytes + kMaxDataHeaderBytes <= message);
    }
  }
}

}  // namespace
}  // namespace millrace
