// One direction of the emulated link: a drop-tail queue, a transmitter of limited rate, and a wire
// with delay and loss. Time is an argument, so that it can be tested without any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "emulator/link_history.h"
#include "emulator/link_settings.h"
#include "emulator/ring.h"
#include "support/random.h"

namespace millrace::emulator {

// Names a packet whose bytes the caller keeps.
enum class PacketId : uint32_t {};

class Bottleneck {
 public:
  // `capacity`: packets that may wait, and as many on the wire.
  Bottleneck(size_t capacity, uint64_t seed);

  // From `now` on. The packet in transmission goes on at the new rate.
  void Set(const LinkSettings& settings, Time now);
  const LinkSettings& settings() const { return settings_; }

  // Statistics count from `now` on.
  void Begin(Time now) { history_.Begin(now); }
  const LinkHistory& history() const { return history_; }

  // Sends a packet into the link. Times do not run backwards. False: it is dropped or will be
  // lost on the way, and the caller may forget it at once.
  bool Offer(PacketId packet, uint32_t wire_bytes, Time now);

  // The next packet that has arrived at the other end by `now`, in order; nothing where there is
  // none.
  std::optional<PacketId> PollArrived(Time now);

  // Before this time PollArrived has nothing; Time::max() when the link is empty.
  Time NextEvent() const;

 private:
  struct Waiting {
    PacketId packet;
    uint32_t wire_bytes;
    bool lost;
    Time arrived;
  };
  struct Flying {
    PacketId packet;
    Time due;
  };

  Nanoseconds TransmissionTime(uint32_t wire_bytes) const;
  // Draws whether the next packet is lost on the wire.
  bool DrawLoss();
  // Everything that leaves the queue by `now`.
  void Advance(Time now);
  void Depart(Time now);

  LinkSettings settings_;
  testing::Random random_;
  bool in_burst_ = false;
  Ring<Waiting> queue_;
  int64_t queued_bytes_ = 0;
  // When the packet at the head of the queue is sent entirely.
  Time head_done_;
  Ring<Flying> wire_;
  // The due time of the youngest packet on the wire: jitter must not let the next one overtake.
  Time last_due_;
  LinkHistory history_;
};

}  // namespace millrace::emulator
