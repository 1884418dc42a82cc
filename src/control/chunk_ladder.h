// How large a chunk suits a link: ladders of link quality, as pure functions.
#pragma once

#include <cstddef>
#include <cstdint>

namespace millrace {

enum class Ladder : uint8_t {
  kDefault,
  kStrict,  // Asks for less loss, and forgives a long round trip where there is nearly no loss.
};

// What a ladder looks at. Every number is finite and not negative.
struct LinkState {
  double rtt_ms = 0;
  double loss = 0;  // 0 to 1.
  double bytes_per_second = 0;

  // The same link with every number worse by `factor`, which is above 0; below 1: better.
  LinkState WorseBy(double factor) const {
    return {rtt_ms * factor, loss * factor, bytes_per_second / factor};
  }
};

inline constexpr size_t kLeastChunkBytes = 16 * 1024;
inline constexpr size_t kMostChunkBytes = 4 * 1024 * 1024;

// The ladder's chunk, or the one of the LAN tier (B3) that the link has reached. Never larger for a
// worse link.
size_t ChunkBytesFor(Ladder ladder, const LinkState& link);

}  // namespace millrace
