#include "control/record_size.h"

#include <algorithm>

#include "wire/frames.h"
#include "wire/record.h"

namespace millrace {

size_t RecordPayloadBytes(size_t chunk_bytes, size_t max_message_bytes) {
  const size_t room = max_message_bytes - kRecordOverheadBytes - kMaxDataHeaderBytes;
  const size_t chunk_grains = (chunk_bytes + kGrainBytes - 1) / kGrainBytes;
  return std::min(chunk_grains, room / kGrainBytes) * kGrainBytes;
}

}  // namespace millrace
