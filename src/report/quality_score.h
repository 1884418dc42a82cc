// The quality of a link as one number from 0 to 100.
#pragma once

#include <optional>

namespace millrace {

// Measurements of a link. Numbers that are not finite, or negative, count as unknown.
struct LinkQuality {
  std::optional<double> rtt_ms;
  std::optional<double> jitter_ms;
  std::optional<double> loss;                  // 0 to 1.
  std::optional<double> throughput_variation;  // Standard deviation over mean.
};

// 100 · h(rtt / 300 ms) · h(jitter / 100 ms) · h(loss / 5 %) · h(variation / 1), rounded, where
// h(x) = 1 / (1 + x²), which is 1 at 0, 1/2 at 1, and falls. Each divisor is the value at which a
// person calls the link bad for that reason alone: the round trip that disturbs a conversation
// (ITU-T G.114 allows 150 ms one way), a third of it as jitter, the loss of the bottleneck rule,
// and a throughput that stops as often as it runs. Unknown numbers count as 0; the answer is
// nothing where all are unknown.
std::optional<int> QualityScore(const LinkQuality& link);

}  // namespace millrace
