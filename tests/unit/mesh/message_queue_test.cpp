#include "mesh/message_queue.h"

#include <catch2/catch_test_macros.hpp>
#include <string>
#include <vector>

namespace millrace {
namespace {

Timestamp At(int64_t ms) { return Timestamp::FromMicros(ms * 1000); }

std::string Contents(MessageQueue& queue) {
  std::string all;
  while (const auto batch = queue.PopBatch()) {
    ByteReader reader(*batch);
    while (!reader.AtEnd()) all += AsText(NextInBatch(reader).value());
    all += '|';
  }
  return all;
}

TEST_CASE("higher levels overtake, and the order within one holds") {
  MessageQueue queue({});
  CHECK(queue.Push(Level::kLow, AsBytes("l1"), At(0)));
  CHECK(queue.Push(Level::kNormal, AsBytes("n1"), At(0)));
  CHECK(queue.Push(Level::kUrgent, AsBytes("u1"), At(0)));
  CHECK(queue.Push(Level::kNormal, AsBytes("n2"), At(0)));
  CHECK(queue.Push(Level::kHigh, AsBytes("h1"), At(0)));
  CHECK(Contents(queue) == "u1h1n1n2l1|");
  CHECK(queue.empty());
  CHECK_FALSE(queue.PopBatch().has_value());
}

TEST_CASE("a batch is due when its oldest message has waited, or at once") {
  MessageQueue queue({1000, 10});
  const Duration delay = Duration::Millis(50);
  CHECK(queue.DueAt(delay, At(5)).IsNever());
  queue.Push(Level::kLow, AsBytes("a"), At(10));
  queue.Push(Level::kNormal, AsBytes("b"), At(20));
  CHECK(queue.DueAt(delay, At(25)) == At(60));
  CHECK(queue.DueAt(Duration(), At(25)) == At(10));
  // The clock went back: 50 ms from now, not from then.
  CHECK(queue.DueAt(delay, At(-100)) == At(-50));
  queue.Push(Level::kLow, AsBytes("123456"), At(30));
  CHECK(queue.DueAt(delay, At(30)) == At(30));
  Contents(queue);
  queue.Push(Level::kUrgent, AsBytes("u"), At(40));
  CHECK(queue.DueAt(delay, At(41)) == At(41));
}

TEST_CASE("batches are cut at their size, and a longer packet goes alone") {
  MessageQueue queue({1000, 10});
  for (const char* text : {"abc", "def", "ghi", "0123456789012", "jkl"}) {
    queue.Push(Level::kNormal, AsBytes(text), At(0));
  }
  CHECK(Contents(queue) == "abcdef|ghi|0123456789012|jkl|");
}

TEST_CASE("a full queue refuses, or drops lower levels for a higher one, newest first") {
  MessageQueue queue({12, 100});
  CHECK(queue.Push(Level::kLow, AsBytes("l01"), At(0)));
  CHECK(queue.Push(Level::kLow, AsBytes("l02"), At(0)));
  CHECK(queue.Push(Level::kHigh, AsBytes("h01"), At(0)));
  CHECK(queue.bytes() == 12);
  CHECK_FALSE(queue.Push(Level::kLow, AsBytes("l03"), At(0)));
  CHECK(queue.Push(Level::kNormal, AsBytes("n01"), At(0)));
  CHECK(queue.dropped() == 1);
  // Would not fit without the low and normal ones either: nothing is dropped for it.
  CHECK_FALSE(queue.Push(Level::kHigh, AsBytes("123456789"), At(0)));
  CHECK(queue.dropped() == 1);
  CHECK(Contents(queue) == "h01n01l01|");
}

}  // namespace
}  // namespace millrace
