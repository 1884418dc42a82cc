#include "report/quality_score.h"

#include <cmath>

#include "base/number.h"

namespace millrace {
namespace {

constexpr double kRttUnitMs = 300;
constexpr double kJitterUnitMs = 100;
constexpr double kLossUnit = 0.05;
constexpr double kVariationUnit = 1;

struct Factor {
  std::optional<double> value;
  double unit;
};

}  // namespace

std::optional<int> QualityScore(const LinkQuality& link) {
  const Factor factors[] = {{link.rtt_ms, kRttUnitMs},
                            {link.jitter_ms, kJitterUnitMs},
                            {link.loss, kLossUnit},
                            {link.throughput_variation, kVariationUnit}};
  double score = 100;
  bool known = false;
  for (const Factor& factor : factors) {
    if (!factor.value || !IsAmount(*factor.value)) continue;
    known = true;
    const double x = *factor.value / factor.unit;
    score /= 1 + x * x;
  }
  if (!known) return std::nullopt;
  return static_cast<int>(std::lround(score));
}

}  // namespace millrace
