// One stream of messages as its source keeps it: numbers, and each message until everyone it is for
// has acknowledged it or left (PROTOCOL, "Mesh").
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "base/time.h"
#include "mesh/incoming_stream.h"
#include "mesh/message.h"

namespace millrace {

struct ResendOptions {
  Duration first = Duration::Millis(500);
  Duration longest = Duration::Seconds(8);
  // Messages that one receiver is sent again at once.
  size_t at_once = 32;
};

class OutgoingStream {
 public:
  OutgoingStream(const DeliveryLimits& limits, const ResendOptions& resend)
      : limits_(limits), resend_(resend) {}

  // From now on, messages are for this receiver, too, and so is what is still kept. A receiver that
  // is there stays as it was.
  void AddReceiver(std::string_view id, Timestamp now);
  // Nothing is for this receiver any more.
  void RemoveReceiver(std::string_view id);

  // Keeps a message and answers its number.
  // Errors, and nothing is kept: kTooLarge for a payload past the limit, and where the window is
  // full or the bytes that wait would pass its bound (the caller slows down); kInvalidArgument
  // where there is no receiver.
  Result<uint64_t> Add(ByteView payload, uint64_t timestamp_ms, bool compressed, Timestamp now);

  // Takes an acknowledgement. What one receiver alone says about itself cannot touch others'.
  // Errors: kProtocolViolation, and nothing changes, for a number that was never sent; from someone
  // whom the messages are not for it is ignored.
  Status OnAck(std::string_view id, const MeshAckPacket& ack, Timestamp now);

  // Numbers whose every receiver has acknowledged or left, each once, ascending or not.
  bool PopSettled(uint64_t& sequence);

  struct Resend {
    std::string_view receiver;  // Until the receiver is removed.
    std::vector<uint64_t> sequences;
  };
  // What a receiver is to be sent again by `now`; each answer doubles the time until that
  // receiver's next one.
  std::vector<Resend> DueResends(Timestamp now);
  Timestamp NextResend() const;
  // There is a way where there was none: what is not acknowledged is due now.
  void Hasten(Timestamp now);

  // A message that is still kept, with the present `oldest`; false: settled.
  // The payload lives until the next call that changes the stream.
  bool Find(uint64_t sequence, MessagePacket& packet) const;

  uint64_t oldest() const { return next_ - kept_.size(); }
  size_t kept_bytes() const { return kept_bytes_; }

 private:
  struct Kept {
    std::vector<uint8_t> payload;
    uint64_t timestamp_ms = 0;
    bool compressed = false;
    size_t pending = 0;  // Receivers that have not acknowledged it.
  };
  struct Receiver {
    uint64_t next = 0;  // All below are acknowledged or were never for it.
    RangeSet acked;     // Above `next`.
    Timestamp resend_at = Timestamp::Never();
    Duration wait;
  };

  Kept& kept(uint64_t sequence) { return kept_[static_cast<size_t>(sequence - oldest())]; }
  void Settle(uint64_t begin, uint64_t end, Receiver& receiver);
  void DropSettled();

  DeliveryLimits limits_;
  ResendOptions resend_;
  uint64_t next_ = 0;
  std::deque<Kept> kept_;  // The last ones before `next_`.
  size_t kept_bytes_ = 0;
  std::map<std::string, Receiver, std::less<>> receivers_;
  std::deque<uint64_t> settled_;
};

}  // namespace millrace
