#include "population/random_link.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "support/random.h"

namespace millrace::population {
namespace {

using testing::kPayloadShare;
using testing::LinkChange;
using testing::LinkPlan;
using testing::Random;
using testing::SharedLinkOptions;

struct Span {
  double low;
  double high;
};

// What one kind of access network is like, with the way through the internet behind it. Values are
// drawn evenly on a logarithmic scale. Satellites are rarer than the others.
struct AccessKind {
  const char* name;
  uint64_t weight;  // Of a hundred links.
  Span down_mbits;
  Span up_mbits;
  Span rtt_ms;
  Span jitter_ms;
  double lossy_share;  // Of the links, the others lose nothing but what their queues drop.
  Span loss;
  double most_burst_packets;
  Span queue_ms;
};

constexpr AccessKind kKinds[] = {
    {"dsl", 18, {3, 100}, {0.4, 20}, {20, 80}, {0.05, 2}, 0.3, {0.0005, 0.005}, 2, {30, 1000}},
    {"cable", 18, {30, 400}, {3, 40}, {12, 70}, {0.5, 5}, 0.2, {0.0001, 0.002}, 3, {20, 400}},
    {"fibre", 14, {50, 400}, {30, 400}, {2, 60}, {0.02, 0.5}, 0.1, {0.0001, 0.001}, 1, {5, 100}},
    {"wifi", 18, {8, 200}, {8, 150}, {4, 80}, {1, 20}, 0.5, {0.0005, 0.01}, 5, {30, 400}},
    {"lte", 14, {4, 80}, {1, 25}, {40, 150}, {2, 15}, 0.4, {0.0003, 0.005}, 3, {100, 2000}},
    {"5g", 10, {30, 300}, {5, 60}, {15, 70}, {1, 8}, 0.3, {0.0001, 0.003}, 3, {50, 800}},
    {"leo", 5, {25, 200}, {4, 25}, {30, 110}, {2, 10}, 0.8, {0.0005, 0.01}, 6, {40, 400}},
    {"geo", 3, {3, 60}, {1, 6}, {560, 760}, {1, 10}, 0.5, {0.0005, 0.01}, 3, {100, 1000}},
};

constexpr double kMostMbits = 400;
// Eight packets.
constexpr double kLeastQueueBytes = 10'000;
constexpr double kPolicedShare = 0.05;
constexpr double kChangingShare = 1.0 / 3;
constexpr double kSeconds = 10;

double Uniform(Random& random, Span span) {
  const double unit = static_cast<double>(random.Next() >> 11) / 9007199254740992.0;
  return span.low + (span.high - span.low) * unit;
}

double LogUniform(Random& random, Span span) {
  return std::exp(Uniform(random, {std::log(span.low), std::log(span.high)}));
}

// To three digits, so that a plan reads well.
double Rounded(double value) {
  if (value == 0) return 0;
  const double unit = std::pow(10, std::floor(std::log10(std::abs(value))) - 2);
  return std::round(value / unit) * unit;
}

const AccessKind& DrawKind(Random& random) {
  uint64_t ticket = random.Below(100);
  for (const AccessKind& kind : kKinds) {
    if (ticket < kind.weight) return kind;
    ticket -= kind.weight;
  }
  return kKinds[0];
}

Duration Millis(double millis) { return Duration::Micros(std::llround(millis * 1e3)); }

SharedLinkOptions DrawDirection(Random& random, const AccessKind& kind, double mbits,
                                double rtt_ms) {
  SharedLinkOptions link;
  link.mbits_per_second = mbits;
  link.delay = Millis(Rounded(rtt_ms / 2));
  link.jitter = Millis(Rounded(LogUniform(random, kind.jitter_ms)));
  const double queue_bytes = mbits * 125 * LogUniform(random, kind.queue_ms);
  link.queue_bytes = static_cast<size_t>(Rounded(std::max(kLeastQueueBytes, queue_bytes)));
  if (random.Chance(kind.lossy_share)) {
    link.loss = Rounded(LogUniform(random, kind.loss));
    link.burst_packets = Rounded(Uniform(random, {1, kind.most_burst_packets}));
  }
  return link;
}

// A change at `at` seconds and, for some kinds, its end.
void AddChange(Random& random, LinkPlan& plan, double at) {
  using Kind = LinkChange::Kind;
  const auto add = [&](double seconds, Kind kind, double value) {
    plan.changes.push_back({Millis(Rounded(seconds) * 1e3), kind, Rounded(value)});
  };
  const double rate = plan.links[0].mbits_per_second;
  switch (random.Below(4)) {
    case 0:
      add(at, Kind::kRate, std::min(kMostMbits / rate, LogUniform(random, {0.2, 3})));
      if (random.Chance(0.5)) add(at + Uniform(random, {1, 4}), Kind::kRate, 1);
      break;
    case 1: {
      const double most_less = plan.links[0].delay.millis() / 2;
      const bool longer = random.Chance(0.7);
      add(at, Kind::kDelay,
          longer ? LogUniform(random, {5, 60}) : -Uniform(random, {0, most_less}));
      if (random.Chance(0.5)) add(at + Uniform(random, {1, 4}), Kind::kDelay, 0);
      break;
    }
    case 2:
      add(at, Kind::kDark, LogUniform(random, {0.1, 2}));
      break;
    default:
      add(at, Kind::kLoss, LogUniform(random, {0.02, 0.3}));
      add(at + LogUniform(random, {0.1, 1}), Kind::kLoss, 0);
      break;
  }
}

}  // namespace

RandomLink DrawLink(uint64_t seed, uint64_t index) {
  // Two outputs apart, seeds and indices next to each other have nothing in common.
  Random random(Random(seed).Next() + Random(~index).Next());
  const AccessKind& kind = DrawKind(random);
  const double down = Rounded(LogUniform(random, kind.down_mbits));
  const double up = std::min(down, Rounded(LogUniform(random, kind.up_mbits)));
  const double rtt_ms = LogUniform(random, kind.rtt_ms);
  RandomLink link;
  link.kind = kind.name;
  link.upstream = random.Chance(0.5);
  link.plan.links = {DrawDirection(random, kind, link.upstream ? up : down, rtt_ms),
                     DrawDirection(random, kind, link.upstream ? down : up, rtt_ms)};
  SharedLinkOptions& forward = link.plan.links[0];
  if (random.Chance(kPolicedShare)) {
    forward.policer_mbits_per_second =
        Rounded(forward.mbits_per_second * Uniform(random, {0.3, 0.9}));
    forward.policer_burst_bytes =
        static_cast<size_t>(Rounded(LogUniform(random, {20'000, 200'000})));
  }
  const double bytes_per_second = forward.usable_mbits_per_second() * kPayloadShare / 8e-6;
  link.bytes = static_cast<uint64_t>(std::clamp(bytes_per_second * kSeconds, 0.3e6, 40e6));
  if (random.Chance(kChangingShare)) {
    const double seconds = static_cast<double>(link.bytes) / bytes_per_second;
    AddChange(random, link.plan, seconds * Uniform(random, {0.2, 0.6}));
  }
  // What is written is all there is: a replay is the same run.
  link.plan = testing::ParseLinkPlan(testing::Format(link.plan)).value();
  return link;
}

}  // namespace millrace::population
