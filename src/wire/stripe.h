// Messages of chunks striped over several channels of a connection that belongs to the application,
// as `millrace/parts` speaks them: nothing is sealed, DTLS protects them.
//
//   CHUNK   01 · number u64 · transfer u32 · index u32 · chunk bytes u32 · total bytes u64 ·
//   payload
//   FRAMES  02 · frames ACK, CANCEL and REJECT as in PROTOCOL; on the pulse lane PING and PONG only
//
// The pulse lane is one more channel, unordered and without retransmissions. Only a side that paces
// sends PINGs; the other side answers them.
//
// Numbers count the chunks of a channel in its direction, from 0; an ACK's lane is the channel's
// number, which is the end of its label.
#pragma once

#include <variant>

#include "base/bytes.h"
#include "base/error.h"
#include "base/ids.h"
#include "wire/limits.h"

namespace millrace {

inline constexpr size_t kStripeHeaderBytes = 1 + 8 + 4 + 4 + 4 + 8;
inline constexpr size_t kMostStripeChunkBytes = kMaxMessageBytes - kStripeHeaderBytes;

struct StripeChunk {
  PacketNumber number;
  TransferId transfer;
  uint32_t index = 0;
  uint32_t chunk_bytes = 0;  // Of every chunk but the last one.
  uint64_t total_bytes = 0;
  ByteView payload;

  uint64_t offset() const { return uint64_t{index} * chunk_bytes; }
};

// How many chunks there are: one at least, so that an empty transfer arrives too. `chunk_bytes` is
// not 0.
inline uint64_t StripeChunks(uint64_t total_bytes, uint32_t chunk_bytes) {
  const uint64_t whole = total_bytes / chunk_bytes;
  return total_bytes == 0 ? 1 : whole + (total_bytes % chunk_bytes > 0 ? 1 : 0);
}

// The frames of a FRAMES message.
struct StripeFrames {
  ByteView frames;
};

using StripeMessage = std::variant<StripeChunk, StripeFrames>;

// Writes everything of a CHUNK before its payload.
void EncodeStripeHeader(const StripeChunk& chunk, ByteWriter& writer);

// Errors: kProtocolViolation for an unknown kind, a message cut short, a chunk size of 0 or past
// kMostStripeChunkBytes, a total past kMaxFileBytes, more than 2^32 chunks, an index past the last
// one, or a payload of another length than its place has.
Result<StripeMessage> DecodeStripe(ByteView message);

}  // namespace millrace
