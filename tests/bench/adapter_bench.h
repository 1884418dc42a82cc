// The cost of one decision of the bandwidth adapter.
#pragma once

#include <cstddef>

namespace millrace::bench {

// ns for one sample of so many channels: the median of many rounds.
double AdapterDecisionNanos(size_t channels);

}  // namespace millrace::bench
