#include "stripes/stripe_pacing.h"

#include <algorithm>

namespace millrace {
namespace {

// Messages of 16 KiB take a link of 20 Mbit/s 6 ms, so pings and pacing see little of them: before
// the rate is known. Longer ones cost less of the processor, which matters where the rate is high.
constexpr size_t kFirstChunk = 16 * 1024;
constexpr size_t kLeastChunk = 4 * 1024;
constexpr size_t kMostChunk = 64 * 1024;

// A ping that finds bulk in the channels waits for the congestion window of the connection that
// they share, and longest after losses. That says nothing about the link's queue. Such a ping
// counts while the window grows towards the link: in the first start, and in later ones where the
// window has limited for no more than this part of the time. It shows there that the window grows
// past the link. Otherwise it counts only where no other one has been answered for so long.
constexpr double kMostWindowLimited = 0.3;
constexpr Duration kLongestUnmeasured = Duration::Seconds(2);

}  // namespace

void StripePacing::OnPong(const StripePulse::Answer& answer, const Held& held, Timestamp now) {
  const bool starting = flow_.rate().starting();
  first_start_ = first_start_ && starting;
  const bool window_grows =
      first_start_ || (starting && flow_.limits().Of(SendLimit::kLanes) < kMostWindowLimited);
  const bool unmeasured = now - measured_at_ >= kLongestUnmeasured;
  if (answer.behind_bulk && !window_grows && !unmeasured) return;
  measured_at_ = now;
  flow_.OnPong(answer.sample, held.lanes, held.in_flight_bytes, now);
}

Timestamp StripePacing::OnAcked(size_t bytes, Timestamp since, Timestamp peer_time,
                                const Held& held, Timestamp now) {
  load_.OnAcked(bytes, held.buffered_bytes > 0, flow_.min_round_trip(), now);
  return flow_.OnAcked(bytes, since, peer_time, now);
}

std::optional<SendLimit> StripePacing::LimitOf(size_t chunk_bytes, const Held& held,
                                               Timestamp now) const {
  if (!flow_.MaySend(held.in_flight_bytes, now)) {
    return flow_.ready_at() > now ? SendLimit::kRate : SendLimit::kFlight;
  }
  const bool has_room = load_.HasRoom(held.buffered_bytes, held.in_flight_bytes, chunk_bytes,
                                      flow_.min_round_trip(), flow_.LaneBacklog());
  return has_room ? std::nullopt : std::optional(SendLimit::kLanes);
}

size_t StripePacing::ChunkBytes() const {
  if (!flow_.KnowsRoundTrip()) return kFirstChunk;
  return std::max(kLeastChunk, flow_.RecordPayload(kMostChunk));
}

}  // namespace millrace
