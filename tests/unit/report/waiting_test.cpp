#include "report/waiting.h"

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <numeric>

#include "support/random.h"

namespace millrace {
namespace {

constexpr Timestamp At(int64_t millis) { return Timestamp::FromMicros(millis * 1000); }

double Of(const WaitingShares& shares, Waiting waiting) {
  return shares[static_cast<size_t>(waiting)];
}

TEST_CASE("shares are of the time that counted, between two moments") {
  WaitingTimes times;
  const WaitingTimes::Totals none = times.TotalsAt(At(0));
  CHECK_FALSE(WaitingTimes::Between(none, times.TotalsAt(At(1000))));  // Nothing to do.

  times.Set(Waiting::kSource, At(1000));
  times.Set(Waiting::kNetwork, At(1300));
  const WaitingTimes::Totals middle = times.TotalsAt(At(1400));
  times.Set(std::nullopt, At(2000));
  times.Set(Waiting::kSink, At(9000));
  const WaitingTimes::Totals end = times.TotalsAt(At(10'000));

  const WaitingShares all = *WaitingTimes::Between(none, end);
  CHECK(Of(all, Waiting::kSource) == Catch::Approx(0.15));
  CHECK(Of(all, Waiting::kNetwork) == Catch::Approx(0.35));
  CHECK(Of(all, Waiting::kSink) == Catch::Approx(0.5));
  const WaitingShares late = *WaitingTimes::Between(middle, end);
  CHECK(Of(late, Waiting::kSource) == 0);
  CHECK(Of(late, Waiting::kNetwork) == Catch::Approx(0.375));
}

TEST_CASE("shares add up to one whatever the order, and a clock that goes back takes nothing") {
  testing::Random random(3);
  WaitingTimes times;
  const WaitingTimes::Totals begin = times.TotalsAt(At(0));
  int64_t now = 0;
  for (int i = 0; i < 1000; ++i) {
    now += static_cast<int64_t>(random.Below(100)) - 20;
    std::optional<Waiting> next;
    if (random.Chance(0.9)) next = static_cast<Waiting>(random.Below(kWaitings));
    times.Set(next, At(std::max<int64_t>(0, now)));
    const auto shares = WaitingTimes::Between(begin, times.TotalsAt(At(std::max<int64_t>(0, now))));
    if (!shares) continue;
    CHECK(std::accumulate(shares->begin(), shares->end(), 0.0) == Catch::Approx(1));
    for (const double share : *shares) CHECK(share >= 0);
  }
}

}  // namespace
}  // namespace millrace
