#include "support/lane_traffic.h"

#include <algorithm>

namespace millrace::testing {

void LaneTraffic::OnOpening(Duration round_trip, Timestamp now) {
  for (int i = 0; i < kOpeningPackets; ++i) {
    later_.emplace(now + round_trip * i, kOpeningPacketBytes);
  }
}

void LaneTraffic::AdvanceTime(Timestamp now) {
  if (next_check_ <= now) {
    const auto lanes = static_cast<int64_t>(open_());
    next_check_ = now + kCheckInterval / std::max<int64_t>(lanes, 1);
    if (lanes > 0) later_.emplace(now, kCheckBytes);
  }
  while (!later_.empty() && later_.begin()->first <= now) {
    for (auto& due : due_) due.push_back(later_.begin()->second);
    later_.erase(later_.begin());
  }
}

Timestamp LaneTraffic::NextTimeout() const {
  return later_.empty() ? next_check_ : std::min(next_check_, later_.begin()->first);
}

std::optional<CrossPacket> LaneTraffic::PollPacket(size_t side, Timestamp now) {
  if (due_[side].empty()) return std::nullopt;
  CrossPacket packet;
  packet.sent_at = now;
  packet.wire_bytes = due_[side].back();
  due_[side].pop_back();
  return packet;
}

}  // namespace millrace::testing
