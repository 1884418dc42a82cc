#include "send/sent_records.h"

#include <catch2/catch_test_macros.hpp>

namespace millrace {
namespace {

AckFrame Ack(std::vector<Range> ranges) {
  AckFrame ack;
  for (const Range& range : ranges) ack.ranges[ack.range_count++] = range;
  return ack;
}

TEST_CASE("each piece is reported once, whatever is acknowledged again") {
  SentRecords sent;
  for (uint32_t i = 0; i < 6; ++i) {
    CHECK(sent.next_number().value == i);
    sent.OnSent(i == 2 ? std::nullopt : std::optional(PieceId(10 + i)), Timestamp());
  }
  std::vector<PieceId> acked;
  REQUIRE(sent.OnAck(Ack({{4, 5}, {0, 2}}), acked).ok());
  CHECK(acked == std::vector<PieceId>{PieceId(14), PieceId(10), PieceId(11)});
  CHECK(sent.outstanding() == 4);
  acked.clear();
  REQUIRE(sent.OnAck(Ack({{0, 6}}), acked).ok());
  CHECK(acked == std::vector<PieceId>{PieceId(13), PieceId(15)});
  CHECK(sent.outstanding() == 0);
  acked.clear();
  REQUIRE(sent.OnAck(Ack({{0, 6}}), acked).ok());
  CHECK(acked.empty());
}

TEST_CASE("an acknowledgement of what was never sent is a violation and takes nothing") {
  SentRecords sent;
  sent.OnSent(PieceId(1), Timestamp());
  std::vector<PieceId> acked;
  const Status status = sent.OnAck(Ack({{0, 2}}), acked);
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().code == ErrorCode::kProtocolViolation);
  CHECK(acked.empty());
  CHECK(sent.outstanding() == 1);
}

}  // namespace
}  // namespace millrace
