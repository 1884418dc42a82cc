#include "report/transfer_benchmark.h"

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <limits>

namespace millrace {
namespace {

using Catch::Approx;

constexpr Timestamp At(int64_t millis) { return Timestamp::FromMicros(millis * 1000); }

TEST_CASE("every field of a run") {
  TransferBenchmark benchmark({});
  benchmark.Start(At(500));
  for (int second = 0; second < 4; ++second) {
    benchmark.RecordBytes(second == 1 ? 3'000'000 : 1'000'000, At(600 + second * 1000));
  }
  for (const double rtt : {20.0, 30.0, 10.0}) benchmark.RecordRtt(rtt, At(3700));
  benchmark.RecordPacketLoss(0.02, At(3700));
  benchmark.RecordPacketLoss(0.06, At(3700));
  benchmark.Stop(At(4500));
  const BenchmarkStats stats = benchmark.Stats(At(99'000));
  CHECK(stats.total_bytes == 6'000'000);
  CHECK(stats.duration == Duration::Seconds(4));
  CHECK(stats.samples == 4);
  CHECK(stats.throughput_average == Approx(1.5e6));
  CHECK(stats.throughput_peak == Approx(3e6));
  CHECK(stats.throughput_least == Approx(1e6));
  CHECK(stats.throughput_current == Approx(1e6));
  CHECK(*stats.rtt_average_ms == Approx(20));
  CHECK(*stats.rtt_least_ms == 10);
  CHECK(*stats.rtt_most_ms == 30);
  CHECK(*stats.rtt_current_ms == 10);
  CHECK(*stats.jitter_ms == Approx(15));
  CHECK(*stats.loss_average == Approx(0.04));
  CHECK(*stats.loss_most == 0.06);
  // Variation: deviations 0.5, 1.5, 0.5, 0.5 of a mean of 1.5.
  CHECK(stats.bottleneck == Bottleneck::kBackpressure);
  CHECK(*stats.quality == 45);
}

TEST_CASE("what was waited for and the memory left decide the bottleneck where they are known") {
  TransferBenchmark benchmark({});
  benchmark.Start(At(0));
  CHECK_FALSE(benchmark.Stats(At(1000)).recommendation.empty());
  benchmark.SetContext(WaitingShares{0, 0.9, 0, 0.1, 0}, std::nullopt);
  CHECK(benchmark.Stats(At(1000)).bottleneck == Bottleneck::kCpu);
  CHECK(benchmark.Stats(At(1000)).recommendation ==
        RecommendationFor(Bottleneck::kCpu, std::nullopt));
  benchmark.SetContext(std::nullopt, 0.95);
  CHECK(benchmark.Stats(At(1000)).bottleneck == Bottleneck::kMemory);
}

TEST_CASE("what was not recorded is absent") {
  TransferBenchmark benchmark({});
  benchmark.Start(At(0));
  const BenchmarkStats stats = benchmark.Stats(At(3000));
  CHECK_FALSE(stats.rtt_average_ms);
  CHECK_FALSE(stats.rtt_current_ms);
  CHECK_FALSE(stats.jitter_ms);
  CHECK_FALSE(stats.loss_average);
  CHECK_FALSE(stats.quality);
  benchmark.RecordRtt(5, At(3000));
  CHECK_FALSE(benchmark.Stats(At(3000)).jitter_ms);
  CHECK(benchmark.Stats(At(3000)).quality == 100);
}

TEST_CASE("windows without any length, and runs without a whole interval") {
  TransferBenchmark benchmark({});
  const BenchmarkStats never = benchmark.Stats(At(7000));
  CHECK(never.throughput_average == 0);
  CHECK(never.duration == Duration());
  benchmark.Start(At(1000));
  benchmark.RecordBytes(500, At(1000));
  const BenchmarkStats none = benchmark.Stats(At(1000));
  for (const double rate : {none.throughput_average, none.throughput_peak, none.throughput_least,
                            none.throughput_current}) {
    CHECK(rate == 0);
  }
  CHECK(none.total_bytes == 500);
  CHECK(none.bottleneck == Bottleneck::kNone);
  const BenchmarkStats half = benchmark.Stats(At(1500));
  CHECK(half.throughput_average == Approx(1000));
  CHECK(half.throughput_peak == Approx(1000));
  CHECK(half.throughput_least == Approx(1000));
  CHECK(half.samples == 0);
}

TEST_CASE("the window forgets, the total does not") {
  TransferBenchmark benchmark({.sample_interval = Duration::Millis(100), .window_size = 3});
  benchmark.Start(At(0));
  benchmark.RecordBytes(1000, At(50));
  CHECK_FALSE(benchmark.Advance(At(99)));
  CHECK(benchmark.Advance(At(100)));
  CHECK_FALSE(benchmark.Advance(At(100)));
  CHECK(benchmark.Stats(At(100)).throughput_peak == Approx(10'000));
  benchmark.RecordBytes(100, At(150));
  BenchmarkStats stats = benchmark.Stats(At(300));
  CHECK(stats.throughput_peak == Approx(10'000));
  CHECK(stats.throughput_least == 0);
  stats = benchmark.Stats(At(401));
  CHECK(stats.throughput_peak == Approx(1000));
  CHECK(stats.total_bytes == 1100);
  // A night.
  stats = benchmark.Stats(At(36'000'000));
  CHECK(stats.samples == 360'000);
  CHECK(stats.throughput_peak == 0);
}

TEST_CASE("a clock that goes back, and numbers that are none, do no harm") {
  TransferBenchmark benchmark({.sample_interval = Duration(), .window_size = 0});
  benchmark.Start(At(1000));
  benchmark.RecordBytes(1000, At(2000));
  benchmark.RecordBytes(1000, At(500));
  CHECK(benchmark.Stats(At(0)).duration == Duration::Seconds(1));
  for (const double bad :
       {static_cast<double>(NAN), -1.0, std::numeric_limits<double>::infinity()}) {
    benchmark.RecordRtt(bad, At(2000));
    benchmark.RecordPacketLoss(bad, At(2000));
  }
  benchmark.RecordPacketLoss(1.1, At(2000));
  CHECK_FALSE(benchmark.Stats(At(2000)).rtt_average_ms);
  CHECK_FALSE(benchmark.Stats(At(2000)).loss_most);
  CHECK(benchmark.Stats(At(2000)).throughput_average == Approx(2000));
}

TEST_CASE("nothing counts before the start and after the stop, and a start begins anew") {
  TransferBenchmark benchmark({});
  benchmark.RecordBytes(7, At(0));
  benchmark.RecordRtt(7, At(0));
  benchmark.RecordPacketLoss(0.5, At(0));
  CHECK_FALSE(benchmark.RttIsDue(At(0)));
  benchmark.Start(At(10));
  CHECK(benchmark.RttIsDue(At(10)));
  benchmark.RecordRtt(7, At(10));
  CHECK_FALSE(benchmark.RttIsDue(At(5009)));
  CHECK(benchmark.RttIsDue(At(5010)));
  benchmark.RecordBytes(7, At(20));
  benchmark.Stop(At(1010));
  benchmark.Stop(At(9000));
  benchmark.RecordBytes(7, At(9000));
  CHECK_FALSE(benchmark.running());
  CHECK(benchmark.Stats(At(9999)).total_bytes == 7);
  CHECK(benchmark.Stats(At(9999)).duration == Duration::Seconds(1));
  benchmark.Start(At(5));
  CHECK(benchmark.Stats(At(5)).total_bytes == 0);
  CHECK_FALSE(benchmark.Stats(At(5)).rtt_least_ms);
}

}  // namespace
}  // namespace millrace
