// What one decision of the bandwidth adapter costs (requirement E1).
#pragma once

#include <cstddef>

namespace millrace::bench {

// ns for one sample of so many channels: the median of many rounds.
double AdapterDecisionNanos(size_t channels);

}  // namespace millrace::bench
