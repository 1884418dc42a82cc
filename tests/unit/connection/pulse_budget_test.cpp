#include "connection/pulse_budget.h"

#include <catch2/catch_test_macros.hpp>

namespace millrace {
namespace {

constexpr Timestamp At(int64_t millis) { return Timestamp::FromMicros(millis * 1000); }

// Records of that size arrive with that many bytes per second; then a message is sent.
Duration SpacingAt(double bytes_per_second, size_t record_bytes) {
  PulseBudget budget;
  const auto apart =
      static_cast<int64_t>(static_cast<double>(record_bytes) / bytes_per_second * 1e6);
  Timestamp now = At(1000);
  for (; now < At(4000); now = now + Duration::Micros(apart)) budget.OnArrived(record_bytes, now);
  budget.OnSent(PulseBudget::kTypicalBytes, now);
  return budget.ready_at() - now;
}

TEST_CASE("messages take a twentieth of what a link carries, at least five a second") {
  const size_t bytes = 57;
  // 200 bytes each, with headers.
  CHECK(PulseBudget::Interval(62'500, bytes) == Duration::Millis(64));
  CHECK(PulseBudget::Interval(40'000, bytes) == Duration::Millis(100));
  CHECK(PulseBudget::Interval(10'000'000, bytes) == Duration::Micros(400));
  for (const double slow : {20'000.0, 1.0, 0.0, -1.0}) {
    CHECK(PulseBudget::Interval(slow, bytes) == PulseBudget::kMostInterval);
  }
  CHECK(PulseBudget::Interval(1e300, bytes) == Duration());
  CHECK(PulseBudget::Interval(40'000, 2 * bytes + PulseBudget::kOverheadBytes) ==
        Duration::Millis(200));
}

TEST_CASE("the interval follows what arrives, in records of any size") {
  for (const size_t record_bytes : {size_t{1200}, size_t{16'384}}) {
    // 5 Mbit/s, and 0.5 Mbit/s.
    const Duration fast = SpacingAt(625'000, record_bytes);
    CHECK(fast > Duration::Millis(5));
    CHECK(fast < Duration::Millis(8));
    const Duration slow = SpacingAt(62'500, record_bytes);
    CHECK(slow > Duration::Millis(25));
    CHECK(slow <= Duration::Millis(100));
  }
}

TEST_CASE("the first records of a transfer do not wait, and a burst is forgotten") {
  PulseBudget budget;
  CHECK(budget.ready_at() <= At(0));
  budget.OnSent(60, At(1000));
  CHECK(budget.ready_at() == At(1200));
  budget.OnArrived(16'384, At(1001));
  CHECK(budget.ready_at() < At(1070));
  budget.OnArrived(100, At(4000));
  budget.OnSent(60, At(4000));
  CHECK(budget.ready_at() == At(4200));
}

}  // namespace
}  // namespace millrace
