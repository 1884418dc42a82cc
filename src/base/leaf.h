// The grids that files lie on: the leaf for hashing, the grain for sending.
#pragma once

#include <cstddef>

namespace millrace {

// The unit of hashing, and of what a receiver holds from an earlier attempt.
inline constexpr size_t kLeafBytes = 16 * 1024;
// The unit of sending: DATA starts on a multiple of it and, except at a file's end, ends on one. A
// record of one grain, with all headers, fits into one packet of the network.
inline constexpr size_t kGrainBytes = 1024;
inline constexpr size_t kLeafGrains = kLeafBytes / kGrainBytes;
static_assert(kLeafBytes % kGrainBytes == 0);

}  // namespace millrace
