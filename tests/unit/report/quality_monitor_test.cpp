#include "report/quality_monitor.h"

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <limits>

namespace millrace {
namespace {

using Catch::Approx;

constexpr Timestamp At(int64_t millis) { return Timestamp::FromMicros(millis * 1000); }

TEST_CASE("the latest sample, and the mean of those kept") {
  QualityMonitor monitor;
  CHECK_FALSE(monitor.latest());
  CHECK_FALSE(monitor.quality());
  for (int i = 0; i < 40; ++i) {
    const double total = i * 1000.0;
    CHECK(monitor.Add({.rtt_ms = i, .loss = 0.01, .bytes_total = total, .buffered_bytes = 5},
                      At(1000 * i)));
  }
  CHECK(monitor.samples() == QualityMonitor::kKept);
  CHECK(*monitor.latest()->rtt_ms == 39);
  CHECK(*monitor.latest()->bytes_per_second == Approx(1000));
  CHECK(*monitor.mean().rtt_ms == Approx(24.5));
  CHECK(*monitor.mean().jitter_ms == Approx(1));
  CHECK(*monitor.mean().loss == Approx(0.01));
  CHECK(*monitor.mean().buffered_bytes == 5);
  CHECK(*monitor.quality() == 96);
}

TEST_CASE("absent values are absent, in the latest sample and in the mean") {
  QualityMonitor monitor;
  CHECK(monitor.Add({}, At(0)));
  CHECK_FALSE(monitor.latest()->rtt_ms);
  CHECK_FALSE(monitor.latest()->bytes_per_second);
  CHECK_FALSE(monitor.mean().loss);
  CHECK_FALSE(monitor.quality());
  CHECK(monitor.Add({.rtt_ms = 30, .bytes_total = 10}, At(1000)));
  CHECK_FALSE(monitor.latest()->bytes_per_second);
  CHECK_FALSE(monitor.latest()->jitter_ms);
  CHECK(monitor.Add({.bytes_total = 10}, At(2000)));
  CHECK_FALSE(monitor.latest()->rtt_ms);
  CHECK(*monitor.latest()->bytes_per_second == 0);  // Nothing moved, and that is known.
  CHECK(*monitor.mean().rtt_ms == 30);
}

TEST_CASE("numbers that are none count as absent") {
  for (const double bad :
       {static_cast<double>(NAN), -1.0, std::numeric_limits<double>::infinity()}) {
    QualityMonitor monitor;
    CHECK(monitor.Add({bad, bad, bad, bad}, At(0)));
    CHECK(monitor.Add({bad, bad, bad, bad}, At(1000)));
    CHECK_FALSE(monitor.latest()->rtt_ms);
    CHECK_FALSE(monitor.latest()->loss);
    CHECK_FALSE(monitor.latest()->bytes_per_second);
    CHECK_FALSE(monitor.latest()->buffered_bytes);
  }
  QualityMonitor monitor;
  CHECK(monitor.Add({.loss = 1.01}, At(0)));
  CHECK_FALSE(monitor.latest()->loss);
}

TEST_CASE("a clock that stands still or goes back gives no sample, and a gap no rate") {
  QualityMonitor monitor;
  CHECK(monitor.Add({.rtt_ms = 1, .bytes_total = 0}, At(1000)));
  CHECK_FALSE(monitor.Add({.rtt_ms = 2, .bytes_total = 9}, At(1000)));
  CHECK_FALSE(monitor.Add({.rtt_ms = 2, .bytes_total = 9}, At(0)));
  CHECK(monitor.samples() == 1);
  CHECK(monitor.Add({.rtt_ms = 2, .bytes_total = 1e9}, At(100'000)));
  CHECK_FALSE(monitor.latest()->bytes_per_second);
  CHECK_FALSE(monitor.latest()->jitter_ms);
  CHECK(monitor.Add({.bytes_total = 5}, At(101'000)));  // A total that fell: another connection.
  CHECK_FALSE(monitor.latest()->bytes_per_second);
}

}  // namespace
}  // namespace millrace
