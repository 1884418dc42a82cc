#include "report/bottleneck.h"

#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <set>
#include <utility>

namespace millrace {
namespace {

WaitingShares Mostly(Waiting waiting, double share = 0.6) {
  WaitingShares shares;
  shares.fill((1 - share) / 4);
  shares[static_cast<size_t>(waiting)] = share;
  return shares;
}

TEST_CASE("each rule, on both sides of its bound") {
  struct Row {
    BottleneckFacts facts;
    Bottleneck bottleneck;
  };
  const Row rows[] = {
      {{}, Bottleneck::kNone},
      {{.loss = 0.05}, Bottleneck::kNone},
      {{.loss = 0.0501}, Bottleneck::kNetworkBandwidth},
      {{.rtt_ms = 200}, Bottleneck::kNone},
      {{.rtt_ms = 200.1}, Bottleneck::kNetworkLatency},
      {{.jitter_ms = 50}, Bottleneck::kNone},
      {{.jitter_ms = 50.1}, Bottleneck::kNetworkLatency},
      {{.throughput_variation = 0.5}, Bottleneck::kNone},
      {{.throughput_variation = 0.51}, Bottleneck::kBackpressure},
      {{.rtt_ms = 49.9, .bytes_per_second = 999'999}, Bottleneck::kCpu},
      {{.loss = 0.01, .rtt_ms = 49.9, .bytes_per_second = 0}, Bottleneck::kCpu},
      {{.rtt_ms = 49.9, .bytes_per_second = 1e6}, Bottleneck::kNone},
      {{.rtt_ms = 50, .bytes_per_second = 0}, Bottleneck::kNone},
      {{.loss = 0.011, .rtt_ms = 10, .bytes_per_second = 0}, Bottleneck::kNone},
      {{.bytes_per_second = 0}, Bottleneck::kNone},
      {{.memory_share = 0.9}, Bottleneck::kNone},
      {{.memory_share = 0.91}, Bottleneck::kMemory},
  };
  for (const Row& row : rows) CHECK(NameOf(FindBottleneck(row.facts)) == NameOf(row.bottleneck));
}

TEST_CASE("of several, the one that explains the others is named") {
  BottleneckFacts facts{.loss = 0.2,
                        .rtt_ms = 500,
                        .throughput_variation = 2,
                        .bytes_per_second = 0,
                        .memory_share = 1};
  CHECK(FindBottleneck(facts) == Bottleneck::kMemory);
  facts.memory_share = 0;
  CHECK(FindBottleneck(facts) == Bottleneck::kNetworkBandwidth);
  facts.loss = 0;
  CHECK(FindBottleneck(facts) == Bottleneck::kNetworkLatency);
  facts.rtt_ms = 10;
  CHECK(FindBottleneck(facts) == Bottleneck::kBackpressure);
  facts.throughput_variation = 0;
  CHECK(FindBottleneck(facts) == Bottleneck::kCpu);
}

TEST_CASE("what was measured to be waited for counts before what throughput suggests") {
  struct Row {
    Waiting waiting;
    Bottleneck bottleneck;
  };
  for (const Row& row : {Row{Waiting::kSource, Bottleneck::kNone},
                         {Waiting::kSeal, Bottleneck::kCpu},
                         {Waiting::kChannel, Bottleneck::kBackpressure},
                         {Waiting::kNetwork, Bottleneck::kNetworkBandwidth},
                         {Waiting::kSink, Bottleneck::kBackpressure}}) {
    BottleneckFacts facts{.rtt_ms = 10,
                          .throughput_variation = 2,
                          .bytes_per_second = 10,
                          .waiting = Mostly(row.waiting)};
    CHECK(NameOf(FindBottleneck(facts)) == NameOf(row.bottleneck));
    facts.waiting = Mostly(row.waiting, 0.49);
    CHECK(FindBottleneck(facts) == Bottleneck::kNone);
    facts.loss = 0.06;
    CHECK(FindBottleneck(facts) == Bottleneck::kNetworkBandwidth);
  }
}

TEST_CASE("what either end is waited for is named before the round trips that it delays") {
  for (const auto& [waiting, bottleneck] : {std::pair{Waiting::kSource, Bottleneck::kNone},
                                            {Waiting::kSeal, Bottleneck::kCpu},
                                            {Waiting::kChannel, Bottleneck::kBackpressure},
                                            {Waiting::kSink, Bottleneck::kBackpressure},
                                            {Waiting::kNetwork, Bottleneck::kNetworkLatency}}) {
    BottleneckFacts facts{.rtt_ms = 500, .jitter_ms = 90, .waiting = Mostly(waiting)};
    CHECK(NameOf(FindBottleneck(facts)) == NameOf(bottleneck));
    facts.waiting = Mostly(waiting, 0.49);
    CHECK(FindBottleneck(facts) == Bottleneck::kNetworkLatency);
  }
}

TEST_CASE("what is no number is not known") {
  for (const double bad : {static_cast<double>(NAN), -1.0, static_cast<double>(INFINITY)}) {
    CHECK(FindBottleneck({.loss = bad,
                          .rtt_ms = bad,
                          .jitter_ms = bad,
                          .throughput_variation = bad,
                          .bytes_per_second = bad,
                          .memory_share = bad}) == Bottleneck::kNone);
  }
}

TEST_CASE("each bottleneck, and each thing waited for, has words of its own") {
  std::set<std::string_view> words;
  for (const Bottleneck bottleneck :
       {Bottleneck::kNone, Bottleneck::kNetworkBandwidth, Bottleneck::kNetworkLatency,
        Bottleneck::kBackpressure, Bottleneck::kCpu, Bottleneck::kMemory}) {
    words.insert(RecommendationFor(bottleneck, std::nullopt));
  }
  words.insert(RecommendationFor(Bottleneck::kNone, Mostly(Waiting::kSource)));
  words.insert(RecommendationFor(Bottleneck::kBackpressure, Mostly(Waiting::kSink)));
  words.insert(RecommendationFor(Bottleneck::kBackpressure, Mostly(Waiting::kChannel)));
  CHECK(words.size() == 9);
}

TEST_CASE("each bottleneck has technical advice of its own, and none needs none") {
  CHECK(TechnicalAdviceFor(Bottleneck::kNone).empty());
  CHECK(TechnicalAdviceFor(Bottleneck::kNetworkBandwidth).find("Compress") == 0);
  CHECK(TechnicalAdviceFor(Bottleneck::kNetworkLatency).find("lanes") != std::string_view::npos);
  CHECK(TechnicalAdviceFor(Bottleneck::kBackpressure).find("fewer") != std::string_view::npos);
  CHECK(TechnicalAdviceFor(Bottleneck::kCpu).find("encryption") != std::string_view::npos);
  CHECK(TechnicalAdviceFor(Bottleneck::kMemory).find("chunkSize") != std::string_view::npos);
}

}  // namespace
}  // namespace millrace
