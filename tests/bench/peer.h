// One side of the measured transfer: a session and what a shim does around it, in the shim's order
// (web/engine/engine.ts), with memory in the place of channels, source and sink.
#pragma once

#include <memory>
#include <vector>

#include "bench/step_timer.h"
#include "session/session.h"

namespace millrace::bench {

// The source and the sink are this long, a slab of the shim's, and a file goes through them over
// and over.
inline constexpr size_t kSlabBytes = 4 * 1024 * 1024;

// Messages on their way to the other side, in order.
class Wire {
 public:
  struct Message {
    LaneId lane;
    size_t begin;
    size_t length;
  };

  Wire() : bytes_(kCapacityBytes) {}

  // Copies, as RTCDataChannel.send does. False where there is no room.
  bool Send(LaneId lane, ByteView message);
  void Clear();
  const std::vector<Message>& messages() const { return messages_; }
  ByteView BytesOf(const Message& message) const {
    return ByteView(bytes_).subspan(message.begin, message.length);
  }

 private:
  // What all lanes take until they pause, twice: before the round that follows an acceptance, the
  // channels are drained but their messages not yet delivered.
  static constexpr size_t kCapacityBytes = 8 * 1024 * 1024;

  std::vector<uint8_t> bytes_;
  std::vector<Message> messages_;
  size_t used_bytes_ = 0;
};

class Peer {
 public:
  enum class Way : uint8_t { kSend, kReceive };

  // `slab`: what the source reads or the sink holds; kSlabBytes, outlives the peer.
  Peer(Way way, std::unique_ptr<Session> session, MutableByteView slab);

  // A message came off a channel.
  void Deliver(const Wire::Message& message, ByteView bytes, Timestamp now);
  // The channels have passed on all they held.
  void Drain(Timestamp now);
  // All that the session wants done, until it wants nothing more.
  void Turn(Timestamp now);

  Session& session() { return *session_; }
  Wire& wire() { return wire_; }
  StepTimer& timer() { return timer_; }
  // The transfer has its receipt.
  bool done() const { return done_; }
  // The transfer or the session ended with an error, or the wire was full.
  bool failed() const { return failed_; }
  // Records with payload handed to the wire or taken from it, so far.
  size_t bulk_records() const { return bulk_records_; }

 private:
  bool Pass(Timestamp now);
  void Write(const WriteRequest& write, Timestamp now);
  void Send(const Output& output);
  void Handle(const Event& event, Timestamp now);

  const Step deliver_step_;
  const Step output_step_;
  std::unique_ptr<Session> session_;
  MutableByteView slab_;
  Wire wire_;
  StepTimer timer_;
  bool done_ = false;
  bool failed_ = false;
  size_t bulk_records_ = 0;
};

}  // namespace millrace::bench
