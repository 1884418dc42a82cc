// What has kept a sender from sending more, as shares of the recent time (requirement D3).
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "base/time.h"

namespace millrace {

enum class SendLimit : uint8_t {
  kSource,  // Nothing to send: no transfer, a slow source, no credit of the peer.
  kRate,    // The pacing rate.
  kLanes,   // No lane had room.
  kFlight,  // What is on its way in all, and not acknowledged yet.
};

class LimitShares {
 public:
  // Since the last call `limit_` was what limited; from now on it is this one.
  void Set(SendLimit limit, Timestamp now) {
    const double kept = std::exp(-(now - since_).seconds() / kMemory.seconds());
    for (double& share : shares_) share *= kept;
    shares_[static_cast<size_t>(limit_)] += 1 - kept;
    limit_ = limit;
    since_ = now;
  }

  // 0 to 1.
  double Of(SendLimit limit) const { return shares_[static_cast<size_t>(limit)]; }

 private:
  // Several round trips of most links, and shorter than what a person notices.
  static constexpr Duration kMemory = Duration::Millis(200);

  std::array<double, 4> shares_{1, 0, 0};
  SendLimit limit_ = SendLimit::kSource;
  Timestamp since_;
};

}  // namespace millrace
