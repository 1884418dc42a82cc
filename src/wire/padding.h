// How sizes are rounded up in a session with privacy, so that they tell less (PROTOCOL, "Privacy").
#pragma once

#include <cstddef>
#include <cstdint>

#include "wire/limits.h"

namespace millrace {

// The size that a control record is padded to: 256, 1,024, 4,096 or kMaxControlRecordBytes bytes.
// `bytes` is at most the last of them.
size_t PaddedControlBytes(size_t bytes);

// Padmé: of a number of n bits all but the first log2(n) become zero, upwards, so that it grows by
// at most 12 % and gives away about log2(n) bits of itself. Source: Nikitin et al., "Reducing
// Metadata Leakage from Encrypted Files and Communication with PURBs", section 4.
uint64_t PaddedTotal(uint64_t count);

}  // namespace millrace
