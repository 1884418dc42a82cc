// The two ends of the link.
#pragma once

#include <cstdint>

namespace millrace::emulator {

enum class Side : uint8_t { kA, kB };

inline Side Opposite(Side side) { return side == Side::kA ? Side::kB : Side::kA; }

}  // namespace millrace::emulator
