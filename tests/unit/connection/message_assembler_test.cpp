#include "connection/message_assembler.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "support/random.h"

namespace millrace {
namespace {

constexpr size_t kPart = kMaxMessagePartBytes;
constexpr size_t kMost = kMaxAppMessageBytes;

// The message as it comes out at the other end, or the error.
Result<std::optional<std::vector<uint8_t>>> Cross(MessageAssembler& assembler,
                                                  const std::vector<uint8_t>& message,
                                                  size_t* frames = nullptr) {
  Result<std::optional<std::vector<uint8_t>>> last = std::optional<std::vector<uint8_t>>();
  MessageAssembler::Split(message, [&](const MessageFrame& frame) {
    if (frames != nullptr) ++*frames;
    CHECK(frame.bytes.size() <= kPart);
    if (!last.ok()) return;
    CHECK_FALSE(last.value());  // Whole with its last frame only.
    last = assembler.OnFrame(frame);
  });
  return last;
}

TEST_CASE("a message of every length around a part and the limit arrives whole") {
  const size_t length =
      GENERATE(size_t{0}, size_t{1}, kPart - 1, kPart, kPart + 1, 2 * kPart, kMost - 1, kMost);
  const std::vector<uint8_t> message = testing::Random(length).Bytes(length);
  MessageAssembler assembler;
  size_t frames = 0;
  const auto arrived = Cross(assembler, message, &frames);
  REQUIRE(arrived.ok());
  CHECK(arrived.value() == message);
  CHECK(frames == (length == 0 ? 1 : (length + kPart - 1) / kPart));
}

TEST_CASE("messages that follow each other are kept apart") {
  MessageAssembler assembler;
  for (const size_t length : {kPart + 7, size_t{0}, size_t{3}, kMost}) {
    const std::vector<uint8_t> message = testing::Random(length).Bytes(length);
    CHECK(Cross(assembler, message).value() == message);
  }
}

TEST_CASE("a message past the limit is an error, with the frame that passes it") {
  MessageAssembler assembler;
  const auto arrived = Cross(assembler, std::vector<uint8_t>(kMost + 1));
  REQUIRE_FALSE(arrived.ok());
  CHECK(arrived.error().code == ErrorCode::kTooLarge);
}

}  // namespace
}  // namespace millrace
