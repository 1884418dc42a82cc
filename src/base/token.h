// The name of a transfer beyond its session: 128 bits that tell nothing, given by the sender.
#pragma once

#include <array>
#include <cstdint>

namespace millrace {

using TransferToken = std::array<uint8_t, 16>;

}  // namespace millrace
