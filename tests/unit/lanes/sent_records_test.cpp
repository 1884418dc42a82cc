#include "lanes/sent_records.h"

#include <catch2/catch_test_macros.hpp>

namespace millrace {
namespace {

constexpr Timestamp At(int64_t millis) { return Timestamp::FromMicros(millis * 1000); }

AckFrame Ack(std::vector<Range> ranges) {
  AckFrame ack;
  for (const Range& range : ranges) ack.ranges[ack.range_count++] = range;
  return ack;
}

std::vector<uint64_t> Values(const std::vector<PieceId>& pieces) {
  std::vector<uint64_t> values;
  for (const PieceId piece : pieces) values.push_back(piece.value);
  return values;
}

using Pieces = std::vector<uint64_t>;

// A lane that sent pieces 0 … count−1 as records of the same numbers, a millisecond apart, from
// time 0.
SentRecords Sent(Delivery delivery, uint64_t count) {
  SentRecords sent(delivery);
  for (uint64_t i = 0; i < count; ++i)
    sent.OnSent(PieceId(i), 100, true, At(static_cast<int64_t>(i)));
  return sent;
}

Pieces Acked(SentRecords& sent, std::vector<Range> ranges, int64_t now) {
  AckedRecords acked;
  REQUIRE(sent.OnAck(Ack(std::move(ranges)), At(now), acked).ok());
  return Values(acked.pieces);
}

Pieces Lost(SentRecords& sent, int64_t now) { return Values(sent.DetectLosses(At(now))); }

TEST_CASE("each piece is reported once, whatever is acknowledged again") {
  SentRecords sent = Sent(Delivery::kReliable, 6);
  CHECK(sent.next_number().value == 6);
  CHECK(Acked(sent, {{4, 5}, {0, 2}}, 20) == Pieces{4, 0, 1});
  CHECK(sent.in_flight() == 3);
  CHECK(Acked(sent, {{0, 6}}, 21) == Pieces{2, 3, 5});
  CHECK(Acked(sent, {{0, 6}}, 22).empty());
  CHECK(sent.in_flight() == 0);
  CHECK(sent.next_timeout().IsNever());
}

TEST_CASE("an acknowledgement of what was never sent is a violation and takes nothing") {
  SentRecords sent = Sent(Delivery::kReliable, 1);
  AckedRecords acked;
  const Status status = sent.OnAck(Ack({{0, 2}}), At(5), acked);
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().code == ErrorCode::kProtocolViolation);
  CHECK(acked.pieces.empty());
  CHECK(sent.in_flight() == 1);
}

TEST_CASE("on a lossy lane three later records tell a loss, two do not") {
  SentRecords sent(Delivery::kUnreliable);
  for (uint64_t i = 0; i < 4; ++i) sent.OnSent(PieceId(i), 100, true, At(0));
  Acked(sent, {{1, 3}}, 10);
  CHECK(Lost(sent, 10).empty());
  Acked(sent, {{1, 4}}, 10);
  CHECK(Lost(sent, 10) == Pieces{0});
  CHECK(Lost(sent, 11).empty());
  CHECK(sent.lost_records() == 1);
}

TEST_CASE("on a lossy lane time tells a loss behind an acknowledged record") {
  SentRecords sent = Sent(Delivery::kUnreliable, 2);
  Acked(sent, {{1, 2}}, 81);  // A round trip of 80 ms.
  CHECK(Lost(sent, 81).empty());
  CHECK(sent.next_timeout() == At(90));
  CHECK(Lost(sent, 89).empty());
  CHECK(Lost(sent, 90) == Pieces{0});
}

TEST_CASE("a reliable lane has two seconds to repair itself") {
  SentRecords sent = Sent(Delivery::kReliable, 20);
  Acked(sent, {{1, 20}}, 100);
  CHECK(Lost(sent, 1999).empty());
  CHECK(Lost(sent, 2000) == Pieces{0});
}

TEST_CASE("a late acknowledgement of a lost record still counts, for one copy") {
  SentRecords sent = Sent(Delivery::kUnreliable, 5);
  Acked(sent, {{1, 5}}, 10);
  REQUIRE(Lost(sent, 10) == Pieces{0});
  CHECK(Acked(sent, {{0, 5}}, 12) == Pieces{0});
  CHECK(sent.in_flight() == 0);
}

TEST_CASE("silence calls for probes, each after twice the time, until something is heard") {
  SentRecords sent = Sent(Delivery::kUnreliable, 4);
  CHECK_FALSE(sent.ProbeDue(At(999)));
  REQUIRE(sent.ProbeDue(At(1000)));
  sent.OnProbe(At(1000));
  CHECK(sent.TakeOldest() == PieceId(0));
  CHECK(sent.TakeOldest() == PieceId(1));
  CHECK(sent.in_flight() == 2);
  CHECK(sent.stalled());
  CHECK_FALSE(sent.ProbeDue(At(2999)));
  CHECK(sent.ProbeDue(At(3000)));
  Acked(sent, {{0, 1}}, 3100);
  CHECK_FALSE(sent.stalled());
}

TEST_CASE("a lane is stalled until it delivers what it was given last, not what came before") {
  SentRecords sent = Sent(Delivery::kUnreliable, 4);
  sent.OnProbe(At(1000));
  while (sent.TakeOldest()) {
  }
  Acked(sent, {{0, 2}}, 1100);
  CHECK(sent.stalled());
  SECTION("by a late acknowledgement") { Acked(sent, {{0, 4}}, 1200); }
  SECTION("by that of a record that was sent since") {
    sent.OnSent(PieceId(9), 100, true, At(1150));
    Acked(sent, {{4, 5}}, 1200);
  }
  CHECK_FALSE(sent.stalled());
}

TEST_CASE("a peer that acknowledges nothing does not make the sender remember all it gave up") {
  SentRecords sent(Delivery::kUnreliable);
  for (uint64_t i = 0; i < 3 * SentRecords::kMostRemembered; ++i) {
    sent.OnSent(PieceId(i), 100, true, At(static_cast<int64_t>(i)));
    REQUIRE(sent.TakeOldest() == PieceId(i));
    REQUIRE(sent.remembered() <= SentRecords::kMostRemembered);
  }
  CHECK(sent.in_flight() == 0);
}

TEST_CASE("records that ask for nothing are neither in flight nor lost") {
  SentRecords sent(Delivery::kUnreliable);
  for (int i = 0; i < 10; ++i) sent.OnSent(std::nullopt, 100, false, At(i));
  CHECK(sent.in_flight() == 0);
  CHECK(sent.next_timeout().IsNever());
  sent.OnSent(PieceId(7), 100, true, At(20));
  CHECK(Acked(sent, {{10, 11}}, 30) == Pieces{7});
  CHECK(Lost(sent, 10000).empty());
}

TEST_CASE("padding takes no memory, whether it arrives or not") {
  SentRecords sent(Delivery::kUnreliable);
  int64_t now = 0;
  for (uint64_t i = 0; i < 3 * SentRecords::kMostRemembered; ++i, ++now) {
    const uint64_t number = sent.next_number().value;
    sent.OnSent(PieceId(i), 100, true, At(now));
    sent.OnSent(std::nullopt, 100, false, At(now));  // Lost.
    Acked(sent, {{number, number + 1}}, now);
    REQUIRE(sent.remembered() == 0);
  }
  // Nor behind a record whose acknowledgement is still to come.
  sent.OnSent(PieceId(1), 100, true, At(now));
  for (size_t i = 0; i < 10'000; ++i) sent.OnSent(std::nullopt, 100, false, At(now));
  CHECK(sent.remembered() == 1);
  CHECK(sent.in_flight() == 1);
}

TEST_CASE("records that arrived are not remembered behind one that is in flight") {
  SentRecords sent = Sent(Delivery::kReliable, 10'000);
  Acked(sent, {{1, 10'000}}, 100);
  CHECK(sent.remembered() == 1);
  CHECK(Acked(sent, {{0, 10'000}}, 101) == Pieces{0});
  CHECK(sent.remembered() == 0);
}

TEST_CASE("many losses at once are not all remembered") {
  SentRecords sent = Sent(Delivery::kUnreliable, 10'000);
  Acked(sent, {{9'999, 10'000}}, 10'000);
  CHECK(Lost(sent, 20'000).size() == 9'999);
  CHECK(sent.remembered() == SentRecords::kMostRemembered);
}

TEST_CASE("a lane that is gone gives back everything on its way") {
  SentRecords sent = Sent(Delivery::kReliable, 4);
  Acked(sent, {{1, 2}}, 10);
  CHECK(Values(sent.TakeAll()) == Pieces{0, 2, 3});
  CHECK(sent.in_flight() == 0);
  CHECK(sent.next_number().value == 4);
}

}  // namespace
}  // namespace millrace
