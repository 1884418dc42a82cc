// What holds a transfer back, by rules over what was measured, and what to do about it (requirement
// D3).
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

// What is known. Numbers that are not finite, or negative, count as unknown, and no rule acts on
// what is unknown.
struct BottleneckFacts {
  std::optional<double> loss;  // 0 to 1.
  std::optional<double> rtt_ms;
  std::optional<double> jitter_ms;
  std::optional<double> throughput_variation;  // Standard deviation over mean.
  std::optional<double> bytes_per_second;
  std::optional<double> memory_share;  // In use of what there is, 0 to 1.
  std::optional<WaitingShares> waiting;
};

// The first rule that holds:
//   memory             more than 90 % in use
//   cpu                it was measured that this side's processor was waited for at least half of
//                      the time: it also delays the pings that tell round trips
//   network-bandwidth  loss above 5 %
//   network-latency    round trip above 200 ms, or jitter above 50 ms
// then, where it was measured what was waited for at least half of the time:
//   channel or sink: backpressure;  network: network-bandwidth;  source: none
// and where that was not measured:
//   backpressure       throughput varies by more than 50 %
//   cpu                below 1 MB/s on a link with round trips below 50 ms and losses below 1 %
Bottleneck FindBottleneck(const BottleneckFacts& facts);

// The name of the outside, for example "network-latency".
std::string_view NameOf(Bottleneck bottleneck);

// What to do, in plain words: about the bottleneck, and where there is none, about what was waited
// for.
std::string_view RecommendationFor(Bottleneck bottleneck,
                                   const std::optional<WaitingShares>& waiting);

}  // namespace millrace
