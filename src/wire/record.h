// The envelope of every channel message (PROTOCOL, "Records").
#pragma once

#include <optional>

#include "base/bytes.h"
#include "base/ids.h"

namespace millrace {

enum class RecordKind : uint8_t {
  kHandshake = 1,  // In the clear, control lane only.
  kSealed = 2,
};

// kind (1) · epoch (1) · packet number (8), authenticated along with the sealed body.
inline constexpr size_t kRecordHeaderBytes = 10;
inline constexpr size_t kRecordTagBytes = 16;
inline constexpr size_t kRecordOverheadBytes = kRecordHeaderBytes + kRecordTagBytes;

struct RecordHeader {
  uint8_t epoch = 0;
  PacketNumber number;
};

// The kind of a message; nothing where it is empty or of no kind we know.
std::optional<RecordKind> PeekRecordKind(ByteView message);

// Writes the header of a sealed record into the first kRecordHeaderBytes of `out`.
void EncodeRecordHeader(const RecordHeader& header, MutableByteView out);

// Reads it back; nothing where the message is too short to be a sealed record or its number is out
// of range.
std::optional<RecordHeader> DecodeRecordHeader(ByteView message);

}  // namespace millrace
