#include "support/link_plan.h"

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

#include "support/naive_pump.h"

namespace millrace::testing {
namespace {

using Catch::Approx;

LinkPlan Plan() {
  LinkPlan plan;
  plan.links[0].mbits_per_second = 20;
  plan.links[0].delay = Duration::Micros(25'125);
  plan.links[0].loss = 0.005;
  plan.links[1].mbits_per_second = 0.3;
  plan.links[1].jitter = Duration::Millis(4);
  plan.links[1].policer_mbits_per_second = 0.25;
  plan.changes = {{Duration::Seconds(2), LinkChange::Kind::kRate, 0.5},
                  {Duration::Seconds(4), LinkChange::Kind::kDark, 1.5},
                  {Duration::Seconds(8), LinkChange::Kind::kDelay, -10},
                  {Duration::Seconds(9), LinkChange::Kind::kLoss, 0.05},
                  {Duration::Millis(9250), LinkChange::Kind::kRate, 1}};
  return plan;
}

TEST_CASE("a plan reads back as it was written") {
  const std::string text = Format(Plan());
  CHECK(text ==
        "20:25.125:250000:0.005:1:0:0:50000 0.3:10:250000:0:1:4:0.25:50000 2:rate:0.5 4:dark:1.5 "
        "8:delay:-10 9:loss:0.05 9.25:rate:1");
  const std::optional<LinkPlan> read = ParseLinkPlan(text);
  REQUIRE(read);
  CHECK(Format(*read) == text);
  CHECK(read->links[0].delay == Duration::Micros(25'125));
  CHECK(read->changes[1].kind == LinkChange::Kind::kDark);
}

TEST_CASE("a text that is no plan is not read") {
  CHECK_FALSE(ParseLinkPlan(""));
  CHECK_FALSE(ParseLinkPlan("20:25:250000:0:1:0:0:50000"));
  CHECK_FALSE(ParseLinkPlan("20:25:250000:0:1:0:0:50000 0:25:250000:0:1:0:0:50000"));
  const std::string links = "20:25:250000:0:1:0:0:50000 20:25:250000:0:1:0:0:50000";
  CHECK(ParseLinkPlan(links));
  CHECK_FALSE(ParseLinkPlan(links + " 3:colour:1"));
  CHECK_FALSE(ParseLinkPlan(links + " 3:rate"));
  CHECK_FALSE(ParseLinkPlan(links + " 3:rate:1 2:rate:1"));
}

TEST_CASE("the capacity counts rates and darkness") {
  // 2 s at 20, 2 s at 10, 1.5 s of nothing, 3.75 s at 10, then 20 Mbit/s.
  CHECK(CapacityMegabits(Plan(), Duration::Seconds(1)) == Approx(20));
  CHECK(CapacityMegabits(Plan(), Duration::Seconds(4)) == Approx(60));
  CHECK(CapacityMegabits(Plan(), Duration::Seconds(5)) == Approx(60));
  CHECK(CapacityMegabits(Plan(), Duration::Seconds(10)) == Approx(60 + 37.5 + 15));
}

TEST_CASE("a change holds for both directions, relative to the first link") {
  const LinkPlan plan = Plan();
  SctpNetwork network(plan.links, 1);
  Apply({Duration(), LinkChange::Kind::kRate, 0.5}, plan, network);
  Apply({Duration(), LinkChange::Kind::kDelay, 30}, plan, network);
  Apply({Duration(), LinkChange::Kind::kLoss, 0.05}, plan, network);
  Apply({Duration(), LinkChange::Kind::kDark, 2}, plan, network);
  CHECK(network.link(0).options().mbits_per_second == Approx(10));
  CHECK(network.link(1).options().mbits_per_second == Approx(0.15));
  CHECK(network.link(0).options().delay == Duration::Micros(55'125));
  CHECK(network.link(0).options().loss == Approx(0.055));
  CHECK(network.link(1).dark_until() == network.now() + Duration::Seconds(2));
  Apply({Duration(), LinkChange::Kind::kRate, 1}, plan, network);
  CHECK(network.link(0).options().mbits_per_second == Approx(20));
}

TEST_CASE("the naive pump ends with its last byte, and changes happen under it") {
  LinkPlan plan;
  for (SharedLinkOptions& link : plan.links) {
    link.mbits_per_second = 10;
    link.queue_bytes = 10'000'000;  // It loses nothing.
  }
  const PumpResult calm = NaivePump(plan, 1, Duration::Seconds(100), 5'000'000);
  CHECK(calm.took.seconds() == Approx(5e6 * 8 / 10e6 / 0.926).epsilon(0.05));
  CHECK(calm.mbits_per_second == Approx(9.26).epsilon(0.05));
  plan.changes = {{Duration::Seconds(1), LinkChange::Kind::kRate, 0.1},
                  {Duration::Seconds(11), LinkChange::Kind::kRate, 1}};
  const PumpResult slowed = NaivePump(plan, 1, Duration::Seconds(100), 5'000'000);
  CHECK(slowed.took.seconds() == Approx(calm.took.seconds() + 9).epsilon(0.05));
}

}  // namespace
}  // namespace millrace::testing
