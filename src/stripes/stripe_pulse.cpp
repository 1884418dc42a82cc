#include "stripes/stripe_pulse.h"

#include <algorithm>

namespace millrace {

void StripePulse::Open() {
  *this = StripePulse();
  open_ = true;
}

std::optional<StripePulse::Answer> StripePulse::OnPong(const PongFrame& pong, Timestamp now) {
  const auto it = std::find_if(pings_.begin(), pings_.end(),
                               [&pong](const Ping& ping) { return ping.token == pong.token; });
  if (it == pings_.end()) return std::nullopt;
  const Ping ping = *it;
  pings_.erase(it);
  answered_ = true;
  const PingSample sample = PingSample::Between(ping.sent_at, pong.received_at, now);
  if (!sample.MeasuresPath()) return std::nullopt;
  return Answer{sample, ping.behind_bulk};
}

void StripePulse::PackPing(ByteWriter& writer, bool behind_bulk, Timestamp now) {
  if (pings_.size() == kMostPings) pings_.pop_front();
  pings_.push_back({next_token_, now, behind_bulk});
  pinged_at_ = now;
  first_ping_at_ = std::min(first_ping_at_, now);
  unknown_ = now - first_ping_at_ >= kAnswerTimeout;
  EncodeFrame(PingFrame{next_token_++}, writer);
}

}  // namespace millrace
