// Percentiles of what a simulation measured.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace millrace::testing {

// The value below which `share` (0 to 1) of the values lie; T() where there are none.
template <typename T>
T Percentile(std::vector<T> values, double share) {
  if (values.empty()) return T();
  const auto rank = static_cast<size_t>(static_cast<double>(values.size() - 1) * share);
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(rank),
                   values.end());
  return values[rank];
}

}  // namespace millrace::testing
