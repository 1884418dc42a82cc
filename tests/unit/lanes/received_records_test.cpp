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

// The numbers of record `number` and those before it arrived, but for the multiples of `missing`.
void InsertSome(ReceivedRecords& received, uint64_t begin, uint64_t end, uint64_t missing) {
  for (uint64_t number = begin; number < end; ++number) {
    if (number % missing == 0) continue;
    received.Insert(PacketNumber(number), At(1));
    received.OnAckEliciting(At(1));
  }
}

TEST_CASE("what the peer is known to have heard is not named again") {
  ReceivedRecords received;
  InsertSome(received, 1, 40, 4);
  CHECK(received.TakeAck(LaneId(1)).range_count == 10);
  received.ExpectConfirmation(PacketNumber(7));
  // Late ones, and later ones, that are not in that acknowledgement.
  received.Insert(PacketNumber(8), At(2));
  InsertSome(received, 41, 44, 4);
  CHECK(received.TakeAck(LaneId(1)).range_count == 10);  // 5 to 11 are one range now.
  CHECK_FALSE(received.confirmed());
  received.OnConfirmed(PacketNumber(7));
  const AckFrame ack = received.TakeAck(LaneId(1));
  REQUIRE(ack.range_count == 2);
  CHECK(ack.ranges[0] == Range{41, 44});
  CHECK(ack.ranges[1] == Range{8, 9});
  // They are duplicates still.
  CHECK_FALSE(received.Insert(PacketNumber(1), At(3)));
  received.ExpectConfirmation(PacketNumber(8));
  received.OnConfirmed(PacketNumber(8));
  CHECK(received.confirmed());
  CHECK(received.TakeAck(LaneId(1)).range_count == 0);
}

TEST_CASE("a confirmation of another record confirms nothing, a later one lets the next begin") {
  ReceivedRecords received;
  received.Insert(PacketNumber(0), At(0));
  received.TakeAck(LaneId(1));
  received.ExpectConfirmation(PacketNumber(10));
  received.OnConfirmed(PacketNumber(9));
  CHECK_FALSE(received.confirmed());
  // The same acknowledgement again: any of these records will do.
  received.ExpectConfirmation(PacketNumber(11));
  received.ExpectConfirmation(PacketNumber(12));
  received.OnConfirmed(PacketNumber(11));
  CHECK(received.confirmed());

  received.Insert(PacketNumber(1), At(0));
  received.ExpectConfirmation(PacketNumber(20));
  received.Insert(PacketNumber(2), At(0));
  received.ExpectConfirmation(PacketNumber(21));  // Not the same: it is not awaited.
  received.OnConfirmed(PacketNumber(21));         // Record 20 was lost or overtaken.
  CHECK_FALSE(received.confirmed());
  received.OnConfirmed(PacketNumber(20));
  CHECK_FALSE(received.confirmed());
  received.ExpectConfirmation(PacketNumber(22));
  received.OnConfirmed(PacketNumber(22));
  CHECK(received.confirmed());
}

TEST_CASE(
    "an acknowledgement may be repeated twice, until it is confirmed or a newer one is taken") {
  ReceivedRecords received;
  CHECK_FALSE(received.may_repeat());
  received.Insert(PacketNumber(0), At(0));
  received.OnAckEliciting(At(0));
  CHECK(received.owes_ack());
  received.TakeAck(LaneId(1));
  CHECK_FALSE(received.owes_ack());
  for (int i = 0; i < 2; ++i) {
    CHECK(received.may_repeat());
    received.TakeAck(LaneId(1));
  }
  CHECK_FALSE(received.may_repeat());
  received.Insert(PacketNumber(1), At(0));
  received.OnAckEliciting(At(0));
  received.TakeAck(LaneId(1));
  received.ExpectConfirmation(PacketNumber(5));
  CHECK(received.may_repeat());
  received.OnConfirmed(PacketNumber(5));
  CHECK_FALSE(received.may_repeat());
}

TEST_CASE("an acknowledgement without room stays owed") {
  ReceivedRecords received;
  received.Insert(PacketNumber(0), At(0));
  received.OnAckEliciting(At(0));
  CHECK(received.TakeAck(LaneId(1), 5).range_count == 0);
  CHECK(received.owes_ack());
  CHECK(received.TakeAck(LaneId(1), 20).range_count == 1);
  CHECK_FALSE(received.owes_ack());
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
