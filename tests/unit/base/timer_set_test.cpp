#include "base/timer_set.h"

#include <catch2/catch_test_macros.hpp>

namespace millrace {
namespace {

enum class Timer : uint8_t { kOne, kTwo, kThree, kCount };

constexpr Timestamp At(int64_t millis) { return Timestamp::FromMicros(millis * 1000); }

TEST_CASE("no timer runs at first") {
  const TimerSet<Timer> timers;
  CHECK(timers.next().IsNever());
  CHECK(timers.deadline(Timer::kTwo).IsNever());
  CHECK_FALSE(timers.IsDue(Timer::kTwo, At(1'000'000)));
}

TEST_CASE("the next expiry is that of the earliest timer that runs") {
  TimerSet<Timer> timers;
  timers.Set(Timer::kOne, At(30));
  timers.Set(Timer::kTwo, At(20));
  timers.Set(Timer::kThree, At(40));
  CHECK(timers.next() == At(20));
  timers.Set(Timer::kTwo, At(50));
  CHECK(timers.next() == At(30));
  timers.Stop(Timer::kOne);
  CHECK(timers.next() == At(40));
  timers.StopAll();
  CHECK(timers.next().IsNever());
}

TEST_CASE("a timer is due from its deadline on, the others are not") {
  TimerSet<Timer> timers;
  timers.Set(Timer::kOne, At(30));
  timers.Set(Timer::kTwo, At(31));
  CHECK_FALSE(timers.IsDue(Timer::kOne, At(29)));
  CHECK(timers.IsDue(Timer::kOne, At(30)));
  CHECK_FALSE(timers.IsDue(Timer::kTwo, At(30)));
}

TEST_CASE("a deadline can be moved earlier only") {
  TimerSet<Timer> timers;
  timers.SetEarlier(Timer::kOne, At(30));
  CHECK(timers.deadline(Timer::kOne) == At(30));
  timers.SetEarlier(Timer::kOne, At(40));
  CHECK(timers.deadline(Timer::kOne) == At(30));
  timers.SetEarlier(Timer::kOne, At(10));
  CHECK(timers.deadline(Timer::kOne) == At(10));
}

}  // namespace
}  // namespace millrace
