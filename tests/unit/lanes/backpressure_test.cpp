#include "lanes/backpressure.h"

#include <catch2/catch_test_macros.hpp>

namespace millrace {
namespace {

constexpr size_t kMiB = 1024 * 1024;

TEST_CASE("a lane pauses at the high mark and goes on at the low one") {
  Backpressure gate(WaterMarks{100, 40});
  gate.OnSent(99);
  CHECK_FALSE(gate.IsPaused());
  gate.OnSent(1);
  CHECK(gate.IsPaused());
  CHECK(gate.BufferLevel() == 1.0);
  gate.OnBuffered(41);
  CHECK(gate.IsPaused());
  gate.OnBuffered(40);
  CHECK_FALSE(gate.IsPaused());
  CHECK(gate.BufferLevel() == 0.4);
}

TEST_CASE("marks are clamped to what a browser can hold, and low stays below high") {
  CHECK(ClampWaterMarks({32 * kMiB, 8 * kMiB}).high == kMaxHighWater);
  CHECK(ClampWaterMarks({32 * kMiB, 8 * kMiB}).low == 8 * kMiB);
  CHECK(ClampWaterMarks({16 * kMiB, 4 * kMiB}).low == 4 * kMiB);
  CHECK(ClampWaterMarks({0, 0}).high == 1);
  CHECK(ClampWaterMarks({0, 0}).low == 0);
  CHECK(ClampWaterMarks({100, 100}).low == 99);
}

TEST_CASE("new marks count at once") {
  Backpressure gate(WaterMarks{100, 40});
  gate.OnSent(60);
  gate.SetMarks(WaterMarks{50, 50});
  CHECK(gate.marks().high == 50);
  CHECK(gate.marks().low == 49);
  CHECK(gate.IsPaused());
  gate.SetMarks(WaterMarks{200, 60});
  CHECK_FALSE(gate.IsPaused());
}

}  // namespace
}  // namespace millrace
