#include "lanes/received_records.h"

#include <catch2/catch_test_macros.hpp>

namespace millrace {
namespace {

constexpr Timestamp At(int64_t millis) { return Timestamp::FromMicros(millis * 1000); }

TEST_CASE("duplicates are known, in any order") {
  ReceivedRecords received;
  CHECK(received.Insert(PacketNumber(5), At(0)));
  CHECK(received.Insert(PacketNumber(3), At(1)));
  CHECK_FALSE(received.Insert(PacketNumber(5), At(2)));
  CHECK_FALSE(received.Insert(PacketNumber(3), At(2)));
  CHECK(received.Insert(PacketNumber(4), At(2)));
}

TEST_CASE("an acknowledgement is due at once for so many records, late for the first") {
  ReceivedRecords received;
  CHECK(received.ack_due().IsNever());
  received.Insert(PacketNumber(0), At(10));
  received.OnAckEliciting(At(10));
  CHECK(received.ack_due() == At(35));
  for (uint64_t number = 1; number < ReceivedRecords::kRecordsPerAck; ++number) {
    CHECK(received.ack_due() == At(35));
    received.Insert(PacketNumber(number), At(12));
    received.OnAckEliciting(At(12));
  }
  CHECK(received.ack_due() == At(12));
  const AckFrame ack = received.TakeAck(LaneId(1));
  REQUIRE(ack.range_count == 1);
  CHECK(ack.ranges[0] == Range{0, ReceivedRecords::kRecordsPerAck});
  CHECK(ack.largest_received_at == At(12));
  CHECK(received.ack_due().IsNever());
}

TEST_CASE("ranges are reported newest first, with the time of the newest record") {
  ReceivedRecords received;
  received.Insert(PacketNumber(9), At(1));
  received.Insert(PacketNumber(2), At(2));
  const AckFrame ack = received.TakeAck(LaneId(1));
  REQUIRE(ack.range_count == 2);
  CHECK(ack.ranges[0] == Range{9, 10});
  CHECK(ack.ranges[1] == Range{2, 3});
  CHECK(ack.largest_received_at == At(1));
}

TEST_CASE(
    "a peer that tears gaps without end costs bounded memory, and the oldest numbers are given "
    "up") {
  ReceivedRecords received;
  for (uint64_t i = 0; i < 3 * kMaxGaps; ++i) {
    REQUIRE(received.Insert(PacketNumber(2 * i), At(0)));
  }
  CHECK_FALSE(received.Insert(PacketNumber(1), At(1)));
  CHECK(received.TakeAck(LaneId(1)).range_count == kMaxAckRanges);
}

}  // namespace
}  // namespace millrace
