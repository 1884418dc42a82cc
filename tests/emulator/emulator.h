// The link between two sides: what arrives at a relay goes through the bottleneck of its direction
// and on to the socket that the relay stands for.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "emulator/arrivals.h"
#include "emulator/bottleneck.h"
#include "emulator/packet_pool.h"
#include "emulator/relays.h"

namespace millrace::emulator {

class Emulator {
 public:
  // 300 Mbit/s in packets of 100 bytes for 200 ms. All further ones count as dropped by the queue.
  static constexpr size_t kMaxPackets = 1 << 16;

  explicit Emulator(uint64_t seed);

  // The direction from this side to the other.
  Bottleneck& From(Side side) { return side == Side::kA ? a_to_b_ : b_to_a_; }
  Relays& relays() { return relays_; }

  // Reads all that waits at a relay.
  void Receive(EndpointId relay);
  // Sends what was read into the link, and on what has come through by `now`: a time before the
  // first Receive of this turn, so that nothing that is older is still to come.
  void Forward(Time now);
  // When Forward has something next; Time::max() if nothing is on its way.
  Time NextEvent() const;

  // Packets from nobody that was mapped, or longer than kMaxPacketBytes.
  uint64_t unknown_packets() const { return unknown_packets_; }
  // Packets that the system did not take.
  uint64_t unsent_packets() const { return unsent_packets_; }

 private:
  // Gives how many packets there were, kBatch at most.
  size_t ReceiveBatch(EndpointId relay);
  void Deliver(Bottleneck& direction, Time now);
  void SendBatch(size_t count);

  static constexpr size_t kBatch = 64;

  PacketPool pool_;
  Relays relays_;
  Bottleneck a_to_b_;
  Bottleneck b_to_a_;
  std::array<PacketId, kBatch> batch_{};
  Arrivals arrivals_;
  // What comes now is not older than this.
  Time forwarded_until_;
  uint64_t unknown_packets_ = 0;
  uint64_t unsent_packets_ = 0;
};

}  // namespace millrace::emulator
