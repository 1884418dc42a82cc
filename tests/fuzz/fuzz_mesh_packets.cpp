// Any bytes as what a neighbour in the mesh sends: decoding never reads outside, and what decodes
// encodes to what decodes to the same.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "fuzz/check.h"
#include "mesh/message.h"

namespace millrace::testing {
namespace {

std::vector<uint8_t> Encoded(const Packet& packet) {
  static std::vector<uint8_t> scratch(2 * kMaxMeshPacketBytes);
  ByteWriter writer(scratch);
  EncodePacket(packet, writer);
  Check(writer.ok());
  return {writer.written().begin(), writer.written().end()};
}

void Feed(ByteView bytes) {
  ByteReader batch(bytes);
  while (!batch.AtEnd()) {
    const Result<ByteView> part = NextInBatch(batch);
    if (!part.ok()) return;
    const Result<Packet> packet = DecodePacket(part.value());
    if (!packet.ok()) continue;
    Check(packet.value().message.payload.size() <= kMaxMeshPayloadBytes);
    Check(IsAgentId(packet.value().source.id) && packet.value().hops <= kMaxHops);
    const std::vector<uint8_t> once = Encoded(packet.value());
    const Result<Packet> second = DecodePacket(once);
    Check(second.ok() && Encoded(second.value()) == once);
  }
}

}  // namespace
}  // namespace millrace::testing

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size <= millrace::kMaxMeshBatchBytes) {
    millrace::testing::Feed(millrace::ByteView(data, size));
  }
  return 0;
}
