// What a modelled link carries: packets of SCTP associations, and those of other traffic.
#pragma once

#include <cstddef>
#include <cstdint>
#include <variant>
#include <vector>

#include "base/range_set.h"
#include "base/time.h"
#include "support/sctp_packet.h"

namespace millrace::testing {

// A packet of other traffic on the link: a segment, its acknowledgement, or a probe.
struct CrossPacket {
  bool is_ack = false;
  uint64_t number = 0;        // Of the packet; in an acknowledgement, the next one expected.
  std::vector<Range> blocks;  // Selective acknowledgements above that.
  Timestamp sent_at;
  size_t wire_bytes = 0;  // With all headers down to IP.
};

using LinkPacket = std::variant<SctpPacket, CrossPacket>;

inline size_t WireBytes(const LinkPacket& packet) {
  return std::visit([](const auto& body) { return body.wire_bytes; }, packet);
}

}  // namespace millrace::testing
