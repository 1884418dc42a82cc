#include "control/record_size.h"

#include "wire/frames.h"
#include "wire/record.h"

namespace millrace {

size_t RecordPayloadBytes(size_t chunk_bytes, size_t max_message_bytes) {
  const size_t room = max_message_bytes - kRecordOverheadBytes - kMaxDataHeaderBytes;
  const size_t chunk_leaves = (chunk_bytes + kLeafBytes - 1) / kLeafBytes;
  const size_t room_leaves = room / kLeafBytes;
  const size_t records = (chunk_leaves + room_leaves - 1) / room_leaves;
  const size_t leaves = (chunk_leaves + records - 1) / records;
  return leaves * kLeafBytes;
}

}  // namespace millrace
