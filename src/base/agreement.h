// What the two sides of a session have agreed on, beside their keys.
#pragma once

#include <array>
#include <cstdint>

namespace millrace {

// Seven numbers from 0 to 63, the same on both sides unless someone stands in between.
using ShortAuthString = std::array<uint8_t, 7>;

struct Agreement {
  bool authenticated = false;  // Both sides have shown that they know the same key or code.
  ShortAuthString sas{};
  bool encrypted = true;  // False only where both sides asked to go without.
  bool privacy = false;   // Either side asked for padding.
};

}  // namespace millrace
