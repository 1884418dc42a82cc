// Other traffic on a link, next to SCTP associations: sans-I/O, with packets and time in and
// packets out, for both of its ends.
#pragma once

#include <cstddef>
#include <optional>

#include "base/time.h"
#include "support/link_packet.h"

namespace millrace::testing {

class CrossTraffic {
 public:
  CrossTraffic() = default;
  CrossTraffic(const CrossTraffic&) = delete;
  CrossTraffic& operator=(const CrossTraffic&) = delete;
  virtual ~CrossTraffic() = default;

  // A packet has arrived at a side.
  virtual void HandlePacket(size_t side, const CrossPacket& packet, Timestamp now) = 0;
  virtual void AdvanceTime(Timestamp now) = 0;
  virtual Timestamp NextTimeout() const = 0;
  // The next packet that a side sends; nothing where there is none.
  virtual std::optional<CrossPacket> PollPacket(size_t side, Timestamp now) = 0;
};

}  // namespace millrace::testing
