// Totals of one lane. Bytes are whole channel messages.
#pragma once

#include <cstdint>

namespace millrace {

struct LaneCounters {
  uint64_t bytes_sent = 0;
  uint64_t bytes_received = 0;
  uint64_t records_sent = 0;
  uint64_t records_received = 0;
};

}  // namespace millrace
