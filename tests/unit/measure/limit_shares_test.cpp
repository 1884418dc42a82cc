#include "measure/limit_shares.h"

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

namespace millrace {
namespace {

constexpr Timestamp At(int64_t millis) { return Timestamp::FromMicros(millis * 1000); }

TEST_CASE("shares add up to one, follow the time, and forget") {
  LimitShares shares;
  CHECK(shares.Of(SendLimit::kSource) == 1);
  for (int64_t ms = 0; ms < 3000; ms += 4) {
    shares.Set(SendLimit::kRate, At(ms));
    shares.Set(SendLimit::kLanes, At(ms + 3));
  }
  CHECK(shares.Of(SendLimit::kRate) == Catch::Approx(0.75).margin(0.02));
  CHECK(shares.Of(SendLimit::kLanes) == Catch::Approx(0.25).margin(0.02));
  CHECK(shares.Of(SendLimit::kSource) < 0.01);
  shares.Set(SendLimit::kSource, At(10'000));
  CHECK(shares.Of(SendLimit::kLanes) > 0.99);
}

}  // namespace
}  // namespace millrace
