// The controller on a population of random links, in the model, next to the naive pump.
//
//   millrace_population [--links N] [--first N] [--seed N] [--jobs N] [--list]
//   millrace_population --replay "TEXT" [--trace]
//
// Prints one JSON object a link, in the order of the population, then a summary. A row's `link` is
// the text that replays it. `--list` prints the links without running anything on them.

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "crypto/secret.h"
#include "population/measure.h"
#include "support/percentile.h"

namespace millrace::population {
namespace {

struct Arguments {
  uint64_t links = 500;
  uint64_t first = 0;
  uint64_t seed = 1;
  uint64_t jobs = 2;
  bool list = false;
  bool trace = false;
  std::optional<std::string> replay;
};

std::optional<Arguments> Parse(int count, char** values) {
  Arguments arguments;
  for (int i = 1; i < count; ++i) {
    const std::string name = values[i];
    if (name == "--list") {
      arguments.list = true;
      continue;
    }
    if (name == "--trace") {
      arguments.trace = true;
      continue;
    }
    if (++i == count) return std::nullopt;
    if (name == "--replay") {
      arguments.replay = values[i];
      continue;
    }
    char* end = nullptr;
    const uint64_t number = std::strtoull(values[i], &end, 10);
    if (*values[i] == '\0' || *end != '\0') return std::nullopt;
    if (name == "--links" && number > 0) {
      arguments.links = number;
    } else if (name == "--first") {
      arguments.first = number;
    } else if (name == "--seed") {
      arguments.seed = number;
    } else if (name == "--jobs" && number > 0) {
      arguments.jobs = number;
    } else {
      return std::nullopt;
    }
  }
  return arguments;
}

// Rows that are ready, printed in the order of the population.
class Rows {
 public:
  explicit Rows(size_t count) : rows_(count) {}

  void Add(size_t index, std::string row) {
    const std::scoped_lock lock(mutex_);
    rows_[index] = std::move(row);
    while (next_ < rows_.size() && !rows_[next_].empty()) {
      std::puts(rows_[next_++].c_str());
    }
    std::fflush(stdout);
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> rows_;
  size_t next_ = 0;
};

void PrintSummary(const std::vector<Result>& results, uint64_t seed) {
  std::vector<double> shares;
  std::vector<double> naive_shares;
  size_t below = 0;
  size_t unfinished = 0;
  for (const Result& result : results) {
    shares.push_back(result.share);
    naive_shares.push_back(result.naive_share);
    below += result.below_naive ? 1 : 0;
    unfinished += result.done ? 0 : 1;
  }
  std::printf(R"({"summary":true,"seed":%llu,"links":%zu,"median":%.4f,"p5":%.4f,"least":%.4f,)"
              R"("naiveMedian":%.4f,"belowNaive":%zu,"unfinished":%zu})"
              "\n",
              static_cast<unsigned long long>(seed), results.size(),
              testing::Percentile(shares, 0.5), testing::Percentile(shares, 0.05),
              testing::Percentile(shares, 0), testing::Percentile(naive_shares, 0.5), below,
              unfinished);
}

void RunAll(const Arguments& arguments) {
  std::vector<Result> results(arguments.links);
  Rows rows(arguments.links);
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    for (size_t i = next++; i < results.size(); i = next++) {
      const uint64_t index = arguments.first + i;
      const Trial trial{DrawLink(arguments.seed, index), index + 1};
      if (!arguments.list) results[i] = Measure(trial, false);
      rows.Add(i, ToJson(trial, results[i]));
    }
  };
  std::vector<std::thread> threads;
  for (uint64_t i = 1; i < arguments.jobs; ++i) threads.emplace_back(work);
  work();
  for (std::thread& thread : threads) thread.join();
  if (!arguments.list) PrintSummary(results, arguments.seed);
}

int Main(int count, char** values) {
  const std::optional<Arguments> arguments = Parse(count, values);
  const std::optional<Trial> trial =
      arguments && arguments->replay ? ParseTrial(*arguments->replay) : std::nullopt;
  if (!arguments || (arguments->replay && !trial)) {
    std::fputs(
        "usage: millrace_population [--links N] [--first N] [--seed N] [--jobs N] [--list]\n"
        "       millrace_population --replay \"TEXT\" [--trace]\n",
        stderr);
    return 2;
  }
  InitializeCrypto();
  if (trial) {
    std::puts(ToJson(*trial, Measure(*trial, arguments->trace)).c_str());
  } else {
    RunAll(*arguments);
  }
  return 0;
}

}  // namespace
}  // namespace millrace::population

int main(int argc, char** argv) { return millrace::population::Main(argc, argv); }
