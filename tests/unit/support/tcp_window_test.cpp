#include "support/tcp_window.h"

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

namespace millrace::testing {
namespace {

using Catch::Approx;

constexpr Duration kRoundTrip = Duration::Millis(100);

// A round trip in which every packet of the window is acknowledged, one by one.
Timestamp RoundTripOn(TcpWindow& window, Timestamp now) {
  const double packets = window.packets();
  for (double acknowledged = 0; acknowledged + 1 <= packets; ++acknowledged) {
    window.OnAcknowledged(1, kRoundTrip, now);
  }
  return now + kRoundTrip;
}

// To `packets` in slow start, then one loss.
void LoseAt(TcpWindow& window, double packets, Timestamp now) {
  window.OnAcknowledged(packets - window.packets(), kRoundTrip, now);
  window.OnLoss();
}

TEST_CASE("a Reno window doubles in slow start, halves on loss, then grows by one a round trip") {
  const auto window = MakeTcpWindow(TcpGrowth::kReno);
  CHECK(window->packets() == 10);
  Timestamp now = RoundTripOn(*window, Timestamp());
  CHECK(window->packets() == 20);
  window->OnLoss();
  CHECK(window->packets() == 10);
  now = RoundTripOn(*window, now);
  CHECK(window->packets() == Approx(11).margin(0.1));
  window->OnTimeout();
  CHECK(window->packets() == 1);
  RoundTripOn(*window, now);
  CHECK(window->packets() == 2);
}

TEST_CASE("a CUBIC window follows the curve of RFC 9438: flat at the old maximum, then faster") {
  const auto window = MakeTcpWindow(TcpGrowth::kCubic);
  LoseAt(*window, 1000, Timestamp());
  CHECK(window->packets() == Approx(700));
  // K is the cube root of 300 / 0.4: 9.09 s.
  Timestamp now = Timestamp::FromMicros(1'000'000);
  const Timestamp start = now;
  double at_three = 0;
  while (now - start < Duration::Seconds(9)) {
    now = RoundTripOn(*window, now);
    if (at_three == 0 && now - start >= Duration::Seconds(3)) at_three = window->packets();
  }
  // 0.4 (3 - 9.09)^3 + 1000
  CHECK(at_three == Approx(910).epsilon(0.01));
  CHECK(window->packets() == Approx(1000).epsilon(0.01));
  while (now - start < Duration::Seconds(14)) now = RoundTripOn(*window, now);
  CHECK(window->packets() == Approx(1047).epsilon(0.01));
}

TEST_CASE("a CUBIC window that lost below its maximum gives way to others") {
  const auto window = MakeTcpWindow(TcpGrowth::kCubic);
  LoseAt(*window, 1000, Timestamp());
  window->OnLoss();
  CHECK(window->packets() == Approx(490));
  // The maximum is 0.85 of 700 now: it is reached after the cube root of (595 - 490) / 0.4, 6.4 s.
  Timestamp now = Timestamp::FromMicros(1'000'000);
  const Timestamp start = now;
  while (now - start < Duration::Millis(6400)) now = RoundTripOn(*window, now);
  CHECK(window->packets() == Approx(595).epsilon(0.01));
}

TEST_CASE("on short round trips CUBIC is no slower than Reno") {
  const auto window = MakeTcpWindow(TcpGrowth::kCubic);
  LoseAt(*window, 20, Timestamp());
  Timestamp now;
  // W_est grows by 0.53 packets a round trip.
  for (int i = 0; i < 100; ++i) {
    const double packets = window->packets();
    for (double acknowledged = 0; acknowledged + 1 <= packets; ++acknowledged) {
      window->OnAcknowledged(1, Duration::Millis(2), now);
    }
    now = now + Duration::Millis(2);
  }
  CHECK(window->packets() > 14 + 0.5 * 20);
}

TEST_CASE("after a timeout a CUBIC window begins a curve of its own") {
  const auto window = MakeTcpWindow(TcpGrowth::kCubic);
  window->OnAcknowledged(990, kRoundTrip, Timestamp());
  window->OnTimeout();
  CHECK(window->packets() == 1);
  Timestamp now = Timestamp::FromMicros(1'000'000);
  while (window->packets() < 700) now = RoundTripOn(*window, now);
  // K is 0, the convex part begins at once: 0.4 t^3 above it.
  const double threshold = window->packets();
  const Timestamp start = now;
  while (now - start < Duration::Seconds(6)) now = RoundTripOn(*window, now);
  CHECK(window->packets() - threshold > 60);
}

}  // namespace
}  // namespace millrace::testing
