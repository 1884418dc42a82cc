#include "measure/queue_delay.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

namespace millrace {
namespace {

constexpr Timestamp At(int64_t millis) { return Timestamp::FromMicros(millis * 1000); }
constexpr Duration Ms(int64_t millis) { return Duration::Millis(millis); }

// A ping that took so long there and 10 ms back. The peer's clock is a minute behind.
PingSample Took(Duration there) {
  return {there + Ms(10), there + (Duration() - Duration::Seconds(60))};
}

// Pings each 10 ms that all take as long; answers when the last one came.
int64_t Steady(QueueDelay& delay, Duration there, int64_t from, int count) {
  for (int i = 0; i < count; ++i) delay.OnPing(Took(there), At(from + 10 * i));
  return from + 10 * (count - 1);
}

TEST_CASE("the queue is what recent pings took longer than the shortest one") {
  QueueDelay delay;
  CHECK_FALSE(delay.min_round_trip());
  CHECK(delay.queue() == Duration());
  Steady(delay, Ms(50), 1000, 10);
  CHECK(delay.queue() == Duration());
  CHECK(delay.empty_at() == At(1090));
  // One may be late, two may be a queue, and what stands for longer than an event loop is one.
  delay.OnPing(Took(Ms(70)), At(1120));
  CHECK(delay.newest_queue() == Duration());
  delay.OnPing(Took(Ms(65)), At(1130));
  CHECK(delay.newest_queue() == Ms(15));
  CHECK(delay.queue() == Duration());
  Steady(delay, Ms(65), 1140, 1);
  CHECK(delay.queue() == Duration());
  delay.OnPing(Took(Ms(65)), At(1150));
  CHECK(delay.queue() == Ms(15));
  CHECK(*delay.min_round_trip() == Ms(60));
  delay.OnPing({Ms(-1), Ms(0)}, At(1180));
  CHECK(*delay.min_round_trip() == Ms(60));
}

TEST_CASE("on a long path a queue stands when it is as old as a quarter of the round trip") {
  QueueDelay delay;
  // 600 ms: a queue has to last for 150 ms, and for 75 ms to be seen at all.
  int64_t now = Steady(delay, Ms(590), 1000, 30);
  for (int i = 0; i < 7; ++i) delay.OnPing(Took(Ms(650)), At(now += 10));
  CHECK(delay.newest_queue() == Duration());
  delay.OnPing(Took(Ms(650)), At(now += 10));
  CHECK(delay.newest_queue() == Ms(60));
  for (int i = 0; i < 7; ++i) delay.OnPing(Took(Ms(650)), At(now += 10));
  CHECK(delay.queue() == Duration());
  delay.OnPing(Took(Ms(650)), At(now += 10));
  CHECK(delay.queue() == Ms(60));
  CHECK(delay.empty_at() == At(now - 10));
}

TEST_CASE("the jitter of the link shows in most pings, that of an event loop in few") {
  QueueDelay delay;
  CHECK(delay.LinkJitter() == Duration());
  int64_t now = Steady(delay, Ms(50), 1000, 12);
  CHECK(delay.LinkJitter() == Duration());
  // Each stall makes two differences, so most differences are those of stalls.
  for (int64_t i = 0; i < 15; ++i) delay.OnPing(Took(Ms(i % 3 == 0 ? 55 : 50)), At(now += 10));
  CHECK(delay.LinkJitter() == Duration());
  // Spread evenly between 0 and 20 ms.
  constexpr int64_t kDelays[] = {13, 2, 17, 8, 20, 5, 11, 0, 15, 3, 19, 9, 1, 14, 6, 18};
  for (const int64_t ms : kDelays) delay.OnPing(Took(Ms(50 + ms)), At(now += 10));
  CHECK(delay.LinkJitter() >= Ms(16));
  CHECK(delay.LinkJitter() <= Ms(24));
}

TEST_CASE("a queue that grows is no jitter of the link") {
  QueueDelay delay;
  for (int64_t i = 0; i < 16; ++i) delay.OnPing(Took(Ms(50 + i)), At(1000 + 10 * i));
  CHECK(delay.LinkJitter() <= Ms(3));
}

TEST_CASE("a few pings say nothing about the jitter of the link") {
  QueueDelay delay;
  for (int64_t i = 0; i < 6; ++i) delay.OnPing(Took(Ms(50 + 10 * (i % 2))), At(1000 + 10 * i));
  CHECK(delay.LinkJitter() == Duration());
}

TEST_CASE("a queue of the way back is none") {
  QueueDelay delay;
  const int64_t last = Steady(delay, Ms(50), 1000, 20);
  for (int64_t i = 1; i < 10; ++i)
    delay.OnPing({Ms(60 + 40), Took(Ms(50)).one_way}, At(last + 10 * i));
  CHECK(delay.queue() == Duration());
  CHECK(delay.round_trip() > Ms(80));
  CHECK(*delay.min_round_trip() == Ms(60));
}

TEST_CASE("a peer that lies about its clock adds no more than the round trip has grown by") {
  QueueDelay delay;
  const int64_t last = Steady(delay, Ms(50), 1000, 20);
  for (int64_t i = 1; i < 10; ++i) delay.OnPing({Ms(65), Duration::Seconds(i)}, At(last + 10 * i));
  CHECK(delay.queue() == Ms(5));
}

TEST_CASE("pings that waited together for a busy peer are no queue") {
  QueueDelay delay;
  const int64_t last = Steady(delay, Ms(50), 1000, 20);
  for (const int64_t late : {80, 70, 60, 52}) delay.OnPing(Took(Ms(late)), At(last + 90));
  CHECK(delay.queue() <= Ms(2));
}

TEST_CASE("a path that has become longer is believed after the window, or when told so") {
  const bool told = GENERATE(false, true);
  QueueDelay delay;
  int64_t last = Steady(delay, Ms(20), 1000, 100);
  last = Steady(delay, Ms(80), last + 10, 100);
  CHECK(delay.queue() == Ms(60));
  if (told) {
    delay.Rebase(At(last));
  } else {
    Steady(delay, Ms(80), last + 10, 1000);
  }
  CHECK(delay.queue() == Duration());
  CHECK(*delay.min_round_trip() == Ms(90));
}

}  // namespace
}  // namespace millrace
