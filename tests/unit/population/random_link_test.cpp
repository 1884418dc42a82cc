#include "population/random_link.h"

#include <catch2/catch_test_macros.hpp>
#include <map>
#include <set>
#include <string>

#include "population/measure.h"

namespace millrace::population {
namespace {

constexpr uint64_t kLinks = 2000;

TEST_CASE("random links cover all kinds, both directions and changes, within bounds") {
  std::map<std::string, uint64_t> kinds;
  uint64_t upstream = 0;
  uint64_t changing = 0;
  for (uint64_t i = 0; i < kLinks; ++i) {
    const RandomLink link = DrawLink(1, i);
    CAPTURE(i, link.kind);
    ++kinds[link.kind];
    upstream += link.upstream ? 1 : 0;
    changing += link.plan.changes.empty() ? 0 : 1;
    for (const testing::SharedLinkOptions& direction : link.plan.links) {
      CHECK(direction.usable_mbits_per_second() > 0.1);
      CHECK(direction.mbits_per_second <= 400);
      CHECK(direction.delay >= Duration::Micros(900));
      CHECK(direction.delay <= Duration::Millis(400));
      CHECK(direction.queue_bytes >= 10'000);
      CHECK(direction.loss <= 0.01);
    }
    CHECK(link.bytes >= 300'000);
    CHECK(link.bytes <= 40'000'000);
  }
  CHECK(kinds.size() == 8);
  for (const auto& [kind, count] : kinds) CHECK(count > kLinks / 50);
  CHECK(upstream > kLinks * 45 / 100);
  CHECK(upstream < kLinks * 55 / 100);
  CHECK(changing > kLinks * 28 / 100);
  CHECK(changing < kLinks * 38 / 100);
}

TEST_CASE("a seed and an index name one link, and links differ") {
  std::set<std::string> texts;
  for (const uint64_t seed : {1u, 2u}) {
    for (uint64_t i = 0; i < 100; ++i) {
      const std::string text = Format(Trial{DrawLink(seed, i), 1});
      CHECK(text == Format(Trial{DrawLink(seed, i), 1}));
      texts.insert(text);
    }
  }
  CHECK(texts.size() == 200);
}

TEST_CASE("every random link reads back from its text") {
  for (uint64_t i = 0; i < 200; ++i) {
    const Trial trial{DrawLink(3, i), i};
    const std::string text = Format(trial);
    CAPTURE(text);
    const auto read = ParseTrial(text);
    REQUIRE(read);
    CHECK(Format(*read) == text);
    // And is the same link: what is written is all there is.
    CHECK(read->link.plan.links[0].queue_bytes == trial.link.plan.links[0].queue_bytes);
    CHECK(read->link.plan.links[1].delay == trial.link.plan.links[1].delay);
    CHECK(read->link.plan.links[0].loss == trial.link.plan.links[0].loss);
  }
  CHECK_FALSE(ParseTrial(""));
  CHECK_FALSE(ParseTrial("1 1000 dsl sideways 20:25:9:0:1:0:0:9 20:25:9:0:1:0:0:9"));
  CHECK_FALSE(ParseTrial("1 0 dsl up 20:25:9:0:1:0:0:9 20:25:9:0:1:0:0:9"));
}

TEST_CASE("a trial measures the same again when it is replayed") {
  const auto trial = ParseTrial(
      "7 500000 dsl up 4:15:40000:0.002:1:1:0:50000 20:15:90000:0:1:1:0:50000 "
      "0.4:dark:0.2");
  REQUIRE(trial);
  const Result result = Measure(*trial, false);
  CHECK(result.done);
  CHECK(result.share > 0.2);
  CHECK(result.share <= 1);
  CHECK(result.took > Duration::Seconds(1));
  const Result again = Measure(*trial, false);
  CHECK(again.took == result.took);
  CHECK(again.naive_share == result.naive_share);
}

}  // namespace
}  // namespace millrace::population
