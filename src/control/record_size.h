// How many payload bytes a record carries.
#pragma once

#include <cstddef>

namespace millrace {

// Payload bytes of each record of a chunk of `chunk_bytes` on a lane whose messages hold
// `max_message_bytes`: the fewest records of equal size, on leaf boundaries. A chunk that fits into
// one record is that record. `max_message_bytes` is at least kMinMessageBytes and `chunk_bytes` at
// least one leaf.
size_t RecordPayloadBytes(size_t chunk_bytes, size_t max_message_bytes);

}  // namespace millrace
