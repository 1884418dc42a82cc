#include "wire/frames.h"

#include <algorithm>

#include "wire/utf8.h"

namespace millrace {
namespace {

void WriteType(ByteWriter& writer, FrameType type) { writer.U8(static_cast<uint8_t>(type)); }

void Encode(const PaddingFrame&, ByteWriter& writer) { WriteType(writer, FrameType::kPadding); }

void Encode(const PingFrame& frame, ByteWriter& writer) {
  WriteType(writer, FrameType::kPing);
  writer.U64(frame.token);
}

void Encode(const PongFrame& frame, ByteWriter& writer) {
  WriteType(writer, FrameType::kPong);
  writer.U64(frame.token);
  writer.U64(static_cast<uint64_t>(frame.received_at.micros()));
}

void Encode(const AckFrame& frame, ByteWriter& writer) {
  WriteType(writer, FrameType::kAck);
  writer.Varint(frame.lane.value);
  writer.U64(static_cast<uint64_t>(frame.largest_received_at.micros()));
  writer.Varint(frame.range_count);
  // The newest number, then lengths and the gaps between ranges, going down.
  uint64_t previous_begin = 0;
  for (size_t i = 0; i < frame.range_count; ++i) {
    const Range& range = frame.ranges[i];
    writer.Varint(i == 0 ? range.end - 1 : previous_begin - range.end);
    writer.Varint(range.length());
    previous_begin = range.begin;
  }
}

void Encode(const ManifestFrame& frame, ByteWriter& writer) {
  WriteType(writer, FrameType::kManifest);
  writer.Varint(frame.transfer.value);
  writer.Bytes(frame.token);
  writer.Varint(frame.total_files);
  writer.Varint(frame.first_file);
  writer.Varint(frame.count);
  writer.LengthPrefixed(frame.entries);
}

void Encode(const AcceptFrame& frame, ByteWriter& writer) {
  WriteType(writer, FrameType::kAccept);
  writer.Varint(frame.transfer.value);
}

void Encode(const RejectFrame& frame, ByteWriter& writer) {
  WriteType(writer, FrameType::kReject);
  writer.Varint(frame.transfer.value);
  writer.LengthPrefixed(AsBytes(frame.reason));
}

void Encode(const DataFrame& frame, ByteWriter& writer) {
  EncodeDataHeader(frame, writer);
  writer.Bytes(frame.payload);
}

void Encode(const CreditFrame& frame, ByteWriter& writer) {
  WriteType(writer, FrameType::kCredit);
  writer.Varint(frame.transfer.value);
  writer.Varint(frame.limit);
}

void Encode(const HaveFrame& frame, ByteWriter& writer) {
  WriteType(writer, FrameType::kHave);
  writer.Varint(frame.transfer.value);
  writer.Varint(frame.file.value);
  writer.Varint(frame.range_count);
  uint64_t previous_end = 0;
  for (const Range& range : frame.used()) {
    writer.Varint(range.begin - previous_end);
    writer.Varint(range.length());
    previous_end = range.end;
  }
}

void Encode(const ResumeFrame& frame, ByteWriter& writer) {
  WriteType(writer, FrameType::kResume);
  writer.Varint(frame.frames_received);
}

void EncodeFileProof(FrameType type, TransferId transfer, FileIndex file, uint64_t size,
                     const Digest& root, ByteWriter& writer) {
  WriteType(writer, type);
  writer.Varint(transfer.value);
  writer.Varint(file.value);
  writer.Varint(size);
  writer.Bytes(root);
}

void Encode(const CompleteFrame& f, ByteWriter& writer) {
  EncodeFileProof(FrameType::kComplete, f.transfer, f.file, f.size, f.root, writer);
}

void Encode(const ReceiptFrame& f, ByteWriter& writer) {
  EncodeFileProof(FrameType::kReceipt, f.transfer, f.file, f.size, f.root, writer);
}

void Encode(const CancelFrame& frame, ByteWriter& writer) {
  WriteType(writer, FrameType::kCancel);
  writer.Varint(frame.transfer.value);
  writer.U8(static_cast<uint8_t>(frame.code));
  writer.LengthPrefixed(AsBytes(frame.reason));
}

void Encode(const PauseFrame& frame, ByteWriter& writer) {
  WriteType(writer, FrameType::kPause);
  writer.Varint(frame.transfer.value);
  writer.U8(frame.paused ? 1 : 0);
}

void Encode(const SignalFrame& frame, ByteWriter& writer) {
  WriteType(writer, FrameType::kSignal);
  writer.LengthPrefixed(AsBytes(frame.message));
}

void Encode(const MessageFrame& frame, ByteWriter& writer) {
  WriteType(writer, FrameType::kMessage);
  writer.U8(frame.more ? 1 : 0);
  writer.LengthPrefixed(frame.bytes);
}

void Encode(const CloseFrame& frame, ByteWriter& writer) {
  WriteType(writer, FrameType::kClose);
  writer.U8(static_cast<uint8_t>(frame.code));
  writer.LengthPrefixed(AsBytes(frame.reason));
}

Digest ReadDigest(ByteReader& reader) {
  Digest digest{};
  const ByteView bytes = reader.Bytes(digest.size());
  std::copy(bytes.begin(), bytes.end(), digest.begin());
  return digest;
}

// A point in time on the peer's clock; nothing where it is out of range.
std::optional<Timestamp> ReadTime(ByteReader& reader) {
  const uint64_t micros = reader.U64();
  if (micros > static_cast<uint64_t>(INT64_MAX)) return std::nullopt;
  return Timestamp::FromMicros(static_cast<int64_t>(micros));
}

// Braced lists are read from left to right, so the fields below stand in wire order.

Result<Frame> DecodePong(ByteReader& reader) {
  const uint64_t token = reader.U64();
  const std::optional<Timestamp> received_at = ReadTime(reader);
  if (!reader.ok()) return Violation("PONG frame is cut short");
  if (!received_at) return Violation("PONG time is out of range");
  return Frame(PongFrame{token, *received_at});
}

Result<Frame> DecodeAck(ByteReader& reader) {
  AckFrame frame;
  frame.lane = LaneId(reader.Varint32());
  const std::optional<Timestamp> received_at = ReadTime(reader);
  const uint64_t count = reader.Varint();
  if (!reader.ok()) return Violation("ACK frame is cut short");
  if (!received_at) return Violation("ACK time is out of range");
  if (count == 0 || count > kMaxAckRanges) return Violation("ACK has no or too many ranges");
  frame.largest_received_at = *received_at;
  frame.range_count = static_cast<size_t>(count);
  uint64_t below = 0;  // The beginning of the range read before this one.
  for (size_t i = 0; i < frame.range_count; ++i) {
    const uint64_t step = reader.Varint();
    const uint64_t length = reader.Varint();
    if (!reader.ok()) return Violation("ACK frame is cut short");
    if (i > 0 && (step == 0 || step > below)) return Violation("ACK ranges touch or underflow");
    const uint64_t end = i == 0 ? step + 1 : below - step;
    if (length == 0 || length > end) return Violation("ACK range is empty or underflows");
    frame.ranges[i] = Range{end - length, end};
    below = end - length;
  }
  return Frame(frame);
}

Result<Frame> DecodeManifest(ByteReader& reader) {
  ManifestFrame frame;
  frame.transfer = TransferId(reader.Varint32());
  const ByteView token = reader.Bytes(frame.token.size());
  std::copy(token.begin(), token.end(), frame.token.begin());
  frame.total_files = reader.Varint32();
  frame.first_file = reader.Varint32();
  frame.count = reader.Varint32();
  frame.entries = reader.LengthPrefixed(kMaxControlRecordBytes);
  if (!reader.ok()) return Violation("MANIFEST frame is cut short or too long");
  if (frame.total_files == 0) return Violation("manifest without files");
  if (frame.total_files > kMaxOpenFiles) return Violation("manifest names too many files");
  if (frame.count == 0 || frame.first_file >= frame.total_files ||
      frame.count > frame.total_files - frame.first_file) {
    return Violation("manifest part lies outside of the manifest");
  }
  return Frame(frame);
}

Result<Frame> DecodeHave(ByteReader& reader) {
  HaveFrame frame;
  frame.transfer = TransferId(reader.Varint32());
  frame.file = FileIndex(reader.Varint32());
  const uint64_t count = reader.Varint();
  if (!reader.ok() || count == 0 || count > kMaxAckRanges) {
    return Violation("HAVE frame has no or too many ranges");
  }
  frame.range_count = static_cast<size_t>(count);
  uint64_t previous_end = 0;
  for (size_t i = 0; i < frame.range_count; ++i) {
    const uint64_t step = reader.Varint();
    const uint64_t length = reader.Varint();
    if (!reader.ok()) return Violation("HAVE frame is cut short");
    if (i > 0 && step == 0) return Violation("HAVE ranges touch");
    if (step > kMaxFileBytes - previous_end || length == 0 ||
        length > kMaxFileBytes - previous_end - step) {
      return Violation("HAVE range is empty or past the largest file");
    }
    frame.ranges[i] = Range{previous_end + step, previous_end + step + length};
    if (frame.ranges[i].begin % kLeafBytes != 0) return Violation("HAVE is off the leaf grid");
    previous_end = frame.ranges[i].end;
  }
  return Frame(frame);
}

Result<Frame> DecodeData(ByteReader& reader) {
  DataFrame frame{TransferId(reader.Varint32()), FileIndex(reader.Varint32()), reader.Varint(), {}};
  frame.payload = reader.Bytes(reader.rest().size());
  if (!reader.ok() || frame.payload.empty()) return Violation("DATA frame is cut short");
  if (frame.offset > kMaxFileBytes || frame.payload.size() > kMaxFileBytes - frame.offset) {
    return Violation("DATA lies past the largest file");
  }
  if (frame.offset % kGrainBytes != 0)
    return Violation("DATA does not start on a multiple of 1 KiB");
  return Frame(frame);
}

template <typename FrameT>
Result<Frame> DecodeFileProof(ByteReader& reader) {
  FrameT frame{TransferId(reader.Varint32()), FileIndex(reader.Varint32()), reader.Varint(),
               ReadDigest(reader)};
  if (!reader.ok()) return Violation("COMPLETE or RECEIPT frame is cut short");
  return Frame(frame);
}

Result<Frame> DecodeReject(ByteReader& reader) {
  RejectFrame frame{TransferId(reader.Varint32()), AsText(reader.LengthPrefixed(kMaxReasonBytes))};
  if (!reader.ok() || !IsUtf8(frame.reason)) return Violation("REJECT frame is malformed");
  return Frame(frame);
}

Result<Frame> DecodeCancel(ByteReader& reader) {
  CancelFrame frame{TransferId(reader.Varint32()), ErrorCodeFromWire(reader.U8()),
                    AsText(reader.LengthPrefixed(kMaxReasonBytes))};
  if (!reader.ok() || !IsUtf8(frame.reason)) return Violation("CANCEL frame is malformed");
  return Frame(frame);
}

Result<Frame> DecodePause(ByteReader& reader) {
  const TransferId transfer(reader.Varint32());
  const uint8_t flag = reader.U8();
  if (!reader.ok() || flag > 1) return Violation("PAUSE frame is malformed");
  return Frame(PauseFrame{transfer, flag == 1});
}

Result<Frame> DecodeSignal(ByteReader& reader) {
  SignalFrame frame{AsText(reader.LengthPrefixed(kMaxSignalBytes))};
  if (!reader.ok() || !IsUtf8(frame.message)) return Violation("SIGNAL frame is malformed");
  return Frame(frame);
}

Result<Frame> DecodeMessage(ByteReader& reader) {
  const uint8_t more = reader.U8();
  const ByteView bytes = reader.LengthPrefixed(kMaxMessagePartBytes);
  if (!reader.ok() || more > 1) return Violation("MESSAGE frame is malformed");
  return Frame(MessageFrame{more == 1, bytes});
}

Result<Frame> DecodeClose(ByteReader& reader) {
  CloseFrame frame{ErrorCodeFromWire(reader.U8()), AsText(reader.LengthPrefixed(kMaxReasonBytes))};
  if (!reader.ok() || !IsUtf8(frame.reason)) return Violation("CLOSE frame is malformed");
  return Frame(frame);
}

// All padding that stands in a row counts as one frame.
void SkipZeros(ByteReader& reader) {
  const ByteView rest = reader.rest();
  const auto end = std::find_if(rest.begin(), rest.end(), [](uint8_t byte) { return byte != 0; });
  reader.Bytes(static_cast<size_t>(end - rest.begin()));
}

Result<Frame> Checked(const ByteReader& reader, Frame frame) {
  if (!reader.ok()) return Violation("frame is cut short");
  return frame;
}

}  // namespace

void EncodeFrame(const Frame& frame, ByteWriter& writer) {
  std::visit([&writer](const auto& f) { Encode(f, writer); }, frame);
}

void EncodeDataHeader(const DataFrame& frame, ByteWriter& writer) {
  WriteType(writer, FrameType::kData);
  writer.Varint(frame.transfer.value);
  writer.Varint(frame.file.value);
  writer.Varint(frame.offset);
}

void EncodeFileEntry(const FileEntry& entry, ByteWriter& writer) {
  // 0 is an unknown size; a known one is one more than itself.
  writer.Varint(entry.size ? *entry.size + 1 : 0);
  writer.Varint(entry.last_modified_ms);
  writer.LengthPrefixed(AsBytes(entry.path));
  writer.LengthPrefixed(AsBytes(entry.type));
}

size_t FileEntryLength(const FileEntry& entry) {
  return VarintLength(entry.size ? *entry.size + 1 : 0) + VarintLength(entry.last_modified_ms) +
         VarintLength(entry.path.size()) + entry.path.size() + VarintLength(entry.type.size()) +
         entry.type.size();
}

Result<FileEntry> DecodeFileEntry(ByteReader& reader) {
  FileEntry entry;
  const uint64_t size_plus_one = reader.Varint();
  if (size_plus_one > 0) entry.size = size_plus_one - 1;
  entry.last_modified_ms = reader.Varint();
  entry.path = AsText(reader.LengthPrefixed(kMaxPathBytes));
  entry.type = AsText(reader.LengthPrefixed(kMaxTypeBytes));
  if (!reader.ok()) return Violation("file entry is cut short or has too long a name");
  if (entry.size.value_or(0) > kMaxFileBytes)
    return Violation("file is larger than any file can be");
  if (entry.last_modified_ms > kMaxFileBytes) return Violation("file time is out of range");
  if (entry.path.empty()) return Violation("file without a name");
  if (!IsUtf8(entry.path) || !IsUtf8(entry.type)) return Violation("file name is not UTF-8");
  return entry;
}

Result<Frame> DecodeFrame(ByteReader& reader) {
  const uint8_t type = reader.U8();
  switch (static_cast<FrameType>(type)) {
    case FrameType::kPadding:
      SkipZeros(reader);
      return Frame(PaddingFrame{});
    case FrameType::kPing:
      return Checked(reader, PingFrame{reader.U64()});
    case FrameType::kPong:
      return DecodePong(reader);
    case FrameType::kAck:
      return DecodeAck(reader);
    case FrameType::kManifest:
      return DecodeManifest(reader);
    case FrameType::kAccept:
      return Checked(reader, AcceptFrame{TransferId(reader.Varint32())});
    case FrameType::kReject:
      return DecodeReject(reader);
    case FrameType::kData:
      return DecodeData(reader);
    case FrameType::kCredit:
      return Checked(reader, CreditFrame{TransferId(reader.Varint32()), reader.Varint()});
    case FrameType::kComplete:
      return DecodeFileProof<CompleteFrame>(reader);
    case FrameType::kReceipt:
      return DecodeFileProof<ReceiptFrame>(reader);
    case FrameType::kCancel:
      return DecodeCancel(reader);
    case FrameType::kPause:
      return DecodePause(reader);
    case FrameType::kSignal:
      return DecodeSignal(reader);
    case FrameType::kMessage:
      return DecodeMessage(reader);
    case FrameType::kClose:
      return DecodeClose(reader);
    case FrameType::kHave:
      return DecodeHave(reader);
    case FrameType::kResume:
      return Checked(reader, ResumeFrame{reader.Varint()});
  }
  return Violation("unknown frame");
}

bool TrimAck(AckFrame& ack, size_t room) {
  size_t bytes = 1 + VarintLength(ack.lane.value) + 8 + VarintLength(ack.range_count);
  uint64_t previous_begin = 0;
  size_t fitting = 0;
  for (const Range& range : ack.used()) {
    const bool first = fitting == 0;
    bytes += VarintLength(first ? range.end - 1 : previous_begin - range.end) +
             VarintLength(range.length());
    if (bytes > room) break;
    previous_begin = range.begin;
    ++fitting;
  }
  ack.range_count = fitting;
  return fitting > 0;
}

bool IsPulse(const Frame& frame) {
  return std::holds_alternative<PingFrame>(frame) || std::holds_alternative<PongFrame>(frame) ||
         std::holds_alternative<AckFrame>(frame);
}

bool IsAckEliciting(const Frame& frame) {
  return !IsPulse(frame) && !std::holds_alternative<PaddingFrame>(frame);
}

}  // namespace millrace
