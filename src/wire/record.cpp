#include "wire/record.h"

namespace millrace {

std::optional<RecordKind> PeekRecordKind(ByteView message) {
  if (message.empty()) return std::nullopt;
  switch (message.front()) {
    case static_cast<uint8_t>(RecordKind::kHandshake):
      return RecordKind::kHandshake;
    case static_cast<uint8_t>(RecordKind::kSealed):
      return RecordKind::kSealed;
    default:
      return std::nullopt;
  }
}

void EncodeRecordHeader(const RecordHeader& header, MutableByteView out) {
  ByteWriter writer(out.first(kRecordHeaderBytes));
  writer.U8(static_cast<uint8_t>(RecordKind::kSealed));
  writer.U8(header.epoch);
  writer.U64(header.number.value);
}

std::optional<RecordHeader> DecodeRecordHeader(ByteView message) {
  if (message.size() < kRecordOverheadBytes) return std::nullopt;
  ByteReader reader(message);
  if (reader.U8() != static_cast<uint8_t>(RecordKind::kSealed)) return std::nullopt;
  RecordHeader header;
  header.epoch = reader.U8();
  header.number = PacketNumber(reader.U64());
  if (header.number.value > kMaxVarint) return std::nullopt;
  return header;
}

}  // namespace millrace
