// Packets that have been read but have not reached the link yet: each relay is read on its own, and
// some sockets are further away than others.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "emulator/bottleneck.h"
#include "emulator/link_settings.h"
#include "emulator/side.h"

namespace millrace::emulator {

struct Arrival {
  // When it reaches the link.
  Time at;
  PacketId packet;
  Side from;
};

class Arrivals {
 public:
  void Push(const Arrival& arrival);

  // The next packet that reaches the link by `now`, the oldest first and those of one time in the
  // order of Push; nothing if there is none.
  std::optional<Arrival> Poll(Time now);

  // Before this time Poll has nothing; Time::max() if no packet is on its way.
  Time NextEvent() const { return heap_.empty() ? Time::max() : heap_.front().arrival.at; }

 private:
  struct Entry {
    Arrival arrival;
    uint64_t number;
  };
  static bool IsLater(const Entry& a, const Entry& b);

  // A heap with the next one in front.
  std::vector<Entry> heap_;
  uint64_t pushed_ = 0;
};

}  // namespace millrace::emulator
