#include "control/pacer.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include "support/random.h"

namespace millrace {
namespace {

constexpr Timestamp At(int64_t millis) { return Timestamp::FromMicros(millis * 1000); }

TEST_CASE("records leave at the rate, however late the timer is") {
  for (const int64_t grain_ms : {1, 4, 20}) {
    Pacer pacer;
    pacer.SetRate(1'000'000, At(0));
    size_t sent = 0;
    for (int64_t ms = 0; ms < 10'000; ms += grain_ms) {
      while (pacer.IsReady(At(ms))) {
        pacer.OnSent(16'384, At(ms));
        sent += 16'384;
      }
      REQUIRE(pacer.ready_at() > At(ms));
    }
    CHECK(sent > 9'950'000);
    CHECK(sent < 10'100'000);
  }
}

TEST_CASE("a pause allows for a burst and no more") {
  Pacer pacer;
  pacer.SetRate(1'000'000, At(0));
  size_t sent = 0;
  while (pacer.IsReady(At(60'000))) {
    pacer.OnSent(1000, At(60'000));
    sent += 1000;
  }
  CHECK(sent <= 26'000);
  CHECK(sent >= 25'000);
  CHECK(pacer.ready_at() <= At(60'001));
}

TEST_CASE("a new rate counts from now on, also one of nothing") {
  Pacer pacer;
  pacer.SetRate(1'000'000, At(0));
  pacer.OnSent(100'000, At(0));
  CHECK(pacer.ready_at() == At(100));
  pacer.SetRate(2'000'000, At(50));
  CHECK(pacer.ready_at() == At(75));
  pacer.SetRate(0, At(60));
  CHECK_FALSE(pacer.IsReady(At(1000)));
}

TEST_CASE("a record may leave at ready_at, and not a microsecond earlier") {
  const uint64_t seed = GENERATE(Catch::Generators::range(uint64_t{1}, uint64_t{51}));
  testing::Random random(seed);
  Pacer pacer;
  Timestamp now = Timestamp::FromMicros(1'000'000);
  for (int step = 0; step < 200; ++step) {
    if (random.Chance(0.2)) pacer.SetRate(static_cast<double>(random.Below(1 << 30)) / 7, now);
    if (random.Chance(0.2)) {
      now = now + Duration::Micros(static_cast<int64_t>(random.Below(50'000)));
    }
    if (!pacer.IsReady(now)) {
      REQUIRE(pacer.ready_at() > now);
      REQUIRE_FALSE(pacer.IsReady(pacer.ready_at() + Duration::Micros(-1)));
      now = pacer.ready_at();
      REQUIRE(pacer.IsReady(now));
    }
    pacer.OnSent(random.Between(1, 300'000), now);
  }
}

TEST_CASE("a record may leave at ready_at also where the wait is a whole number of microseconds") {
  testing::Random random(1);
  for (int i = 0; i < 5000; ++i) {
    const uint64_t bytes = random.Between(1, 300'000);
    const uint64_t micros = random.Between(1, 50'000);
    Pacer pacer;
    pacer.SetRate(static_cast<double>(bytes) * 1e6 / static_cast<double>(micros), At(0));
    pacer.OnSent(bytes, At(0));
    REQUIRE(pacer.IsReady(pacer.ready_at()));
  }
}

}  // namespace
}  // namespace millrace
