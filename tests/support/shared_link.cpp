#include "support/shared_link.h"

#include <algorithm>

namespace millrace::testing {

Duration SharedLink::SerializationTime(size_t bytes) const {
  return Duration::Micros(
      static_cast<int64_t>(static_cast<double>(bytes) * 8.0 / options_.mbits_per_second));
}

Duration SharedLink::QueueDelay(Timestamp now) const {
  return free_at_ > now ? free_at_ - now : Duration();
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

void SharedLink::Send(uint32_t destination, SctpPacket packet, Timestamp now) {
  if (now < dark_until_) return;
  if (options_.loss > 0 && IsLost()) return;
  const double queued = QueueDelay(now).seconds() * options_.mbits_per_second * 1e6 / 8;
  const auto bytes = static_cast<double>(packet.wire_bytes);
  if (queued + bytes > static_cast<double>(options_.queue_bytes)) {
    ++dropped_by_queue_;
    return;
  }
  free_at_ = std::max(free_at_, now) + SerializationTime(packet.wire_bytes);
  entries_.push_back(Entry{free_at_, {destination, std::move(packet)}});
}

Timestamp SharedLink::NextArrival() const {
  return entries_.empty() ? Timestamp::Never() : entries_.front().departs + options_.delay;
}

std::optional<SharedLink::Arrival> SharedLink::PollArrival(Timestamp now) {
  if (NextArrival() > now) return std::nullopt;
  Arrival arrival = std::move(entries_.front().arrival);
  entries_.pop_front();
  return arrival;
}

void SharedLink::SetRate(double mbits_per_second, Timestamp now) {
  options_.mbits_per_second = mbits_per_second;
  Timestamp free_at = now;
  for (Entry& entry : entries_) {
    if (entry.departs <= now) continue;
    free_at = free_at + SerializationTime(entry.arrival.packet.wire_bytes);
    entry.departs = free_at;
  }
  free_at_ = free_at;
}

}  // namespace millrace::testing
