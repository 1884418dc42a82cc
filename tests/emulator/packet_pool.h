// The bytes of all packets on the link, in memory that is taken once.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "emulator/bottleneck.h"

namespace millrace::emulator {

// Names an endpoint of the relay table.
enum class EndpointId : uint32_t {};

// WebRTC keeps its packets below 1,300 bytes; this is what an Ethernet carries.
inline constexpr size_t kMaxPacketBytes = 1500;

struct Packet {
  EndpointId from;
  EndpointId to;
  uint32_t size_bytes;
  std::array<uint8_t, kMaxPacketBytes> bytes;
};

class PacketPool {
 public:
  // The pages are touched as they are used only.
  explicit PacketPool(size_t capacity)
      : packets_(std::make_unique_for_overwrite<Packet[]>(capacity)) {
    free_.reserve(capacity);
    for (size_t i = capacity; i > 0; --i) free_.push_back(static_cast<PacketId>(i - 1));
  }

  // Nothing when all are in use.
  std::optional<PacketId> Take() {
    if (free_.empty()) return std::nullopt;
    const PacketId packet = free_.back();
    free_.pop_back();
    return packet;
  }
  void Return(PacketId packet) { free_.push_back(packet); }

  Packet& operator[](PacketId packet) { return packets_[static_cast<size_t>(packet)]; }

 private:
  std::unique_ptr<Packet[]> packets_;
  // Last in, first out: what was used last is in the caches.
  std::vector<PacketId> free_;
};

}  // namespace millrace::emulator
