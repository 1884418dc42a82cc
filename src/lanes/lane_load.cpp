#include "lanes/lane_load.h"

#include <algorithm>

#include "measure/first_window.h"

namespace millrace {
namespace {

// A lane that was not busy can carry more than it did; slow start grows by half per round trip.
constexpr double kIdleGain = 1.5;

}  // namespace

double LaneLoad::BytesPerSecond(Duration round_trip) const {
  const double first = kFirstWindowBytes / std::max(round_trip, Duration::Millis(5)).seconds();
  return capacity_ > 0 ? capacity_ : first;
}

void LaneLoad::OnAcked(size_t bytes, bool busy, Duration round_trip, Timestamp now) {
  delivery_.OnDelivered(bytes, now);
  first_acked_at_ = std::min(first_acked_at_, now);
  const Duration window = std::max(round_trip + round_trip / 2, Duration::Millis(100));
  const double measured = delivery_.BytesPerSecond(window);
  if (!busy) {
    capacity_ = std::max(BytesPerSecond(round_trip), measured * kIdleGain);
  } else if (measured > BytesPerSecond(round_trip)) {
    capacity_ = measured;
  } else if (now - first_acked_at_ >= window) {
    // Smoothed over a window, since one acknowledgement covers only a record or two.
    const Duration elapsed = std::min(now - acked_at_, window);
    capacity_ = BytesPerSecond(round_trip);
    capacity_ += (measured - capacity_) * elapsed.seconds() / window.seconds();
  }
  acked_at_ = now;
}

bool LaneLoad::HasRoom(size_t buffered, size_t in_flight, size_t record_bytes, Duration round_trip,
                       Duration backlog) const {
  const double rate = BytesPerSecond(round_trip);
  const double waiting = std::max(static_cast<double>(record_bytes), rate * backlog.seconds());
  // Browsers report a draining buffer in steps of 100 KiB, so the reported bytes may have left long
  // ago.
  const double window = std::max(static_cast<double>(record_bytes), rate * round_trip.seconds());
  return static_cast<double>(buffered) < waiting || static_cast<double>(in_flight) < window;
}

Duration LaneLoad::Completion(size_t in_flight, size_t record_bytes, Duration round_trip) const {
  const double seconds = static_cast<double>(in_flight + record_bytes) / BytesPerSecond(round_trip);
  return round_trip + Duration::Micros(static_cast<int64_t>(seconds * 1e6));
}

}  // namespace millrace
