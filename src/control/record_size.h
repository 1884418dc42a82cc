// How many payload bytes a record may carry.
#pragma once

#include <cstddef>

namespace millrace {

// The most payload bytes of a record of a chunk of `chunk_bytes` on a lane whose messages hold
// `max_message_bytes`, a multiple of kGrainBytes: the whole chunk where it fits. The sender divides
// a longer one evenly (CutEnd). `max_message_bytes` is at least kMinMessageBytes and `chunk_bytes`
// at least 1.
size_t RecordPayloadBytes(size_t chunk_bytes, size_t max_message_bytes);

}  // namespace millrace
