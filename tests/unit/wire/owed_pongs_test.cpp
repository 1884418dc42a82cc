#include "wire/owed_pongs.h"

#include <algorithm>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

namespace millrace {
namespace {

TEST_CASE("the newest pings are answered, oldest first, once, and with the time of each") {
  const uint64_t pings = GENERATE(uint64_t{0}, uint64_t{1}, OwedPongs::kMost - 1, OwedPongs::kMost,
                                  OwedPongs::kMost + 1, 3 * OwedPongs::kMost);
  CAPTURE(pings);
  OwedPongs owed;
  for (uint64_t token = 1; token <= pings; ++token) {
    owed.Add(PingFrame{token}, Timestamp::FromMicros(static_cast<int64_t>(token) * 1000));
  }
  CHECK(owed.empty() == (pings == 0));
  std::array<uint8_t, OwedPongs::kMostBytes> bytes{};
  ByteWriter writer(bytes);
  owed.Pack(writer);
  CHECK(owed.empty());

  const uint64_t answered = std::min<uint64_t>(pings, OwedPongs::kMost);
  ByteReader reader(writer.written());
  for (uint64_t token = pings - answered + 1; token <= pings; ++token) {
    const Result<Frame> frame = DecodeFrame(reader);
    REQUIRE(frame.ok());
    const auto& pong = std::get<PongFrame>(frame.value());
    CHECK(pong.token == token);
    CHECK(pong.received_at.micros() == static_cast<int64_t>(token) * 1000);
  }
  CHECK(reader.AtEnd());
}

}  // namespace
}  // namespace millrace
