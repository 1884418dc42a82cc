// Numbers that must not be mixed up: each kind of id is a type of its own.
#pragma once

#include <compare>
#include <cstdint>

namespace millrace {

template <typename Tag, typename Number>
struct StrongId {
  Number value = 0;

  constexpr StrongId() = default;
  constexpr explicit StrongId(Number number) : value(number) {}
  constexpr auto operator<=>(const StrongId&) const = default;
};

// A channel that carries records. The control lane and the pulse lane are two channels of the
// control connection; every other lane is a peer connection of its own that carries bulk.
using LaneId = StrongId<struct LaneTag, uint32_t>;
// A transfer within a session. Even numbers are offered by the initiator, odd ones by the
// responder.
using TransferId = StrongId<struct TransferTag, uint32_t>;
// The position of a file in its transfer's manifest, from 0.
using FileIndex = StrongId<struct FileTag, uint32_t>;
// The number of a record on its lane and in its direction, from 0; never used twice under one key.
using PacketNumber = StrongId<struct PacketTag, uint64_t>;

inline constexpr LaneId kControlLane{0};
// Pings, pongs and acknowledgements. Bulk lanes count from 1 and never come here.
inline constexpr LaneId kPulseLane{0xffff'ffff};

// Whether a lane is a channel of the control connection.
constexpr bool IsOfControlConnection(LaneId id) { return id == kControlLane || id == kPulseLane; }

}  // namespace millrace
