#include "control/lane_planner.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <tuple>
#include <utility>

namespace millrace {
namespace {

constexpr Duration kRoundTrip = Duration::Millis(25);

struct Run {
  LanePlanner planner{{4, 16}};
  // 16 lanes find enough to carry.
  LanePlanner::Input input{.open = 4,
                           .has_room = true,
                           .delivered_bytes_per_second = 1e6,
                           .round_trip = kRoundTrip,
                           .bytes_per_second = 1e8,
                           .recent_round_trip = kRoundTrip,
                           .starting = false};
  Timestamp now = Timestamp::FromMicros(60'000'000);

  // Updates each 10 ms; lanes that are wanted open at once where `opens`.
  void For(Duration span, bool opens = true) {
    for (const Timestamp end = now + span; now < end; now = now + Duration::Millis(10)) {
      planner.Update(input, now);
      if (opens) input.open = planner.wanted();
    }
  }
};

TEST_CASE("a long round trip asks for more first windows, within the limits") {
  for (const auto& [rtt_ms, lanes] :
       {std::pair{0, 4}, {10, 4}, {40, 5}, {50, 6}, {100, 11}, {900, 16}}) {
    Run run;
    run.input.round_trip = Duration::Millis(rtt_ms);
    run.For(Duration::Seconds(3));
    CHECK(run.planner.wanted() == static_cast<size_t>(lanes));
  }
}

TEST_CASE("in a round trip six more lanes are asked for, and fewer at once") {
  Run run;
  run.planner = LanePlanner({1, 64});
  run.input.round_trip = Duration::Millis(600);
  run.For(Duration::Millis(10));
  CHECK(run.planner.wanted() <= 10);
  const size_t at_first = run.planner.wanted();
  run.For(Duration::Millis(90));
  CHECK(run.planner.wanted() == at_first);
  run.For(Duration::Millis(20));
  CHECK(run.planner.wanted() == at_first + 1);
  run.For(Duration::Millis(600));
  CHECK(run.planner.wanted() == at_first + 7);
  // The rate is known: the path needs three.
  run.input.bytes_per_second = 20'000;
  run.input.open = 3;
  run.For(Duration::Millis(10));
  CHECK(run.planner.wanted() == 4);
}

TEST_CASE("a long path asks for no more first windows than its rate needs, once that is known") {
  for (const auto& [rtt_ms, known, lanes] : {std::tuple{300, 0.0, 32},
                                             {300, 1e6, 26},
                                             {300, 250'000.0, 9},
                                             {300, 20'000.0, 3},
                                             {300, 1e8, 32},
                                             {200, 250'000.0, 16}}) {
    CAPTURE(rtt_ms, known);
    Run run;
    run.planner = LanePlanner({1, 32});
    run.input.round_trip = Duration::Millis(rtt_ms);
    run.input.was_full = known > 0;
    if (known > 0) run.input.bytes_per_second = known;
    run.For(Duration::Seconds(3));
    CHECK(run.planner.wanted() == static_cast<size_t>(lanes));
  }
}

TEST_CASE(
    "where a lane's first timeout comes before its first acknowledgement, more lanes are wanted") {
  // Below and from 500 ms on; the path holds 62,500 bytes: six first windows, or 14 of the least.
  for (const auto& [rtt_ms, most, lanes] :
       {std::tuple{499, 64, 9}, {500, 64, 17}, {500, 16, 16}, {500, 4, 4}}) {
    CAPTURE(rtt_ms, most);
    Run run;
    run.planner = LanePlanner({1, static_cast<size_t>(most)});
    run.input.round_trip = Duration::Millis(rtt_ms);
    run.input.bytes_per_second = 125'000;
    run.input.starting = true;
    run.For(Duration::Seconds(3));
    CHECK(run.planner.wanted() == static_cast<size_t>(lanes));
  }
}

TEST_CASE(
    "on such a path a rate that falls for a while closes no lane that is open, and opens none") {
  Run run;
  run.planner = LanePlanner({1, 64});
  run.input.round_trip = Duration::Millis(600);
  run.input.bytes_per_second = 500'000;
  run.input.starting = true;
  run.input.lanes_share = 0.5;
  run.For(Duration::Seconds(6));
  const size_t before = run.planner.wanted();
  REQUIRE(before > 40);
  run.input.open = 30;
  run.input.bytes_per_second = 100'000;
  run.input.was_full = true;
  run.For(Duration::Millis(50), false);
  CHECK(run.planner.wanted() == 30);
}

TEST_CASE("more than 32 lanes are wanted on such paths only") {
  for (const auto& [rtt_ms, lanes] : {std::pair{100, 32}, {300, 32}, {499, 32}, {500, 64}}) {
    CAPTURE(rtt_ms);
    Run run;
    run.planner = LanePlanner({1, 64});
    run.input.round_trip = Duration::Millis(rtt_ms);
    run.input.bytes_per_second = 1e7;
    run.input.lanes_share = 0.8;
    for (int i = 0; i < 100; ++i) {
      run.input.delivered_bytes_per_second *= 1.1;
      run.input.open = run.planner.wanted();
      run.For(Duration::Seconds(1));
    }
    CHECK(run.planner.wanted() == static_cast<size_t>(lanes));
  }
}

TEST_CASE("lanes that the path does not fill are wanted only where they are cheap to open") {
  // Paths of two, three and 54 least windows. 80 ms carry what it takes to open 1, 2 and 40 lanes.
  for (const auto& [bytes_per_second, lanes] :
       {std::pair{62'500.0, 4}, {125'000.0, 6}, {2.5e6, 32}}) {
    CAPTURE(bytes_per_second);
    Run run;
    run.planner = LanePlanner({1, 32});
    run.input.round_trip = Duration::Millis(100);
    run.input.bytes_per_second = bytes_per_second;
    run.input.was_full = true;
    run.input.lanes_share = 0.8;
    // More lanes always carry more.
    for (int i = 0; i < 100; ++i) {
      run.input.delivered_bytes_per_second *= 1.1;
      run.For(Duration::Millis(100));
    }
    CHECK(run.planner.wanted() == static_cast<size_t>(lanes));
  }
}

TEST_CASE("a round trip that turns out shorter asks for fewer, unless more have paid") {
  Run run;
  run.input.round_trip = Duration::Millis(100);
  run.For(Duration::Millis(20));
  run.input.round_trip = kRoundTrip;
  run.For(Duration::Millis(20));
  CHECK(run.planner.wanted() == 4);
  run.input.lanes_share = 0.8;
  run.For(Duration::Millis(20));
  run.input.round_trip = Duration::Millis(10);
  run.input.delivered_bytes_per_second = 2e6;
  run.For(Duration::Millis(20));
  CHECK(run.planner.wanted() == 8);
}

TEST_CASE("lanes that limit are doubled as long as that pays") {
  Run run;
  run.input.lanes_share = 0.8;
  run.For(Duration::Millis(20));
  CHECK(run.planner.wanted() == 8);
  run.input.delivered_bytes_per_second = 2e6;
  run.For(Duration::Millis(200));
  run.input.delivered_bytes_per_second = 3e6;
  run.For(Duration::Seconds(5));
  CHECK(run.planner.wanted() == 16);
}

TEST_CASE("more than the usual number are asked for only where lanes have limited for a while") {
  Run run;
  run.planner = LanePlanner({1, 32});
  run.input.round_trip = Duration::Millis(150);
  run.For(Duration::Millis(300));
  REQUIRE(run.planner.wanted() == LanePlanner::kUsualLanes);
  run.input.lanes_share = 0.8;
  run.For(Duration::Millis(500));
  CHECK(run.planner.wanted() == 16);
  // A start that windows held up, and no longer do.
  run.input.lanes_share = 0;
  run.For(Duration::Millis(50));
  run.input.lanes_share = 0.8;
  run.For(Duration::Millis(500));
  CHECK(run.planner.wanted() == 16);
  run.For(Duration::Millis(200));
  CHECK(run.planner.wanted() > 16);
  run.For(Duration::Millis(400));
  CHECK(run.planner.wanted() == 32);
}

TEST_CASE("there is at least one lane and no more than may be, whatever the limits") {
  for (const size_t most : {1U, 2U, 3U, 4U, 5U, 16U, 17U, 32U}) {
    Run run;
    run.planner = LanePlanner({1, most});
    run.input.lanes_share = 0.8;
    CHECK(run.planner.wanted() == std::min<size_t>(most, 4));
    for (int i = 0; i < 20; ++i) {
      run.input.delivered_bytes_per_second *= 2;
      run.For(Duration::Millis(300));
    }
    CHECK(run.planner.wanted() == most);
  }
}

TEST_CASE("lanes that did not pay go again and are not asked for soon") {
  Run run;
  run.For(Duration::Seconds(2));
  run.input.lanes_share = 0.8;
  run.For(Duration::Millis(20));
  CHECK(run.planner.wanted() == 8);
  run.For(Duration::Seconds(3));
  CHECK(run.planner.wanted() == 4);
  run.For(Duration::Millis(7700));
  CHECK(run.planner.wanted() == 8);
}

TEST_CASE("lanes are judged by what arrived when they came, not by the end of a start before") {
  Run run;
  run.For(Duration::Seconds(2));
  run.input.lanes_share = 0.8;
  run.input.delivered_bytes_per_second = 5e6;
  run.For(Duration::Millis(20), false);
  REQUIRE(run.planner.wanted() == 8);
  // Losses take the windows down while the lanes are made.
  run.input.delivered_bytes_per_second = 3e6;
  run.For(Duration::Millis(200), false);
  run.For(Duration::Millis(200));
  // The new ones carry a third more: so do the next.
  run.input.delivered_bytes_per_second = 4e6;
  run.For(Duration::Millis(200));
  CHECK(run.planner.wanted() == 16);
}

TEST_CASE("lanes that are not there yet are waited for") {
  Run run;
  run.input.lanes_share = 0.8;
  run.input.open = 5;
  run.For(Duration::Seconds(20), false);
  CHECK(run.planner.wanted() == 8);
}

TEST_CASE("a link with a queue needs no lanes, and lanes that never limit go within seconds") {
  Run run;
  run.input.lanes_share = 0.8;
  run.input.has_room = false;
  run.For(Duration::Seconds(2));
  CHECK(run.planner.wanted() == 4);
  run.input.has_room = true;
  run.For(Duration::Millis(100));
  run.input.delivered_bytes_per_second = 2e6;
  run.input.lanes_share = 0;
  run.For(Duration::Seconds(1));
  CHECK(run.planner.wanted() == 8);
  run.For(Duration::Seconds(3));
  CHECK(run.planner.wanted() < 8);
  run.For(Duration::Seconds(5));
  CHECK(run.planner.wanted() == 4);
}

TEST_CASE("a start fills the path with first windows, unless losses hold windows down") {
  Run run;
  run.planner = LanePlanner({1, 32});
  run.input.round_trip = Duration::Millis(100);
  run.input.bytes_per_second = 1e6;
  run.input.lanes_share = 0.8;
  run.input.open = 32;
  run.input.starting = true;
  run.planner.Update(run.input, run.now);
  CHECK(run.planner.usable() == 9);
  run.input.was_full = true;
  run.planner.Update(run.input, run.now);
  CHECK(run.planner.usable() == 22);
  // Other limits say nothing about windows.
  run.input.lanes_share = 0;
  run.planner.Update(run.input, run.now);
  CHECK(run.planner.usable() == 9);
}

TEST_CASE("a lane is given up for standing still, for holding too much, or for what it lacks") {
  Run run;
  run.For(Duration::Millis(100));
  const Timestamp now = run.now;
  CHECK(run.planner.IsCollapsed({true, 1e6, 1e6, 0}, now));
  CHECK_FALSE(run.planner.IsCollapsed({false, 1e5, 1e6, 90'000}, now));
  CHECK(run.planner.IsCollapsed({false, 1e5, 1e6, 110'000}, now));
  // Slow lanes among slow ones stay.
  CHECK_FALSE(run.planner.IsCollapsed({false, 1e3, 2e3, 110'000}, now));
  run.input.lanes_share = 0.5;
  run.planner.Update(run.input, now);
  CHECK(run.planner.IsCollapsed({false, 1e5, 1e6, 90'000}, now));
  run.planner.OnRetired(now);
  CHECK_FALSE(run.planner.IsCollapsed({false, 1e5, 1e6, 90'000}, now));
}

}  // namespace
}  // namespace millrace
