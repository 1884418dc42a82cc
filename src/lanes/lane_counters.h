// Totals of one lane, or of several. Bytes are whole channel messages.
#pragma once

#include <cstdint>

namespace millrace {

struct LaneCounters {
  uint64_t bytes_sent = 0;
  uint64_t bytes_received = 0;
  uint64_t records_sent = 0;
  uint64_t records_received = 0;

  LaneCounters& operator+=(const LaneCounters& other) {
    bytes_sent += other.bytes_sent;
    bytes_received += other.bytes_received;
    records_sent += other.records_sent;
    records_received += other.records_received;
    return *this;
  }
};

}  // namespace millrace
