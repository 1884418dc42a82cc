#include "measure/queue_delay.h"

#include <algorithm>

namespace millrace {
namespace {

// Fewer differences between pings are chance.
constexpr size_t kLeastChanges = 6;
// Of delays that are spread evenly, half of the differences are below 0.29 of the longest delay ...
constexpr int64_t kMedianChanges = 3;
// ... and half of the delays are below half of it.
constexpr int64_t kMedianExcesses = 2;
// Busy event loops are not told from a shorter jitter.
constexpr Duration kLeastLinkJitter = Duration::Millis(10);

}  // namespace

Duration QueueDelay::QueueOf(const PingSample& sample) const {
  const Duration one_way = sample.one_way - *base_.Get();
  const Duration round_trip = sample.round_trip - *min_round_trip_.Get();
  return std::max(Duration(), std::min(one_way, round_trip));
}

Duration QueueDelay::LeastOf(size_t least, Duration span, Timestamp now) const {
  Duration value = Duration::Seconds(3600);
  for (size_t i = 0; i < std::min(pings_, kRecent); ++i) {
    const Ping& ping = recent_[(pings_ - 1 - i) % kRecent];
    if (i >= least && now - ping.at > span) break;
    value = std::min(value, QueueOf(ping.sample));
  }
  return value;
}

void QueueDelay::Remember(const PingSample& sample, Timestamp now) {
  const Timestamp received_at = now + (sample.one_way - sample.round_trip);
  Ping& last = recent_[(pings_ - 1) % kRecent];
  if (pings_ > 0 && received_at - last.received_at < kTogether) {
    last.sample.one_way = std::min(last.sample.one_way, sample.one_way);
    last.sample.round_trip = std::min(last.sample.round_trip, sample.round_trip);
    last.at = now;
    return;
  }
  if (pings_ > 0) {
    const Duration change = sample.one_way - last.sample.one_way;
    jitter_ = jitter_ + (std::max(change, Duration() - change) - jitter_) / 16;
  }
  recent_[pings_++ % kRecent] = {sample, received_at, now};
}

void QueueDelay::OnPing(const PingSample& sample, Timestamp now) {
  if (sample.round_trip < Duration()) return;
  base_.Add(sample.one_way, now);
  min_round_trip_.Add(sample.round_trip, now);
  smoothed_round_trip_ =
      pings_ == 0 ? sample.round_trip
                  : smoothed_round_trip_ + (sample.round_trip - smoothed_round_trip_) / 8;
  Remember(sample, now);
  Update(now);
}

Duration QueueDelay::LinkJitter() const {
  const size_t count = std::min(pings_, kSpread);
  if (count <= kLeastChanges) return {};
  std::array<Duration, kSpread> changes{};
  std::array<Duration, kSpread> delays{};
  for (size_t i = 0; i < count; ++i) {
    delays[i] = recent_[(pings_ - 1 - i) % kRecent].sample.one_way;
    if (i == 0) continue;
    const Duration change = delays[i] - delays[i - 1];
    changes[i - 1] = std::max(change, Duration() - change);
  }
  std::sort(changes.begin(), changes.begin() + static_cast<std::ptrdiff_t>(count - 1));
  std::sort(delays.begin(), delays.begin() + static_cast<std::ptrdiff_t>(count));
  const Duration by_changes = changes[(count - 1) / 2] * kMedianChanges;
  const Duration by_delays = (delays[count / 2] - delays[0]) * kMedianExcesses;
  if (std::min(by_changes, by_delays) < kLeastLinkJitter) return {};
  // Three quarters of the delays are below three quarters of the longest one.
  return (delays[count * 3 / 4] - delays[0]) * 4 / 3;
}

void QueueDelay::Rebase(Timestamp now) {
  base_ = WindowedMin(kMinWindow);
  min_round_trip_ = WindowedMin(kMinWindow);
  for (size_t i = 0; i < std::min(pings_, kRecent); ++i) {
    const Ping& ping = recent_[(pings_ - 1 - i) % kRecent];
    if (i >= kLeastStanding && now - ping.at > kStanding) break;
    base_.Add(ping.sample.one_way, now);
    min_round_trip_.Add(ping.sample.round_trip, now);
  }
  if (pings_ > 0) Update(now);
}

void QueueDelay::Update(Timestamp now) {
  const Duration round_trip = *min_round_trip_.Get();
  queue_ = LeastOf(kLeastStanding, std::max(kStanding, round_trip / 4), now);
  newest_queue_ = LeastOf(kNewest, round_trip / 8, now);
  if (queue_ <= kEmpty) empty_at_ = now;
}

}  // namespace millrace
