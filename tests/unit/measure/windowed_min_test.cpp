#include "measure/windowed_min.h"

#include <catch2/catch_test_macros.hpp>
#include <deque>

#include "support/random.h"

namespace millrace {
namespace {

TEST_CASE("the least value of the window is known, and forgotten within an eighth of it") {
  testing::Random random(1);
  const Duration window = Duration::Seconds(8);
  WindowedMin min(window);
  CHECK_FALSE(min.Get());
  std::deque<std::pair<Timestamp, Duration>> all;
  Timestamp now = Timestamp::FromMicros(5);
  for (int i = 0; i < 20'000; ++i) {
    now = now + Duration::Micros(static_cast<int64_t>(random.Below(20'000)));
    if (random.Chance(0.001)) now = now + Duration::Seconds(30);
    const auto value = Duration::Micros(static_cast<int64_t>(random.Below(1'000'000)));
    min.Add(value, now);
    all.emplace_back(now, value);
    Duration surely = value;
    Duration perhaps = value;
    for (const auto& [at, was] : all) {
      if (now - at < window * 7 / 8) surely = std::min(surely, was);
      if (now - at < window) perhaps = std::min(perhaps, was);
    }
    REQUIRE(*min.Get() <= surely);
    REQUIRE(*min.Get() >= perhaps);
    while (now - all.front().first > window) all.pop_front();
  }
}

}  // namespace
}  // namespace millrace
