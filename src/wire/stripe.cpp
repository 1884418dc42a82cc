#include "wire/stripe.h"

#include <algorithm>

namespace millrace {
namespace {

constexpr uint8_t kChunk = 0x01;
constexpr uint8_t kFrames = 0x02;

Result<StripeMessage> DecodeChunk(ByteReader& reader) {
  StripeChunk chunk;
  chunk.number = PacketNumber(reader.U64());
  chunk.transfer = TransferId(reader.U32());
  chunk.index = reader.U32();
  chunk.chunk_bytes = reader.U32();
  chunk.total_bytes = reader.U64();
  if (!reader.ok()) return Violation("a chunk is cut short");
  const bool sane = chunk.chunk_bytes > 0 && chunk.chunk_bytes <= kMostStripeChunkBytes &&
                    chunk.total_bytes <= kMaxFileBytes && chunk.number.value <= kMaxVarint;
  if (!sane) return Violation("a chunk has a number out of its range");
  const uint64_t chunks = StripeChunks(chunk.total_bytes, chunk.chunk_bytes);
  if (chunks > UINT32_MAX || chunk.index >= chunks) {
    return Violation("a chunk lies past the end");
  }
  chunk.payload = reader.rest();
  const uint64_t left = chunk.total_bytes - chunk.offset();
  if (chunk.payload.size() != std::min<uint64_t>(left, chunk.chunk_bytes)) {
    return Violation("a chunk has another length than its place");
  }
  return StripeMessage(chunk);
}

}  // namespace

void EncodeStripeHeader(const StripeChunk& chunk, ByteWriter& writer) {
  writer.U8(kChunk);
  writer.U64(chunk.number.value);
  writer.U32(chunk.transfer.value);
  writer.U32(chunk.index);
  writer.U32(chunk.chunk_bytes);
  writer.U64(chunk.total_bytes);
}

Result<StripeMessage> DecodeStripe(ByteView message) {
  ByteReader reader(message);
  switch (reader.U8()) {
    case kChunk:
      return DecodeChunk(reader);
    case kFrames:
      return StripeMessage(StripeFrames{reader.rest()});
    default:
      return Violation("a message of no known kind");
  }
}

}  // namespace millrace
