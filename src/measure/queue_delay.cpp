#include "measure/queue_delay.h"

#include <algorithm>

namespace millrace {

Duration QueueDelay::LeastOf(size_t least, Duration span, Timestamp now) const {
  Duration value = Duration::Seconds(3600);
  for (size_t i = 0; i < std::min(pings_, kRecent); ++i) {
    const Ping& ping = recent_[(pings_ - 1 - i) % kRecent];
    if (i >= least && now - ping.at > span) break;
    value = std::min(value, ping.round_trip);
  }
  return value;
}

void QueueDelay::OnPing(Duration round_trip, Timestamp now) {
  if (round_trip < Duration()) return;
  min_.Add(round_trip, now);
  const Duration since_last = now - pinged_at_;
  pinged_at_ = now;
  if (since_last > kSilence) silent_until_ = now;
  if (now - silent_until_ < round_trip) return;
  const bool together = pings_ > 0 && since_last < kTogether;
  if (!together) {
    if (pings_ > 0) {
      const Duration last = recent_[(pings_ - 1) % kRecent].round_trip;
      const Duration change = round_trip > last ? round_trip - last : last - round_trip;
      jitter_ = jitter_ + (change - jitter_) / 16;
    }
    recent_[pings_++ % kRecent] = {round_trip, now};
  }
  Duration& newest = recent_[(pings_ - 1) % kRecent].round_trip;
  newest = std::min(newest, round_trip);
  queue_ = std::max(Duration(), LeastOf(kLeastStanding, kStanding, now) - *min_.Get());
  newest_queue_ = std::max(Duration(), LeastOf(kNewest, Duration(), now) - *min_.Get());
  if (queue_ <= kEmpty) empty_at_ = now;
}

}  // namespace millrace
