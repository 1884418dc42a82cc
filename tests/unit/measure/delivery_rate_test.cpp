#include "measure/delivery_rate.h"

#include <algorithm>
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <cmath>

namespace millrace {
namespace {

using Catch::Approx;

constexpr Timestamp At(int64_t millis) { return Timestamp::FromMicros(millis * 1000); }

TEST_CASE("a steady flow has its rate over every window") {
  DeliveryRate rate;
  CHECK(rate.BytesPerSecond(Duration::Millis(100)) == 0);
  for (int64_t ms = 0; ms < 2000; ++ms) rate.OnDelivered(1000, At(ms));
  for (const int64_t window : {5, 50, 100, 1000, 1275}) {
    CHECK(rate.BytesPerSecond(Duration::Millis(window)) == Approx(1e6));
  }
  // Longer windows than are remembered, and none at all, are clamped.
  CHECK(rate.BytesPerSecond(Duration::Seconds(60)) == Approx(1e6));
  CHECK(rate.BytesPerSecond(Duration()) == Approx(1e6));
}

TEST_CASE("what arrived over a while is spread over it, whole") {
  for (const int64_t over : {-10, 0, 4, 5, 6, 23, 100, 5'000}) {
    CAPTURE(over);
    DeliveryRate rate;
    rate.OnDelivered(1'000'000, At(3'000), Duration::Millis(over));
    CHECK(rate.BytesPerSecond(DeliveryRate::kLongestWindow) ==
          Approx(1'000'000 / DeliveryRate::kLongestWindow.seconds()));
    const double slots = std::clamp<double>(std::floor(static_cast<double>(over) / 5), 1, 255);
    CHECK(rate.BytesPerSecond(DeliveryRate::kSlotLength) ==
          Approx(1'000'000 / slots * 200).epsilon(0.05));
  }
}

TEST_CASE(
    "what is older than the memory is forgotten and what comes late is counted in its place") {
  DeliveryRate rate;
  rate.OnDelivered(5000, At(0));
  rate.OnDelivered(1000, At(10'000));
  CHECK(rate.BytesPerSecond(DeliveryRate::kLongestWindow) ==
        Approx(1000 / DeliveryRate::kLongestWindow.seconds()));
  rate.OnDelivered(9999, At(100));
  CHECK(rate.BytesPerSecond(DeliveryRate::kLongestWindow) ==
        Approx(1000 / DeliveryRate::kLongestWindow.seconds()));
  rate.OnDelivered(1000, At(9'950));
  CHECK(rate.BytesPerSecond(Duration::Millis(5)) == Approx(200'000));
  CHECK(rate.BytesPerSecond(Duration::Millis(100)) == Approx(20'000));
  rate.OnDelivered(1, Timestamp::FromMicros(-5));
}

}  // namespace
}  // namespace millrace
