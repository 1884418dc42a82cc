// Checks the model of SCTP: a naive pump has to reach on it what was measured in browsers.
// Otherwise nothing that is developed on the model would mean anything.

#include <algorithm>
#include <catch2/catch_test_macros.hpp>

#include "support/naive_pump.h"

namespace millrace {
namespace {

using testing::NaivePump;
using testing::PumpResult;
using testing::SharedLinkOptions;

SharedLinkOptions Link(int rtt_ms, double loss, size_t queue_bytes) {
  SharedLinkOptions link;
  link.delay = Duration::Millis(rtt_ms) / 2;
  link.loss = loss;
  link.queue_bytes = queue_bytes;
  return link;
}

// The median over seeds, as the measurements in browsers are medians over runs.
PumpResult Median(const SharedLinkOptions& link, Duration span = Duration::Seconds(20)) {
  std::vector<PumpResult> results;
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    results.push_back(NaivePump(link, seed, span));
  }
  std::sort(results.begin(), results.end(), [](const PumpResult& x, const PumpResult& y) {
    return x.mbits_per_second < y.mbits_per_second;
  });
  return results[2];
}

TEST_CASE("the naive pump overshoots and falls silent on the model as on browsers") {
  const PumpResult near = Median(Link(20, 0, 250'000), Duration::Seconds(5));
  CHECK(near.mbits_per_second > 20);
  CHECK(near.mbits_per_second < 60);
  CHECK(near.longest_silence > Duration::Millis(400));
  const PumpResult far = Median(Link(100, 0, 625'000));
  CHECK(far.mbits_per_second < 6);
  // Which packets an overflow takes decides between 0.6 and 1.2 s.
  CHECK(far.longest_silence > Duration::Millis(600));
}

TEST_CASE("the naive pump gets from lossy links what Reno gets") {
  const PumpResult few = Median(Link(50, 0.001, 625'000));
  CHECK(few.mbits_per_second > 5);
  CHECK(few.mbits_per_second < 11);
  const PumpResult many = Median(Link(50, 0.01, 625'000));
  CHECK(many.mbits_per_second > 1.6);
  CHECK(many.mbits_per_second < 2.8);
}

}  // namespace
}  // namespace millrace
