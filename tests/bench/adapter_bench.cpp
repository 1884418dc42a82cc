#include "bench/adapter_bench.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "bench/step_timer.h"
#include "mesh/bandwidth_adapter.h"
#include "support/random.h"

namespace millrace::bench {
namespace {

constexpr size_t kRounds = 200;
// Of one round, so that reading the clock does not count.
constexpr size_t kDecisions = 500;

}  // namespace

double AdapterDecisionNanos(size_t channels) {
  // Around all four thresholds, so that the mode does change.
  testing::Random random(1);
  std::vector<std::vector<uint64_t>> samples(16, std::vector<uint64_t>(channels));
  for (std::vector<uint64_t>& sample : samples) {
    const uint64_t most = random.Between(64 * 1024, 2 * 1024 * 1024);
    for (uint64_t& amount : sample) amount = random.Below(most);
  }
  const BandwidthOptions options;
  BandwidthAdapter adapter(options);
  Timestamp now;
  size_t changes = 0;
  std::vector<double> rounds;
  for (size_t round = 0; round < kRounds; ++round) {
    const double began = NowNanos();
    for (size_t i = 0; i < kDecisions; ++i) {
      now = now + options.sample_interval;
      if (adapter.Sample(samples[i % samples.size()], now)) ++changes;
    }
    rounds.push_back((NowNanos() - began) / static_cast<double>(kDecisions));
  }
  std::nth_element(rounds.begin(), rounds.begin() + kRounds / 2, rounds.end());
  // What is never looked at might not be computed.
  return changes == 0 ? 0 : rounds[kRounds / 2];
}

}  // namespace millrace::bench
