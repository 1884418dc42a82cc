#include "control/chunk_sizer.h"

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <limits>

#include "support/random.h"

namespace millrace {
namespace {

constexpr size_t kKiB = 1024;

// A sizer with reports a second apart, in which everything sent is acknowledged.
struct Reports {
  explicit Reports(ChunkSizerOptions options = {}) : sizer(options) {}

  size_t Next(double rtt_ms, double loss, double bytes_per_second = 1e6) {
    metrics.timestamp_ms += 1000;
    metrics.bytes_transferred += bytes_per_second;
    metrics.chunks_sent += 10;
    metrics.chunks_acked += 10;
    metrics.rtt_ms = rtt_ms;
    metrics.loss = loss;
    CHECK(sizer.Report(metrics));
    return sizer.chunk_bytes();
  }

  ChunkSizer sizer;
  ChunkMetrics metrics;
};

TEST_CASE("the first report decides alone, within the bounds of the profile") {
  struct Row {
    NetworkProfile profile;
    double rtt_ms;
    size_t before_kib, kib;
  };
  const Row rows[] = {
      {NetworkProfile::kAuto, 5, 64, 256},           {NetworkProfile::kAuto, 300, 64, 16},
      {NetworkProfile::kLanEthernet, 300, 256, 256}, {NetworkProfile::kInternet, 5, 64, 128},
      {NetworkProfile::kInternet, 300, 64, 64},      {NetworkProfile::kInternetPoor, 5, 64, 64},
      {NetworkProfile::kMobile, 300, 64, 16},
  };
  for (const Row& row : rows) {
    Reports reports({.profile = row.profile});
    CHECK(reports.sizer.chunk_bytes() == row.before_kib * kKiB);
    CHECK(reports.Next(row.rtt_ms, 0) == row.kib * kKiB);
  }
}

TEST_CASE("bounds of the caller's take the place of the profile's, on whole leaves") {
  CHECK(ChunkSizer({.least_chunk_bytes = 40'000, .most_chunk_bytes = 40'000}).chunk_bytes() ==
        32 * kKiB);
  CHECK(ChunkSizer({.least_chunk_bytes = 1, .most_chunk_bytes = SIZE_MAX}).most_chunk_bytes() ==
        kMostChunkBytes);
  const ChunkSizer crossed({.least_chunk_bytes = 128 * kKiB, .most_chunk_bytes = 64 * kKiB});
  CHECK(crossed.least_chunk_bytes() == 64 * kKiB);
  const ChunkSizer above({.profile = NetworkProfile::kMobile, .least_chunk_bytes = 256 * kKiB});
  CHECK(above.chunk_bytes() == 256 * kKiB);
}

TEST_CASE("each mode waits for as many reports as it says") {
  struct Row {
    SizingMode mode;
    int to_grow, to_shrink;
  };
  for (const Row& row : {Row{SizingMode::kAggressive, 1, 4}, Row{SizingMode::kBalanced, 2, 2},
                         Row{SizingMode::kConservative, 4, 1}}) {
    INFO(NameOf(row.mode));
    Reports reports({.mode = row.mode});
    CHECK(reports.Next(70, 0) == 64 * kKiB);
    for (int i = 1; i < row.to_grow; ++i) CHECK(reports.Next(5, 0) == 64 * kKiB);
    CHECK(reports.Next(5, 0) == 256 * kKiB);
    for (int i = 1; i < row.to_shrink; ++i) CHECK(reports.Next(150, 0) == 256 * kKiB);
    CHECK(reports.Next(150, 0) == 32 * kKiB);
  }
}

TEST_CASE("reports that disagree start the count again") {
  Reports reports({.mode = SizingMode::kConservative});
  reports.Next(70, 0);
  for (int i = 0; i < 3; ++i) reports.Next(5, 0);
  CHECK(reports.Next(70, 0) == 64 * kKiB);
  for (int i = 0; i < 3; ++i) CHECK(reports.Next(5, 0) == 64 * kKiB);
  CHECK(reports.Next(5, 0) == 256 * kKiB);
}

TEST_CASE("a step is left only past its bound by a quarter") {
  Reports reports({.mode = SizingMode::kAggressive});
  CHECK(reports.Next(60, 0) == 64 * kKiB);
  CHECK(reports.Next(40.1, 0) == 64 * kKiB);  // Below 50, but not by a quarter.
  CHECK(reports.Next(39.9, 0) == 128 * kKiB);
  for (int i = 0; i < 8; ++i) CHECK(reports.Next(62.4, 0) == 128 * kKiB);
  for (int i = 0; i < 3; ++i) reports.Next(62.6, 0);
  CHECK(reports.Next(62.6, 0) == 64 * kKiB);
}

TEST_CASE("ten per cent of noise around any value moves it once at most") {
  testing::Random random(7);
  const auto noisy = [&random](double value) {
    return value * (0.9 + 0.2 * static_cast<double>(random.Below(1001)) / 1000);
  };
  const double values[] = {9, 10, 11, 45, 50, 55, 95, 100, 105, 190, 200, 210};
  const double losses[] = {0, 0.001, 0.01, 0.05, 0.1};
  const double rates[] = {1e6, 100e6, 500e6};
  for (const SizingMode mode :
       {SizingMode::kAggressive, SizingMode::kBalanced, SizingMode::kConservative}) {
    for (const Ladder ladder : {Ladder::kDefault, Ladder::kStrict}) {
      CHECK(ChunkSizer({.ladder = ladder}).ladder() == ladder);
      for (const double rtt : values) {
        for (const double loss : losses) {
          for (const double rate : rates) {
            const double rtt_ms = rate > 1e6 ? rtt / 10 : rtt;  // Around the bounds of the LAN.
            Reports reports({.ladder = ladder, .mode = mode});
            reports.Next(rtt_ms, loss, rate);
            // The rate is known from the second report on.
            size_t bytes = reports.Next(noisy(rtt_ms), noisy(loss), noisy(rate));
            for (int i = 0; i < 8; ++i) {
              bytes = reports.Next(noisy(rtt_ms), noisy(loss), noisy(rate));
            }
            int changes = 0;
            for (int i = 0; i < 60; ++i) {
              const size_t next = reports.Next(noisy(rtt_ms), noisy(loss), noisy(rate));
              if (next != bytes) ++changes;
              bytes = next;
            }
            CHECK(changes <= 1);
          }
        }
      }
    }
  }
}

TEST_CASE("reports with numbers that are none are ignored as a whole") {
  Reports reports;
  reports.Next(70, 0);
  const double inf = std::numeric_limits<double>::infinity();
  double ChunkMetrics::*const fields[] = {
      &ChunkMetrics::timestamp_ms, &ChunkMetrics::bytes_transferred,
      &ChunkMetrics::chunks_sent,  &ChunkMetrics::chunks_acked,
      &ChunkMetrics::rtt_ms,       &ChunkMetrics::loss,
      &ChunkMetrics::jitter_ms,    &ChunkMetrics::buffer_level};
  for (double ChunkMetrics::*const field : fields) {
    for (const double bad : {static_cast<double>(NAN), -1.0, inf, -inf}) {
      ChunkMetrics metrics = reports.metrics;
      metrics.timestamp_ms += 1000;
      metrics.*field = bad;
      CHECK_FALSE(reports.sizer.Report(metrics));
    }
  }
  for (double ChunkMetrics::*const field : {&ChunkMetrics::loss, &ChunkMetrics::buffer_level}) {
    ChunkMetrics metrics = reports.metrics;
    metrics.timestamp_ms += 1000;
    metrics.*field = 1.01;
    CHECK_FALSE(reports.sizer.Report(metrics));
  }
  CHECK(reports.sizer.chunk_bytes() == 64 * kKiB);
  CHECK(reports.Next(70, 0) == 64 * kKiB);
}

TEST_CASE("a clock that goes back, stands still or jumps makes no rate out of nothing") {
  Reports reports;
  reports.Next(1, 0, 200e6);
  reports.Next(1, 0, 200e6);
  CHECK(reports.sizer.bytes_per_second() == Catch::Approx(200e6));

  ChunkMetrics metrics = reports.metrics;
  metrics.bytes_transferred += 1e12;
  CHECK_FALSE(reports.sizer.Report(metrics));  // Stands still.
  metrics.timestamp_ms -= 1;
  CHECK_FALSE(reports.sizer.Report(metrics));  // Goes back.
  CHECK(reports.sizer.bytes_per_second() == Catch::Approx(200e6));

  // Set forward, or asleep meanwhile; set back: measured anew.
  for (const double jump : {500'000.0, -100'000.0}) {
    reports.metrics.timestamp_ms += jump;
    reports.metrics.bytes_transferred += 1e12;
    CHECK(reports.sizer.Report(reports.metrics));
    CHECK(reports.sizer.bytes_per_second() == 0);
    reports.Next(1, 0, 200e6);
    CHECK(reports.sizer.bytes_per_second() == Catch::Approx(200e6));
  }
  // Totals that fall: another transfer.
  reports.metrics.bytes_transferred = 0;
  reports.Next(1, 0, 5e9);
  CHECK(reports.sizer.bytes_per_second() == 0);
}

TEST_CASE("reports in quick succession add up to one measurement of the rate") {
  Reports reports;
  reports.Next(1, 0);
  for (int i = 0; i < 10; ++i) {
    reports.metrics.timestamp_ms += 100;
    reports.metrics.bytes_transferred += i % 2 == 0 ? 0 : 40e6;
    CHECK(reports.sizer.Report(reports.metrics));
  }
  CHECK(reports.sizer.bytes_per_second() > 100e6);
  CHECK(reports.sizer.bytes_per_second() < 300e6);
}

TEST_CASE("nothing grows while nothing gets through") {
  for (const bool full : {false, true}) {
    Reports reports({.mode = SizingMode::kAggressive});
    reports.Next(70, 0);
    for (int i = 0; i < 5; ++i) {
      reports.metrics.timestamp_ms += 1000;
      reports.metrics.rtt_ms = 1;
      reports.metrics.chunks_sent += 1;
      if (full) reports.metrics.chunks_acked += 1;
      reports.metrics.buffer_level = full ? 1 : 0.5;
      CHECK(reports.sizer.Report(reports.metrics));
    }
    CHECK(reports.sizer.chunk_bytes() == 64 * kKiB);
    reports.metrics.buffer_level = 0.9;
    CHECK(reports.Next(1, 0) == 256 * kKiB);
  }
}

TEST_CASE("automatically, the path chooses the mode, and the mode can be insisted on") {
  Reports reports({.host_pair = true});
  CHECK(reports.sizer.profile() == NetworkProfile::kAuto);
  reports.Next(2, 0);
  CHECK(reports.sizer.profile() == NetworkProfile::kLanEthernet);
  CHECK(reports.sizer.mode() == SizingMode::kAggressive);
  reports.sizer.SetPath(false, true);
  CHECK(reports.sizer.profile() == NetworkProfile::kMobile);
  reports.sizer.SetPath(false, false);
  reports.Next(150, 0);
  CHECK(reports.sizer.mode() == SizingMode::kConservative);
  CHECK(ChunkSizer({.mode = SizingMode::kBalanced, .host_pair = true}).mode() ==
        SizingMode::kBalanced);
}

}  // namespace
}  // namespace millrace
