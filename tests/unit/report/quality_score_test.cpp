#include "report/quality_score.h"

#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <limits>

#include "support/random.h"

namespace millrace {
namespace {

TEST_CASE("the score of known links") {
  struct Row {
    LinkQuality link;
    int score;
  };
  const Row rows[] = {
      {{.rtt_ms = 0, .jitter_ms = 0, .loss = 0, .throughput_variation = 0}, 100},
      {{.rtt_ms = 1}, 100},
      {{.rtt_ms = 300}, 50},
      {{.jitter_ms = 100}, 50},
      {{.loss = 0.05}, 50},
      {{.throughput_variation = 1}, 50},
      {{.rtt_ms = 300, .loss = 0.05}, 25},
      {{.rtt_ms = 100}, 90},
      {{.loss = 1}, 0},
      {{.rtt_ms = 1e308, .jitter_ms = 1e308}, 0},
  };
  for (const Row& row : rows) CHECK(QualityScore(row.link) == row.score);
}

TEST_CASE("nothing known is no score, and what is no number is not known") {
  CHECK_FALSE(QualityScore({}));
  for (const double bad :
       {static_cast<double>(NAN), -1.0, std::numeric_limits<double>::infinity()}) {
    CHECK_FALSE(QualityScore({bad, bad, bad, bad}));
    CHECK(QualityScore({.rtt_ms = 300, .loss = bad}) == 50);
  }
}

TEST_CASE("the score stays within 0 and 100, and never rises when one number gets worse") {
  testing::Random random(5);
  const auto up_to = [&random](double most) {
    return most * static_cast<double>(random.Below(1'000'001)) / 1e6;
  };
  std::optional<double> LinkQuality::*const fields[] = {&LinkQuality::rtt_ms,
                                                        &LinkQuality::jitter_ms, &LinkQuality::loss,
                                                        &LinkQuality::throughput_variation};
  const double most[] = {1000, 300, 1, 4};
  for (int i = 0; i < 20'000; ++i) {
    LinkQuality link;
    for (size_t field = 0; field < 4; ++field) {
      if (random.Chance(0.8)) link.*fields[field] = up_to(most[field]);
    }
    const std::optional<int> score = QualityScore(link);
    if (score) CHECK((*score >= 0 && *score <= 100));
    for (size_t field = 0; field < 4; ++field) {
      LinkQuality worse = link;
      worse.*fields[field] = (link.*fields[field]).value_or(0) + up_to(most[field]);
      CHECK(*QualityScore(worse) <= score.value_or(100));
    }
  }
}

}  // namespace
}  // namespace millrace
