// The session's commands about transfers and messages, and the requests to sources and sinks.
#include <algorithm>

#include "session/session.h"
#include "wire/utf8.h"

namespace millrace {

std::optional<ReadRequest> Session::PollRead() {
  if (closed() || bulk_.lanes().empty()) return std::nullopt;
  sender_.SetChunkBytes(bulk_.chunks().chunk_bytes());
  return sender_.PollRead();
}

void Session::ReadDone(ChunkId chunk, size_t length, Timestamp now) {
  Touch(now);
  // The source has answered; hashing is this side's processor.
  if (waiting_.current() == Waiting::kSource) waiting_.Set(Waiting::kSeal, now_);
  sender_.ReadDone(chunk, length);
}

std::optional<WriteRequest> Session::PollWrite() {
  std::optional<WriteRequest> write = receiver_.PollWrite();
  // The sink may write it synchronously, and then nothing else happens meanwhile.
  if (write) SetReceiving(Waiting::kSink);
  return write;
}

void Session::WriteDone(WriteId write, Timestamp now) {
  Touch(now);
  SetReceiving(Waiting::kSeal);
  receiver_.WriteDone(write);
}

void Session::FileStored(TransferId transfer, FileIndex file, Timestamp now) {
  Touch(now);
  receiver_.FileStored(transfer, file);
}

std::optional<Event> Session::PollEvent() {
  // The first transfer may come while the peer is silent.
  if (connected()) JudgeSilence();
  if (events_.empty()) return std::nullopt;
  Event event = std::move(events_.front());
  events_.pop_front();
  return event;
}

TransferId Session::Offer(const FileList& files, const TransferToken& token, Timestamp now) {
  Touch(now);
  if (!established()) {
    const TransferId none(UINT32_MAX);
    const Error error = closed()
                            ? Error{ErrorCode::kClosed, "the session has ended"}
                            : Error{ErrorCode::kInvalidArgument, "the session is not connected"};
    events_.push_back({.type = EventType::kFailed, .transfer = none, .error = error});
    return none;
  }
  return sender_.Offer(files, token);
}

void Session::AddExisting(TransferId transfer, FileIndex file, uint64_t offset, ByteView bytes) {
  if (!closed()) receiver_.AddExisting(transfer, file, offset, bytes);
}

void Session::Accept(TransferId transfer, Timestamp now) {
  Touch(now);
  if (closed()) return;
  if (!receiver_.MayMove()) receive_waiting_.Begin(now_);
  receiver_.Accept(transfer);
}

void Session::Reject(TransferId transfer, std::string_view reason, Timestamp now) {
  Touch(now);
  if (!closed()) receiver_.Reject(transfer, ClipUtf8(reason, kMaxReasonBytes));
}

void Session::SetPaused(TransferId transfer, bool paused, Timestamp now) {
  Touch(now);
  const bool known = sender_.IsKnown(transfer) || receiver_.IsKnown(transfer);
  if (closed() || !known) return;
  sender_.SetPausedHere(transfer, paused);
  receiver_.SetPausedHere(transfer, paused);
  control_.frames().Push(PauseFrame{transfer, paused});
}

void Session::Fail(TransferId transfer, ErrorCode code, std::string_view detail, Timestamp now) {
  Touch(now);
  const bool known = sender_.IsKnown(transfer) || receiver_.IsKnown(transfer);
  if (closed() || !known) return;
  const Error error{code, std::string(ClipUtf8(detail, kMaxReasonBytes))};
  control_.frames().Push(CancelFrame{transfer, error.code, error.detail});
  sender_.Fail(transfer, error, false);
  receiver_.Fail(transfer, error, false);
}

void Session::Signal(std::string_view message, Timestamp now) {
  Touch(now);
  if (!established()) return;
  if (message.size() > kMaxSignalBytes) {
    return CloseWith(Error{ErrorCode::kInvalidArgument, "a signalling message is too long"},
                     Ending::kFailure);
  }
  control_.frames().Push(SignalFrame{message});
}

void Session::Message(ByteView message, Timestamp now) {
  Touch(now);
  if (!established()) return;
  if (message.size() > kMaxAppMessageBytes) {
    return CloseWith(Error{ErrorCode::kInvalidArgument, "a message is too long"}, Ending::kFailure);
  }
  MessageAssembler::Split(message,
                          [this](const MessageFrame& frame) { control_.frames().Push(frame); });
}

}  // namespace millrace
