#include "control/up_probe.h"

#include <catch2/catch_test_macros.hpp>

namespace millrace {
namespace {

struct Asking {
  UpProbe probe;
  UpProbe::Input input{0.1, 1e6, 0.5, Duration(), Duration::Millis(10), Duration::Millis(100)};
  Timestamp now = Timestamp::FromMicros(1'000'000);

  // Asks each 10 ms; answers what was allowed last.
  double For(Duration span) {
    double allowed = 0;
    for (const Timestamp end = now + span; now < end; now = now + Duration::Millis(10)) {
      allowed = probe.Limit(input, now);
    }
    return allowed;
  }
};

TEST_CASE("corrections within the noise, and those below zero, pass") {
  Asking asking;
  for (const double correction : {-0.5, 0.0, 0.02}) {
    asking.input.correction = correction;
    CHECK(asking.For(Duration::Seconds(5)) == correction);
  }
}

TEST_CASE("a question without an answer rests, longer each time") {
  Asking asking;
  CHECK(asking.For(Duration::Millis(200)) == 0.1);
  CHECK(asking.For(Duration::Millis(20)) == 0);
  CHECK(asking.For(Duration::Millis(400)) == 0);
  CHECK(asking.For(Duration::Millis(200)) == 0.1);
  CHECK(asking.For(Duration::Millis(200)) == 0);
  CHECK(asking.For(Duration::Millis(700)) == 0);
  // Less than the bandwidth is always allowed.
  asking.input.correction = -0.3;
  CHECK(asking.For(Duration::Millis(20)) == -0.3);
}

TEST_CASE("an answer lets the rate go on: more arrives, everything arrives, or the queue grows") {
  SECTION("more arrives") {
    Asking asking;
    for (int i = 0; i < 20; ++i) {
      CHECK(asking.For(Duration::Millis(100)) == 0.1);
      asking.input.bandwidth *= 1.02;
    }
  }
  SECTION("everything arrives") {
    Asking asking;
    asking.input.arrived_share = 0.97;
    CHECK(asking.For(Duration::Seconds(5)) == 0.1);
  }
  SECTION("the queue grows") {
    Asking asking;
    for (int i = 0; i < 20; ++i) {
      CHECK(asking.For(Duration::Millis(100)) == 0.1);
      asking.input.queue = asking.input.queue + Duration::Millis(1);
    }
  }
}

}  // namespace
}  // namespace millrace
