// What travels between two modelled SCTP endpoints.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/range_set.h"

namespace millrace::testing {

// A user message on its way. Its bytes stay in one place; fragments only count.
struct SctpMessage {
  std::vector<uint8_t> bytes;
  uint64_t sequence = 0;         // For ordered delivery.
  size_t fragments_missing = 0;  // At the receiver.
};

// One DATA chunk or one SACK; dcSCTP sends them apart while there is bulk.
struct SctpPacket {
  bool is_sack = false;
  uint64_t tsn = 0;  // Of the DATA chunk; of a SACK, the next one expected.
  std::vector<Range> gap_blocks;
  std::shared_ptr<SctpMessage> message;
  size_t wire_bytes = 0;  // With all headers down to IP.
};

}  // namespace millrace::testing
