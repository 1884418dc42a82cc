#include "mesh/flood_guard.h"

#include <catch2/catch_test_macros.hpp>
#include <cstdint>
#include <limits>

#include "mesh/message.h"

namespace millrace {
namespace {

Timestamp At(int64_t ms) { return Timestamp::FromMicros(ms * 1000); }

int AllowedOf(FloodGuard& guard, int tries, size_t bytes, Timestamp now) {
  int allowed = 0;
  for (int i = 0; i < tries; ++i) allowed += guard.Allow(bytes, now) ? 1 : 0;
  return allowed;
}

TEST_CASE("a source may say a burst at once and its rate after it") {
  FloodGuard guard({100, 8 * 1024 * 1024, Duration::Seconds(2)});
  CHECK(AllowedOf(guard, 1000, 10, At(0)) == 200);
  CHECK(AllowedOf(guard, 1000, 10, At(500)) == 50);
  CHECK(AllowedOf(guard, 1000, 10, At(509)) == 0);
  CHECK(AllowedOf(guard, 1000, 10, At(510)) == 1);
}

TEST_CASE("bytes count as messages do") {
  FloodGuard guard({1'000'000, 100'000, Duration::Seconds(1)});
  CHECK(AllowedOf(guard, 1000, 10'000, At(0)) == 10);
  CHECK(AllowedOf(guard, 1000, 10'000, At(300)) == 3);
}

TEST_CASE("a clock that jumps gives one burst at most") {
  FloodGuard guard({100, 1'000'000, Duration::Seconds(2)});
  CHECK(AllowedOf(guard, 1000, 1, Timestamp::FromMicros(-7'000'000)) == 200);
  CHECK(AllowedOf(guard, 1000, 1, At(86'400'000)) == 200);
  CHECK(AllowedOf(guard, 1000, 1, At(0)) == 0);
  CHECK(AllowedOf(guard, 1000, 1, At(1000)) == 100);
}

TEST_CASE("limits without sense still let a packet through") {
  FloodGuard least({0, -5, Duration::Seconds(-1)});
  CHECK(least.Allow(kMaxMeshPacketBytes, At(0)));
  CHECK_FALSE(least.Allow(1, At(0)));
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  FloodGuard most({kMost, kMost, Duration::Seconds(1'000'000)});
  CHECK(most.Allow(kMaxMeshPacketBytes, At(0)));
  CHECK(most.Allow(kMaxMeshPacketBytes, At(1'000'000'000)));
}

}  // namespace
}  // namespace millrace
