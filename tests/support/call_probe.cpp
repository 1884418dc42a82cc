#include "support/call_probe.h"

#include <algorithm>

#include "support/percentile.h"

namespace millrace::testing {

void CallProbe::HandlePacket(size_t, const CrossPacket& packet, Timestamp now) {
  const Duration delay = now - packet.sent_at;
  least_ = std::min(least_.value_or(delay), delay);
  if (packet.sent_at >= counted_from_) delays_.push_back(delay);
}

void CallProbe::AdvanceTime(Timestamp now) {
  if (now < next_) return;
  due_ = true;
  next_ = next_ + kInterval;
}

std::optional<CrossPacket> CallProbe::PollPacket(size_t side, Timestamp now) {
  if (side != sender_ || !due_) return std::nullopt;
  due_ = false;
  if (now >= counted_from_) ++sent_;
  CrossPacket packet;
  packet.number = number_++;
  packet.sent_at = now;
  packet.wire_bytes = kPacketBytes;
  return packet;
}

Duration CallProbe::DelayPercentile(double share) const {
  return Percentile(delays_, share) - least_.value_or(Duration());
}

}  // namespace millrace::testing
