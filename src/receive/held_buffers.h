// Memory with received payload, shared by the writes and the parts of leaves that lie in it.
#pragma once

#include "base/page_pool.h"
#include "base/slot_list.h"

namespace millrace {

class HeldBuffers {
 public:
  // Takes a buffer with one use, and answers its number.
  uint32_t Hold(PoolBuffer&& buffer) {
    const uint32_t number = slots_.Take();
    slots_[number] = Slot{std::move(buffer), 1};
    return number;
  }
  void AddUse(uint32_t number) { ++slots_[number].uses; }
  // Ends one use; the memory goes back to its pool with the last one.
  void Release(uint32_t number) {
    if (--slots_[number].uses > 0) return;
    slots_[number].buffer.Release();
    slots_.Free(number);
  }

 private:
  struct Slot {
    PoolBuffer buffer;
    uint32_t uses = 0;
  };

  SlotList<Slot> slots_;
};

}  // namespace millrace
