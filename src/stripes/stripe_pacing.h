// When the next chunk of a set may go: the rate control of a session, for lanes that share the
// congestion window of one connection.
#pragma once

#include <optional>

#include "control/flow_control.h"
#include "lanes/lane_load.h"
#include "stripes/stripe_pulse.h"

namespace millrace {

class StripePacing {
 public:
  // What all lanes hold together.
  struct Held {
    size_t lanes = 0;            // That are open.
    size_t buffered_bytes = 0;   // In their channels.
    size_t in_flight_bytes = 0;  // Not acknowledged, the buffered ones included.
  };

  StripePacing() { flow_.SetOneWindow(); }

  void OnPong(const StripePulse::Answer& answer, const Held& held, Timestamp now);
  // As FlowControl::OnAcked. `held`: afterwards.
  Timestamp OnAcked(size_t bytes, Timestamp since, Timestamp peer_time, const Held& held,
                    Timestamp now);
  void OnSent(size_t bytes, Timestamp now) { flow_.OnSent(bytes, now); }
  // What keeps the sender from sending more, now that it stops for a while.
  void OnLimited(SendLimit limit, Timestamp now) { flow_.OnLimited(limit, now); }

  // Why a chunk of so many bytes may not go now; nothing where it may. For kRate it may at
  // flow().ready_at(), else after an acknowledgement.
  std::optional<SendLimit> LimitOf(size_t chunk_bytes, const Held& held, Timestamp now) const;
  // A size of chunks that fits the rate: a chunk goes out as one message.
  size_t ChunkBytes() const;

  const FlowControl& flow() const { return flow_; }

 private:
  FlowControl flow_{LaneLimits{}};
  LaneLoad load_;  // Of all lanes together.
  bool first_start_ = true;
  Timestamp measured_at_;
};

}  // namespace millrace
