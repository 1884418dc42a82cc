// The bottleneck of a transfer, by rules over measurements, and what to do about it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "report/waiting.h"

namespace millrace {

enum class Bottleneck : uint8_t {
  kNone,
  kNetworkBandwidth,
  kNetworkLatency,
  kBackpressure,
  kCpu,
  kMemory,
};

// The measurements. Numbers that are not finite, or negative, count as unknown; no rule acts on an
// unknown number.
struct BottleneckFacts {
  std::optional<double> loss;  // 0 to 1.
  std::optional<double> rtt_ms;
  std::optional<double> jitter_ms;
  std::optional<double> throughput_variation;  // Standard deviation over mean.
  std::optional<double> bytes_per_second;
  std::optional<double> memory_share;  // Of the available memory, in use; 0 to 1.
  std::optional<WaitingShares> waiting;
};

// The first rule that holds:
//   memory             more than 90 % in use
//   what was waited for, at least half of the time, where that was not the network:
//                      seal: cpu;  channel or sink: backpressure;  source: none.
//                      A busy side also delays the pings that measure round trips.
//   network-bandwidth  loss above 5 %
//   network-latency    round trip above 200 ms, or jitter above 50 ms
// then, where waiting times were measured:
//   network-bandwidth  at least half of the time was spent waiting for the network
// and where they were not:
//   backpressure       throughput varies by more than 50 %
//   cpu                below 1 MB/s on a link with round trips below 50 ms and losses below 1 %
Bottleneck FindBottleneck(const BottleneckFacts& known);

// The name in the API, for example "network-latency".
std::string_view NameOf(Bottleneck bottleneck);

// A recommendation in plain words: about the bottleneck, or, where there is none, about what the
// transfer waited for.
std::string_view RecommendationFor(Bottleneck bottleneck,
                                   const std::optional<WaitingShares>& waiting);

// What a developer can do about it in code, with names of the API.
std::string_view TechnicalAdviceFor(Bottleneck bottleneck);

}  // namespace millrace
