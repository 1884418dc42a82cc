#include "wire/stripe.h"

#include <catch2/catch_test_macros.hpp>
#include <vector>

#include "support/random.h"

namespace millrace {
namespace {

std::vector<uint8_t> Encoded(const StripeChunk& chunk, size_t payload_bytes) {
  std::vector<uint8_t> message(kStripeHeaderBytes + payload_bytes, 7);
  ByteWriter writer(message);
  EncodeStripeHeader(chunk, writer);
  CHECK(writer.size() == kStripeHeaderBytes);
  return message;
}

TEST_CASE("a chunk comes out as it went in, at every place") {
  for (const uint32_t index : {0u, 1u, 2u}) {
    const StripeChunk chunk{PacketNumber(77), TransferId(3), index, 1000, 2500, {}};
    const size_t length = index == 2 ? 500 : 1000;
    const std::vector<uint8_t> message = Encoded(chunk, length);
    const Result<StripeMessage> decoded = DecodeStripe(message);
    REQUIRE(decoded.ok());
    const auto& out = std::get<StripeChunk>(decoded.value());
    CHECK(out.number == chunk.number);
    CHECK(out.transfer == chunk.transfer);
    CHECK(out.index == index);
    CHECK(out.offset() == index * 1000);
    CHECK(out.total_bytes == 2500);
    CHECK(out.payload.size() == length);
  }
  CHECK(DecodeStripe(Encoded({PacketNumber(0), TransferId(1), 0, 1, 0, {}}, 0)).ok());
}

TEST_CASE("how many chunks there are") {
  CHECK(StripeChunks(0, 10) == 1);
  CHECK(StripeChunks(1, 10) == 1);
  CHECK(StripeChunks(10, 10) == 1);
  CHECK(StripeChunks(11, 10) == 2);
}

TEST_CASE("what is malformed is a violation") {
  struct Row {
    StripeChunk chunk;
    size_t payload;
  };
  const Row rows[] = {
      {{{}, {}, 0, 0, 10, {}}, 10},                                               // No chunk size.
      {{{}, {}, 0, static_cast<uint32_t>(kMostStripeChunkBytes) + 1, 1, {}}, 1},  // Too large.
      {{{}, {}, 0, 1000, kMaxFileBytes + 1, {}}, 1000},                           // Too much.
      {{{}, {}, 0, 1, uint64_t{1} << 40, {}}, 1},                                 // Too many.
      {{{}, {}, 3, 1000, 2500, {}}, 0},                                           // Past the end.
      {{{}, {}, 0, 1000, 2500, {}}, 999},                                         // Short.
      {{{}, {}, 2, 1000, 2500, {}}, 1000},                                        // Long.
      {{PacketNumber(UINT64_MAX), {}, 0, 1000, 1000, {}}, 1000},                  // No number.
  };
  for (const Row& row : rows) {
    const auto decoded = DecodeStripe(Encoded(row.chunk, row.payload));
    REQUIRE_FALSE(decoded.ok());
    CHECK(decoded.error().code == ErrorCode::kProtocolViolation);
  }
  std::vector<uint8_t> message = Encoded({{}, {}, 0, 1000, 1000, {}}, 1000);
  for (size_t length = 0; length < message.size(); ++length) {
    CHECK_FALSE(DecodeStripe(ByteView(message).first(length)).ok());
  }
  message[0] = 9;
  CHECK_FALSE(DecodeStripe(message).ok());
}

}  // namespace
}  // namespace millrace
