// What travels between two modelled SCTP endpoints.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/range_set.h"

namespace millrace::testing {

// A user message on its way. Its bytes stay in one place; fragments only count.
struct SctpMessage {
  std::vector<uint8_t> bytes;
  size_t channel = 0;            // Of its association.
  uint64_t sequence = 0;         // For ordered delivery within its channel.
  size_t fragments_missing = 0;  // At the receiver.
  bool abandoned = false;        // By its sender.
};

// What a SACK chunk tells the sender.
struct SctpSack {
  uint64_t expected = 0;  // The next TSN in order.
  std::vector<Range> gap_blocks;
};

// One chunk of DATA, with a SACK where one is owed; or a SACK or a FORWARD-TSN alone.
struct SctpPacket {
  std::optional<SctpSack> sack;
  std::optional<uint64_t> forward_to;    // No TSN below it comes any more (RFC 3758).
  std::shared_ptr<SctpMessage> message;  // Of the DATA chunk; null without one.
  uint64_t tsn = 0;                      // Of the DATA chunk.
  size_t wire_bytes = 0;                 // With all headers down to IP.
};

}  // namespace millrace::testing
