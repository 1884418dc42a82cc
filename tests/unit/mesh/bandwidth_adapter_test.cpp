#include "mesh/bandwidth_adapter.h"

#include <catch2/catch_test_macros.hpp>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace millrace {
namespace {

constexpr uint64_t kKiB = 1024;
constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max();

constexpr QualityMode kH = QualityMode::kHigh;
constexpr QualityMode kM = QualityMode::kMedium;
constexpr QualityMode kL = QualityMode::kLow;

Timestamp At(int64_t ms) { return Timestamp::FromMicros(ms * 1000); }

// Samples of one channel, 100 ms apart.
class Driven {
 public:
  explicit Driven(const BandwidthOptions& options = {}) : adapter(options) {}

  std::optional<QualityChange> Sample(uint64_t buffered) {
    now_ms += 100;
    return adapter.Sample(std::vector{buffered}, At(now_ms));
  }
  void DriveTo(QualityMode mode) {
    const uint64_t amount = mode == kH ? 0 : mode == kL ? 2048 * kKiB : 600 * kKiB;
    while (adapter.mode() != mode) Sample(amount);
  }

  BandwidthAdapter adapter;
  int64_t now_ms = 0;
};

TEST_CASE("each mode leaves where the requirement says, and stays in the gaps between") {
  struct Row {
    QualityMode from;
    uint64_t buffered;
    QualityMode to;
  };
  const Row rows[] = {
      {kH, 0, kH},
      {kH, 128 * kKiB, kH},
      {kH, 512 * kKiB, kH},
      {kH, 512 * kKiB + 1, kM},
      {kH, 1024 * kKiB + 1, kM},
      {kH, kMost, kM},
      {kM, 1024 * kKiB, kM},
      {kM, 1024 * kKiB + 1, kL},
      {kM, kMost, kL},
      {kM, 512 * kKiB, kM},
      {kM, 256 * kKiB - 1, kM},
      {kM, 128 * kKiB, kM},
      {kM, 128 * kKiB - 1, kH},
      {kM, 0, kH},
      {kL, kMost, kL},
      {kL, 1024 * kKiB, kL},
      {kL, 512 * kKiB, kL},
      {kL, 256 * kKiB, kL},
      {kL, 256 * kKiB - 1, kM},
      {kL, 0, kM},
  };
  for (const Row& row : rows) {
    Driven driven;
    driven.DriveTo(row.from);
    const std::optional<QualityChange> change = driven.Sample(row.buffered);
    INFO("from " << static_cast<int>(row.from) << " at " << row.buffered);
    CHECK(driven.adapter.mode() == row.to);
    CHECK(change.has_value() == (row.from != row.to));
  }
}

TEST_CASE("an amount that swings inside a gap does not change the mode") {
  for (const QualityMode mode : {kH, kM, kL}) {
    Driven driven;
    driven.DriveTo(mode);
    for (int i = 0; i < 20; ++i) {
      CHECK_FALSE(driven.Sample(i % 2 == 0 ? 257 * kKiB : 511 * kKiB).has_value());
    }
  }
}

TEST_CASE("the fullest channel decides, and the change says what was seen") {
  BandwidthAdapter adapter({});
  const std::vector<uint64_t> buffered = {0, 600 * kKiB, 300 * kKiB};
  const std::optional<QualityChange> change = adapter.Sample(buffered, At(0));
  REQUIRE(change.has_value());
  CHECK(change->old_mode == kH);
  CHECK(change->new_mode == kM);
  CHECK(change->max_buffered == 600 * kKiB);
  CHECK(change->avg_buffered == 300 * kKiB);
  CHECK(change->channel_count == 3);
}

TEST_CASE("no channels count as empty ones") {
  Driven driven;
  driven.DriveTo(kM);
  const std::optional<QualityChange> change = driven.adapter.Sample({}, At(driven.now_ms + 100));
  REQUIRE(change.has_value());
  CHECK(change->new_mode == kH);
  CHECK(change->avg_buffered == 0);
  CHECK(change->channel_count == 0);
}

TEST_CASE("messages wait 0, 50 and 200 ms") {
  Driven driven;
  CHECK(driven.adapter.batch_delay() == Duration());
  driven.DriveTo(kM);
  CHECK(driven.adapter.batch_delay() == Duration::Millis(50));
  driven.DriveTo(kL);
  CHECK(driven.adapter.batch_delay() == Duration::Millis(200));
}

TEST_CASE("a sample before its time is not looked at") {
  BandwidthAdapter adapter({});
  const std::vector<uint64_t> full = {2048 * kKiB};
  CHECK_FALSE(adapter.next_sample().has_value());
  CHECK(adapter.Sample(full, At(0)).has_value());
  CHECK(adapter.next_sample() == At(100));
  CHECK_FALSE(adapter.Sample(full, At(99)).has_value());
  CHECK(adapter.mode() == kM);
  CHECK(adapter.Sample(full, At(100)).has_value());
  CHECK(adapter.mode() == kL);
}

TEST_CASE("clocks that jump, and times below zero, make one sample each") {
  BandwidthAdapter adapter({});
  const std::vector<uint64_t> full = {2048 * kKiB};
  const std::vector<uint64_t> empty = {0};
  CHECK(adapter.Sample(full, At(-5000)).has_value());
  CHECK(adapter.Sample(full, At(1'000'000'000)).has_value());
  CHECK(adapter.mode() == kL);
  CHECK(adapter.Sample(empty, At(-7000)).has_value());
  CHECK(adapter.mode() == kM);
  CHECK_FALSE(adapter.Sample(empty, At(-6901)).has_value());
  CHECK(adapter.Sample(empty, At(-6900)).has_value());
  CHECK(adapter.mode() == kH);
}

TEST_CASE("every number can be set") {
  BandwidthOptions options;
  options.medium_above = 40;
  options.low_above = 80;
  options.medium_below = 30;
  options.high_below = 10;
  options.batch_delays = {Duration::Millis(1), Duration::Millis(2), Duration::Millis(3)};
  options.sample_interval = Duration::Millis(10);
  BandwidthAdapter adapter(options);
  struct Step {
    uint64_t buffered;
    QualityMode mode;
  };
  int64_t ms = 0;
  for (const Step step :
       {Step{40, kH}, {41, kM}, {80, kM}, {81, kL}, {30, kL}, {29, kM}, {10, kM}, {9, kH}}) {
    adapter.Sample(std::vector{step.buffered}, At(ms += 10));
    CHECK(adapter.mode() == step.mode);
  }
  CHECK(adapter.batch_delay() == Duration::Millis(1));
}

TEST_CASE("numbers that contradict each other are pulled together") {
  BandwidthOptions options;
  options.medium_above = 100;
  options.high_below = 500;
  options.low_above = 200;
  options.medium_below = 500;
  options.batch_delays[0] = Duration::Millis(-1);
  options.batch_delays[2] = Duration::Seconds(3600);
  options.sample_interval = Duration::Seconds(-1);
  const BandwidthOptions usable = ClampBandwidthOptions(options);
  CHECK(usable.high_below == 100);
  CHECK(usable.medium_below == 200);
  CHECK(usable.batch_delays[0] == Duration());
  CHECK(usable.batch_delays[2] == Duration::Seconds(10));
  CHECK(usable.sample_interval == Duration());
  // No amount sends it to and fro.
  Driven driven(options);
  driven.DriveTo(kM);
  for (int i = 0; i < 5; ++i) CHECK_FALSE(driven.Sample(150).has_value());
}

TEST_CASE("prediction reacts to the trend, both ways, and only where it is asked for") {
  BandwidthOptions options;
  options.predictive = true;
  Driven predictive(options);
  Driven plain;
  // 2 MiB/s: 200 KiB each 100 ms. In 200 ms it will be at 700.
  for (const uint64_t amount : {100 * kKiB, 300 * kKiB}) {
    predictive.Sample(amount);
    plain.Sample(amount);
  }
  CHECK(predictive.adapter.mode() == kM);
  CHECK(plain.adapter.mode() == kH);
  predictive.Sample(200 * kKiB);
  CHECK(predictive.adapter.mode() == kH);
}

}  // namespace
}  // namespace millrace
