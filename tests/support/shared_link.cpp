#include "support/shared_link.h"

#include <algorithm>
#include <utility>

namespace millrace::testing {
namespace {

double Micros(Timestamp time) { return static_cast<double>(time.micros()); }

Timestamp FromMicros(double micros) {
  return Timestamp::FromMicros(static_cast<int64_t>(micros + 0.5));
}

}  // namespace

double SharedLinkOptions::usable_mbits_per_second() const {
  return policer_mbits_per_second == 0 ? mbits_per_second
                                       : std::min(mbits_per_second, policer_mbits_per_second);
}

SharedLink::SharedLink(const SharedLinkOptions& options, uint64_t seed)
    : options_(options), random_(seed) {
  if (options.policer_mbits_per_second > 0) {
    policer_.emplace(options.policer_mbits_per_second, options.policer_burst_bytes);
  }
}

double SharedLink::TransmissionMicros(size_t bytes) const {
  return static_cast<double>(bytes) * 8.0 / options_.mbits_per_second;
}

Duration SharedLink::QueueDelay(Timestamp now) const {
  const double left = free_at_micros_ - Micros(now);
  return left > 0 ? Duration::Micros(static_cast<int64_t>(left)) : Duration();
}

bool SharedLink::IsLost() {
  // Gilbert's two states: a burst goes on with 1 - 1/length and begins as often as `loss` asks for.
  if (in_burst_) {
    in_burst_ = !random_.Chance(1.0 / options_.burst_packets);
    if (in_burst_) return true;
  }
  in_burst_ = random_.Chance(options_.loss / options_.burst_packets);
  return in_burst_;
}

void SharedLink::Send(uint32_t destination, LinkPacket packet, Timestamp now) {
  if (now < dark_until_) return;
  Advance(now);
  const size_t bytes = WireBytes(packet);
  if (policer_ && !policer_->Take(bytes, now)) {
    ++dropped_by_policer_;
    return;
  }
  if (!queue_.empty() && queued_bytes_ + bytes > options_.queue_bytes) {
    ++dropped_by_queue_;
    return;
  }
  // A packet that will be lost takes its time in the bottleneck like any other.
  const bool lost = options_.loss > 0 && IsLost();
  queued_bytes_ += bytes;
  free_at_micros_ = std::max(free_at_micros_, Micros(now)) + TransmissionMicros(bytes);
  queue_.push_back(
      Waiting{FromMicros(free_at_micros_), bytes, lost, {destination, std::move(packet)}});
}

void SharedLink::Advance(Timestamp now) {
  while (!queue_.empty() && queue_.front().departs <= now) {
    Waiting& head = queue_.front();
    queued_bytes_ -= head.bytes;
    if (!head.lost) {
      Duration delay = options_.delay;
      if (options_.jitter > Duration()) {
        const auto bound = static_cast<uint64_t>(options_.jitter.micros()) + 1;
        delay = delay + Duration::Micros(static_cast<int64_t>(random_.Below(bound)));
      }
      last_due_ = std::max(last_due_, head.departs + delay);
      wire_.push_back(Flying{last_due_, std::move(head.arrival)});
    }
    queue_.pop_front();
  }
}

Timestamp SharedLink::NextArrival() const {
  if (!wire_.empty()) return wire_.front().due;
  return queue_.empty() ? Timestamp::Never() : queue_.front().departs + options_.delay;
}

std::optional<SharedLink::Arrival> SharedLink::PollArrival(Timestamp now) {
  Advance(now);
  if (wire_.empty() || wire_.front().due > now) return std::nullopt;
  Arrival arrival = std::move(wire_.front().arrival);
  wire_.pop_front();
  return arrival;
}

void SharedLink::SetRate(double mbits_per_second, Timestamp now) {
  Advance(now);
  const double slower = options_.mbits_per_second / mbits_per_second;
  free_at_micros_ = Micros(now) + std::max(0.0, free_at_micros_ - Micros(now)) * slower;
  for (Waiting& waiting : queue_) {
    waiting.departs = FromMicros(Micros(now) + (Micros(waiting.departs) - Micros(now)) * slower);
  }
  options_.mbits_per_second = mbits_per_second;
}

void SharedLink::SetDelay(Duration delay, Timestamp now) {
  Advance(now);
  options_.delay = delay;
}

}  // namespace millrace::testing
