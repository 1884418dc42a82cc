#include "measure/round_trip.h"

#include <catch2/catch_test_macros.hpp>

namespace millrace {
namespace {

TEST_CASE("there is no round trip before the first sample, and the first is taken as it is") {
  RoundTrip rtt;
  CHECK_FALSE(rtt.smoothed());
  CHECK_FALSE(rtt.smallest());
  rtt.AddSample(Duration::Millis(80));
  CHECK(rtt.smoothed() == Duration::Millis(80));
  CHECK(rtt.variation() == Duration::Millis(40));
}

TEST_CASE("later samples weigh an eighth, the smallest is kept, negative ones are dropped") {
  RoundTrip rtt;
  rtt.AddSample(Duration::Millis(80));
  rtt.AddSample(Duration::Millis(160));
  CHECK(rtt.smoothed() == Duration::Millis(90));
  CHECK(rtt.variation() == Duration::Millis(50));
  CHECK(rtt.smallest() == Duration::Millis(80));
  rtt.AddSample(Duration::Millis(-5));
  CHECK(rtt.smoothed() == Duration::Millis(90));
  CHECK(rtt.smallest() == Duration::Millis(80));
}

}  // namespace
}  // namespace millrace
