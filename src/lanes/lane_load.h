// What a lane holds and how fast it moves: how soon a record given to it now will be there.
#pragma once

#include <cstddef>

#include "base/time.h"
#include "measure/delivery_rate.h"

namespace millrace {

class LaneLoad {
 public:
  // `bytes` were acknowledged. `busy`: the channel still holds something before its window, which
  // therefore is full. `round_trip` is the link's own.
  void OnAcked(size_t bytes, bool busy, Duration round_trip, Timestamp now);

  // What the lane can carry: measured where it was busy, and more than that where it was not.
  double BytesPerSecond(Duration round_trip) const;
  // Whether the lane should get another record, when its channel says that it holds `buffered`
  // bytes before its window and `in_flight` bytes are not acknowledged, the former included.
  // `backlog`: what may wait before the window, as time at the lane's rate.
  bool HasRoom(size_t buffered, size_t in_flight, size_t record_bytes, Duration round_trip,
               Duration backlog) const;
  // When `record_bytes` more will be there, from now.
  Duration Completion(size_t in_flight, size_t record_bytes, Duration round_trip) const;

 private:
  DeliveryRate delivery_;
  double capacity_ = 0;  // Bytes per second; 0 before a measurement.
  Timestamp acked_at_;
  Timestamp first_acked_at_ = Timestamp::Never();
};

}  // namespace millrace
