// The measured rate of a lane, and when a record that is given to it now will have arrived.
#pragma once

#include <cstddef>

#include "base/time.h"
#include "measure/delivery_rate.h"

namespace millrace {

class LaneLoad {
 public:
  // `bytes` were acknowledged. `busy`: the channel still buffers data, so its congestion window is
  // full. `round_trip` is the link's minimum.
  void OnAcked(size_t bytes, bool busy, Duration round_trip, Timestamp now);

  // The rate that the lane can carry: as measured while it was busy, and higher where it was not.
  double BytesPerSecond(Duration round_trip) const;
  // Whether the lane should get another record while its channel reports `buffered` bytes before
  // its congestion window. `in_flight` bytes are unacknowledged, the buffered ones included.
  // `backlog` is how much may be buffered, as time at the lane's rate.
  bool HasRoom(size_t buffered, size_t in_flight, size_t record_bytes, Duration round_trip,
               Duration backlog) const;
  // The time until `record_bytes` more will have arrived.
  Duration Completion(size_t in_flight, size_t record_bytes, Duration round_trip) const;

 private:
  DeliveryRate delivery_;
  double capacity_ = 0;  // Bytes per second; 0 before a measurement.
  Timestamp acked_at_;
  Timestamp first_acked_at_ = Timestamp::Never();
};

}  // namespace millrace
