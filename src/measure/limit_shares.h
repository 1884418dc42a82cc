// The limits that kept a sender from sending more, as shares of the recent time.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "base/time.h"

namespace millrace {

enum class SendLimit : uint8_t {
  kSource,     // Nothing to send: no transfer, a slow source, no credit of the peer.
  kProcessor,  // The processor: a record was being sealed and given to its channel.
  kRate,       // The pacing rate.
  kLanes,      // No lane had room.
  kFlight,     // The in-flight limit.
};

class LimitShares {
 public:
  // `limit` applies from now on; until now the one of the last call did.
  void Set(SendLimit limit, Timestamp now) {
    const double kept = std::exp(-(now - since_).seconds() / kMemory.seconds());
    for (double& share : shares_) share *= kept;
    shares_[static_cast<size_t>(limit_)] += 1 - kept;
    limit_ = limit;
    since_ = now;
  }

  // The share of one limit, 0 to 1.
  double Of(SendLimit limit) const { return shares_[static_cast<size_t>(limit)]; }

 private:
  // Several round trips of most links, and too short for a person to notice.
  static constexpr Duration kMemory = Duration::Millis(200);

  std::array<double, 5> shares_{1};
  SendLimit limit_ = SendLimit::kSource;
  Timestamp since_;
};

}  // namespace millrace
