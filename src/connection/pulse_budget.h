// Spaces the messages of the pulse lane, so that they take a small share of what the link carries.
#pragma once

#include <cstddef>

#include "base/time.h"

namespace millrace {

class PulseBudget {
 public:
  // The share of the bytes that arrive. A return path of a few hundred kbit/s carries a receiver's
  // acknowledgements and pongs beside SCTP's own, which take 4 %.
  static constexpr double kShare = 0.05;
  // No acknowledgement waits longer, so that a slow link does not stall its sender.
  static constexpr Duration kMostInterval = Duration::Millis(200);
  // A message of the pulse lane costs more than its own bytes: SCTP, DTLS, UDP and IP headers take
  // 93, and every second message is answered with a SACK of about 100.
  static constexpr size_t kOverheadBytes = 93 + 50;
  // A record with a ping, or with a pong and an acknowledgement.
  static constexpr size_t kTypicalBytes = 64;

  // The time between messages of `message_bytes` on a link that carries so many bytes per second:
  // at most kMostInterval.
  static Duration Interval(double bytes_per_second, size_t message_bytes);

  // A record of `bytes` arrived on another lane.
  void OnArrived(size_t bytes, Timestamp now);
  // A message of the pulse lane was sent.
  void OnSent(size_t message_bytes, Timestamp now);
  // When the next message that can wait may be sent.
  Timestamp ready_at() const { return sent_at_ + Interval(bytes_per_second_, sent_bytes_); }

 private:
  double bytes_per_second_ = 0;  // What arrives, as of arrived_at_.
  Timestamp arrived_at_;
  Timestamp sent_at_ = Timestamp::FromMicros(-kMostInterval.micros());
  size_t sent_bytes_ = 0;
};

}  // namespace millrace
