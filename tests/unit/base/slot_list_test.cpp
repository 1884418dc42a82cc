#include "base/slot_list.h"

#include <catch2/catch_test_macros.hpp>

namespace millrace {
namespace {

TEST_CASE("numbers count up, and the one freed last comes first") {
  SlotList<int> slots;
  for (uint32_t i = 0; i < 4; ++i) {
    CHECK(slots.Take() == i);
    slots[i] = static_cast<int>(10 + i);
  }
  CHECK(slots.size() == 4);
  slots.Free(1);
  slots.Free(3);
  CHECK(slots.Take() == 3);
  CHECK(slots[3] == 13);
  CHECK(slots.Take() == 1);
  CHECK(slots.Take() == 4);
  CHECK(slots.size() == 5);
}

}  // namespace
}  // namespace millrace
