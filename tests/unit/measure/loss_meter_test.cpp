#include "measure/loss_meter.h"

#include <catch2/catch_test_macros.hpp>

namespace millrace {
namespace {

TEST_CASE("the share of lost records is known after a full window, and above 5 % it is too high") {
  LossMeter meter;
  meter.Update(LossMeter::kWindowRecords - 11, 10);
  CHECK_FALSE(meter.share());
  CHECK_FALSE(meter.TooHigh());
  meter.Update(LossMeter::kWindowRecords - 10, 10);
  CHECK(meter.share() == 0.05);
  CHECK_FALSE(meter.TooHigh());
}

TEST_CASE("only the last window counts") {
  LossMeter meter;
  meter.Update(10'000, 0);
  meter.Update(10'180, 20);
  CHECK(meter.share() == 0.1);
  CHECK(meter.TooHigh());
  meter.Update(10'380, 20);
  CHECK(meter.share() == 0.0);
  CHECK_FALSE(meter.TooHigh());
}

TEST_CASE("records that arrive after all are no loss, and a falling total does no harm") {
  LossMeter meter;
  meter.Update(150, 50);
  CHECK(meter.TooHigh());
  meter.Update(400, 30);
  CHECK(meter.share() == 0.0);
}

}  // namespace
}  // namespace millrace
