// One number for how good a link is: 0 to 100 (requirement D2).
#pragma once

#include <optional>

namespace millrace {

// What is known of a link. Numbers that are not finite, or negative, count as unknown.
struct LinkQuality {
  std::optional<double> rtt_ms;
  std::optional<double> jitter_ms;
  std::optional<double> loss;                  // 0 to 1.
  std::optional<double> throughput_variation;  // Standard deviation over mean.
};

// 100 · h(rtt / 300 ms) · h(jitter / 100 ms) · h(loss / 5 %) · h(variation / 1), rounded, where
// h(x) = 1 / (1 + x²): one for nothing, a half at the unit, and never rising. Each unit is where a
// person calls the link bad by that alone: a round trip beyond which talking stumbles (ITU-T G.114
// allows 150 ms one way), half of it as jitter takes a third, losses of the bottleneck rule, and a
// throughput that stops as often as it runs. What is unknown is not held against the link; nothing
// where all is.
std::optional<int> QualityScore(const LinkQuality& link);

}  // namespace millrace
