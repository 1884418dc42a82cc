#include "measure/queue_delay.h"

#include <catch2/catch_test_macros.hpp>

namespace millrace {
namespace {

constexpr Timestamp At(int64_t millis) { return Timestamp::FromMicros(millis * 1000); }
constexpr Duration Ms(int64_t millis) { return Duration::Millis(millis); }

// Pings each 10 ms that all take `round_trip`; answers when the last one came.
int64_t Steady(QueueDelay& delay, Duration round_trip, int64_t from, int count) {
  for (int i = 0; i < count; ++i) delay.OnPing(round_trip, At(from + 10 * i));
  return from + 10 * (count - 1);
}

TEST_CASE("the queue is what pings take longer than the shortest of late") {
  QueueDelay delay;
  CHECK_FALSE(delay.min_round_trip());
  CHECK(delay.queue() == Duration());
  Steady(delay, Ms(50), 1000, 10);
  CHECK(delay.queue() == Duration());
  CHECK(delay.empty_at() == At(1090));
  // One may be late, two may be a queue, and what stands for longer than an event loop is one.
  delay.OnPing(Ms(70), At(1100));
  CHECK(delay.newest_queue() == Duration());
  delay.OnPing(Ms(65), At(1110));
  CHECK(delay.newest_queue() == Ms(15));
  CHECK(delay.queue() == Duration());
  Steady(delay, Ms(65), 1120, 3);
  CHECK(delay.queue() == Duration());
  delay.OnPing(Ms(65), At(1150));
  CHECK(delay.queue() == Ms(15));
  CHECK(*delay.min_round_trip() == Ms(50));
  delay.OnPing(Ms(-1), At(1160));
  CHECK(*delay.min_round_trip() == Ms(50));
}

TEST_CASE("pings that a retransmission held up together are no queue") {
  QueueDelay delay;
  const int64_t last = Steady(delay, Ms(50), 1000, 20);
  for (const int64_t late : {80, 70, 60, 52}) delay.OnPing(Ms(late), At(last + 90));
  CHECK(delay.queue() <= Ms(2));
}

TEST_CASE("pings from before an outage are no queue") {
  QueueDelay delay;
  const int64_t last = Steady(delay, Ms(50), 1000, 20);
  for (int64_t i = 0; i < 5; ++i) delay.OnPing(Ms(3000 - 50 * i), At(last + 3000 + 50 * i));
  CHECK(delay.queue() == Duration());
  Steady(delay, Ms(60), last + 3300, 3);
  CHECK(delay.queue() == Ms(10));
}

TEST_CASE("a path that has become longer is believed after the window") {
  QueueDelay delay;
  int64_t last = Steady(delay, Ms(20), 1000, 100);
  last = Steady(delay, Ms(80), last + 10, 100);
  CHECK(delay.queue() == Ms(60));
  Steady(delay, Ms(80), last + 10, 1000);
  CHECK(delay.queue() == Duration());
  CHECK(*delay.min_round_trip() == Ms(80));
}

}  // namespace
}  // namespace millrace
