// The frames inside a record: encode beside decode (PROTOCOL, "Frames"). Decoded frames point into
// the record that they were read from and live no longer than it.
#pragma once

#include <array>
#include <optional>
#include <string_view>
#include <variant>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/range_set.h"
#include "base/time.h"
#include "base/token.h"
#include "wire/limits.h"

namespace millrace {

enum class FrameType : uint8_t {
  kPadding = 0x00,
  kPing = 0x01,
  kPong = 0x02,
  kAck = 0x03,
  kManifest = 0x04,
  kAccept = 0x05,
  kReject = 0x06,
  kData = 0x07,
  kCredit = 0x08,
  kComplete = 0x09,
  kReceipt = 0x0a,
  kCancel = 0x0b,
  kPause = 0x0c,
  kSignal = 0x0d,
  kClose = 0x0e,
  kHave = 0x0f,
  kResume = 0x10,
  kMessage = 0x11,
};

// One zero byte; any number of them may stand between frames.
struct PaddingFrame {};

// Asks for a PONG with the same token.
struct PingFrame {
  uint64_t token = 0;
};

// Answers a PING: its token, and when it arrived on the answering side's clock.
struct PongFrame {
  uint64_t token = 0;
  Timestamp received_at;
};

// Records of `lane` that arrived, newest range first, and when the newest one did on the receiver's
// clock.
struct AckFrame {
  LaneId lane;
  Timestamp largest_received_at;
  std::array<Range, kMaxAckRanges> ranges;
  size_t range_count = 0;

  std::span<const Range> used() const { return std::span(ranges).first(range_count); }
};

// A part of a transfer's list of files: `count` entries from `first_file` on, of `total_files` in
// all.
// `token` names the transfer beyond this session, so that a receiver that comes back knows what it
// already has.
struct ManifestFrame {
  TransferId transfer;
  TransferToken token{};
  uint32_t total_files = 0;
  uint32_t first_file = 0;
  uint32_t count = 0;
  ByteView entries;  // `count` times a FileEntry.
};

struct FileEntry {
  std::optional<uint64_t> size;  // Nothing for a stream whose end is not known yet.
  uint64_t last_modified_ms = 0;
  std::string_view path;  // UTF-8, separated by '/'.
  std::string_view type;  // MIME type or empty.
};

struct AcceptFrame {
  TransferId transfer;
};

struct RejectFrame {
  TransferId transfer;
  std::string_view reason;
};

// Bytes of a file at an offset, which is a multiple of kGrainBytes; reaches to the end of its
// record.
struct DataFrame {
  TransferId transfer;
  FileIndex file;
  uint64_t offset = 0;
  ByteView payload;
};

// The receiver has room for `limit` payload bytes of the transfer, counted from its start, each
// byte once.
struct CreditFrame {
  TransferId transfer;
  uint64_t limit = 0;
};

// The sender has read the whole file: its size and the root of its hash tree.
struct CompleteFrame {
  TransferId transfer;
  FileIndex file;
  uint64_t size = 0;
  Digest root{};
};

// The receiver has stored the whole file and computed the same root.
struct ReceiptFrame {
  TransferId transfer;
  FileIndex file;
  uint64_t size = 0;
  Digest root{};
};

struct CancelFrame {
  TransferId transfer;
  ErrorCode code = ErrorCode::kCancelled;
  std::string_view reason;
};

struct PauseFrame {
  TransferId transfer;
  bool paused = false;
};

// A message for the peer's shim, through which lanes are signalled in band.
struct SignalFrame {
  std::string_view message;
};

// A part of a message for the peer's application; the parts of one follow each other.
struct MessageFrame {
  bool more = false;  // The message goes on in the next one.
  ByteView bytes;
};

struct CloseFrame {
  ErrorCode code = ErrorCode::kClosed;
  std::string_view reason;
};

// The receiver holds these bytes of a file from an earlier attempt, re-hashed; before ACCEPT.
// Ascending, on leaves except at the file's end.
struct HaveFrame {
  TransferId transfer;
  FileIndex file;
  std::array<Range, kMaxAckRanges> ranges;
  size_t range_count = 0;

  std::span<const Range> used() const { return std::span(ranges).first(range_count); }
};

// First on a control lane that takes the place of a lost one: how many queued frames of the peer
// arrived before.
struct ResumeFrame {
  uint64_t frames_received = 0;
};

using Frame =
    std::variant<PaddingFrame, PingFrame, PongFrame, AckFrame, ManifestFrame, AcceptFrame,
                 RejectFrame, DataFrame, CreditFrame, CompleteFrame, ReceiptFrame, CancelFrame,
                 PauseFrame, SignalFrame, CloseFrame, HaveFrame, ResumeFrame, MessageFrame>;

// An ACK frame at its longest.
inline constexpr size_t kMaxAckFrameBytes = 1 + 8 + 8 + 8 + kMaxAckRanges * 16;
// Drops the oldest ranges of `ack` until its frame takes at most `room` bytes. Answers whether a
// range is left.
bool TrimAck(AckFrame& ack, size_t room);

// Appends a frame to `writer`; `writer.ok()` tells whether it fitted.
void EncodeFrame(const Frame& frame, ByteWriter& writer);
void EncodeFileEntry(const FileEntry& entry, ByteWriter& writer);
// Bytes that the entry takes.
size_t FileEntryLength(const FileEntry& entry);

// Everything of a DATA frame before its payload takes at most this much.
inline constexpr size_t kMaxDataHeaderBytes = 1 + 8 + 8 + 8;
// Writes the fields of a DATA frame, but not its payload.
void EncodeDataHeader(const DataFrame& frame, ByteWriter& writer);

// Takes the next frame off `reader`, which is not at its end.
// Errors: kProtocolViolation for an unknown type, a field out of its range, or a frame cut short.
// The reader is then of no use.
Result<Frame> DecodeFrame(ByteReader& reader);

// Takes the next entry off a manifest's entries.
// Errors: kProtocolViolation where it is cut short, too long, or its path or type is not UTF-8 or
// the path is empty.
Result<FileEntry> DecodeFileEntry(ByteReader& reader);

// Whether the frame belongs on the pulse lane, and nowhere else: PING, PONG and ACK.
bool IsPulse(const Frame& frame);
// Whether the peer has to acknowledge a record with this frame: all but pulse frames and padding.
bool IsAckEliciting(const Frame& frame);

}  // namespace millrace
