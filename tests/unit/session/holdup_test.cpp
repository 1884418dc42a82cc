#include "session/holdup.h"

#include <catch2/catch_test_macros.hpp>

namespace millrace {
namespace {

TEST_CASE("each reason to send nothing is one limit of the rate and one thing to wait for") {
  struct Row {
    Holdup holdup;
    SendLimit limit;
    std::optional<Waiting> waiting;
  };
  const Row rows[] = {
      {Holdup::kNothing, SendLimit::kSource, std::nullopt},
      {Holdup::kProcessor, SendLimit::kProcessor, Waiting::kSeal},
      {Holdup::kNoLane, SendLimit::kSource, Waiting::kNetwork},
      {Holdup::kSource, SendLimit::kSource, Waiting::kSource},
      {Holdup::kAcknowledgement, SendLimit::kSource, Waiting::kNetwork},
      {Holdup::kSink, SendLimit::kSource, Waiting::kSink},
      {Holdup::kPacing, SendLimit::kRate, Waiting::kNetwork},
      {Holdup::kPacingAndChannels, SendLimit::kRate, Waiting::kChannel},
      {Holdup::kInFlight, SendLimit::kFlight, Waiting::kNetwork},
      {Holdup::kWindows, SendLimit::kLanes, Waiting::kNetwork},
      {Holdup::kChannels, SendLimit::kLanes, Waiting::kChannel},
  };
  for (const Row& row : rows) {
    INFO("reason " << static_cast<int>(row.holdup));
    CHECK(LimitOf(row.holdup) == row.limit);
    CHECK(WaitingFor(row.holdup) == row.waiting);
  }
}

}  // namespace
}  // namespace millrace
