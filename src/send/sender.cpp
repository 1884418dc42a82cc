#include "send/sender.h"

#include <algorithm>
#include <array>

#include "wire/utf8.h"

namespace millrace {
namespace {

// Room for entries in one MANIFEST frame; the largest entry fits several times.
constexpr size_t kManifestPartBytes = 12 * 1024;

std::optional<Error> CheckOffer(const std::vector<FileInfo>& files) {
  if (files.empty()) return Error{ErrorCode::kInvalidArgument, "there is no file to send"};
  if (files.size() > kMaxFilesPerTransfer) {
    return Error{ErrorCode::kTooLarge, "one transfer holds at most 20,000 files"};
  }
  uint64_t total = 0;
  size_t manifest_bytes = 0;
  for (const FileInfo& file : files) {
    if (file.path.empty() || !IsUtf8(file.path) || !IsUtf8(file.type)) {
      return Error{ErrorCode::kInvalidArgument, "a file has no usable name"};
    }
    if (file.path.size() > kMaxPathBytes || file.type.size() > kMaxTypeBytes) {
      return Error{ErrorCode::kInvalidArgument, "a file's name or type is too long"};
    }
    if (file.size > kMaxFileBytes || total > kMaxFileBytes - file.size ||
        file.last_modified_ms > kMaxFileBytes) {
      return Error{ErrorCode::kTooLarge, "a transfer holds at most 2^53 - 1 bytes"};
    }
    total += file.size;
    manifest_bytes += file.path.size() + file.type.size();
  }
  if (manifest_bytes > kMaxManifestBytes) {
    return Error{ErrorCode::kTooLarge, "the names of the files take more than 4 MiB"};
  }
  return std::nullopt;
}

}  // namespace

TransferId Sender::Offer(const std::vector<FileInfo>& files) {
  const TransferId id(next_ordinal_++ * 2 + static_cast<uint32_t>(role_));
  std::optional<Error> error = CheckOffer(files);
  if (!error && transfers_.size() >= kMaxOpenTransfers) {
    error = Error{ErrorCode::kTooLarge, "too many transfers are open"};
  }
  if (error) {
    // The number is spent all the same, so the peer must learn of it to count along.
    frames_.Push(CancelFrame{id, error->code, error->detail});
    events_.push_back({.type = EventType::kFailed, .transfer = id, .error = *error});
    return id;
  }
  transfers_.emplace(id, OutgoingTransfer(files));
  PushManifest(id, files);
  return id;
}

void Sender::PushManifest(TransferId id, const std::vector<FileInfo>& files) {
  std::array<uint8_t, kManifestPartBytes> entries;
  ManifestFrame part{id, static_cast<uint32_t>(files.size()), 0, 0, {}};
  ByteWriter writer(entries);
  for (const FileInfo& file : files) {
    const FileEntry entry{file.size, file.last_modified_ms, file.path, file.type};
    if (FileEntryLength(entry) > writer.room()) {
      part.entries = writer.written();
      frames_.Push(part);
      part.first_file += part.count;
      part.count = 0;
      writer = ByteWriter(entries);
    }
    EncodeFileEntry(entry, writer);
    ++part.count;
  }
  part.entries = writer.written();
  frames_.Push(part);
}

OutgoingTransfer* Sender::Find(TransferId id) {
  const auto it = transfers_.find(id);
  return it == transfers_.end() ? nullptr : &it->second;
}

template <typename Visit>
auto Sender::InTurn(Visit visit)
    -> decltype(visit(TransferId(), std::declval<OutgoingTransfer&>())) {
  auto it = transfers_.upper_bound(last_served_);
  for (size_t i = 0; i < transfers_.size(); ++i, ++it) {
    if (it == transfers_.end()) it = transfers_.begin();
    if (!it->second.MayMove()) continue;
    if (auto found = visit(it->first, it->second)) return found;
  }
  return std::nullopt;
}

PieceId Sender::TakeSlot() {
  if (free_pieces_.empty()) {
    pieces_.emplace_back();
    return PieceId(static_cast<uint32_t>(pieces_.size() - 1));
  }
  const PieceId id = free_pieces_.back();
  free_pieces_.pop_back();
  return id;
}

void Sender::FreePiece(PieceId id) {
  Piece& piece = At(id);
  if (piece.state == PieceState::kReading || piece.state == PieceState::kReady) {
    ahead_bytes_ -= piece.length;
  }
  piece.buffer.Release();
  piece.state = PieceState::kFree;
  free_pieces_.push_back(id);
}

std::optional<ReadRequest> Sender::PollRead() {
  if (ahead_bytes_ >= kReadAheadBytes) return std::nullopt;
  return InTurn([this](TransferId id, OutgoingTransfer& transfer) -> std::optional<ReadRequest> {
    const std::optional<ReadPosition> next = transfer.NextRead(piece_bytes_);
    if (!next) return std::nullopt;
    std::optional<PoolBuffer> buffer = pool_.Allocate(kMaxDataHeaderBytes + next->length);
    if (!buffer) return std::nullopt;
    transfer.Advance(*next);
    const PieceId slot = TakeSlot();
    Piece& piece = At(slot);
    piece.state = PieceState::kReading;
    piece.transfer = id;
    piece.file = next->file;
    piece.offset = next->offset;
    piece.length = next->length;
    piece.buffer = std::move(*buffer);
    ahead_bytes_ += piece.length;
    return ReadRequest{slot, id, next->file, next->offset,
                       piece.buffer.bytes().subspan(kMaxDataHeaderBytes)};
  });
}

void Sender::ReadDone(PieceId id, size_t length) {
  if (id.value >= pieces_.size() || At(id).state != PieceState::kReading) return;
  Piece& piece = At(id);
  OutgoingTransfer* transfer = Find(piece.transfer);
  if (transfer == nullptr) return FreePiece(id);
  if (length != piece.length) {
    const TransferId failed = piece.transfer;
    FreePiece(id);
    const Error error{ErrorCode::kSourceChanged, "the file ended before its announced size"};
    frames_.Push(CancelFrame{failed, error.code, error.detail});
    return Fail(failed, error, false);
  }
  const ByteView payload = piece.buffer.bytes().subspan(kMaxDataHeaderBytes);
  const std::optional<Digest> root = transfer->Hash(piece.file, piece.offset, payload);
  piece.state = PieceState::kReady;
  transfer->ready.push_back(id);
  if (root) PushComplete(piece.transfer, piece.file, transfer->files()[piece.file.value]);
}

void Sender::PushComplete(TransferId id, FileIndex file, const OutgoingFile& state) {
  frames_.Push(CompleteFrame{id, file, state.size, *state.root});
}

std::optional<OutgoingPiece> Sender::NextPiece() {
  return InTurn([this](TransferId id, OutgoingTransfer& transfer) -> std::optional<OutgoingPiece> {
    if (transfer.ready.empty()) return std::nullopt;
    const PieceId slot = transfer.ready.front();
    transfer.ready.pop_front();
    last_served_ = id;
    Piece& piece = At(slot);
    piece.state = PieceState::kSent;
    ahead_bytes_ -= piece.length;
    // The header goes right before the payload, which never moves.
    std::array<uint8_t, kMaxDataHeaderBytes> header;
    ByteWriter writer(header);
    EncodeDataHeader(DataFrame{id, piece.file, piece.offset, {}}, writer);
    const size_t start = kMaxDataHeaderBytes - writer.size();
    const MutableByteView bytes = piece.buffer.bytes();
    const ByteView written = writer.written();
    std::copy(written.begin(), written.end(), bytes.begin() + static_cast<std::ptrdiff_t>(start));
    return OutgoingPiece{slot, bytes.subspan(start)};
  });
}

void Sender::OnAcked(PieceId id) {
  Piece& piece = At(id);
  if (piece.state != PieceState::kSent) return;
  OutgoingTransfer* transfer = Find(piece.transfer);
  if (transfer != nullptr) transfer->acked_bytes += piece.length;
  FreePiece(id);
}

Status Sender::OnAccept(const AcceptFrame& frame) {
  if (!IsKnown(frame.transfer)) return Violation("ACCEPT of a transfer that was never offered");
  OutgoingTransfer* transfer = Find(frame.transfer);
  if (transfer == nullptr) return Status::Ok();
  if (transfer->accepted) return Violation("a transfer was accepted twice");
  transfer->accepted = true;
  events_.push_back({.type = EventType::kAccepted, .transfer = frame.transfer});
  std::vector<OutgoingFile>& files = transfer->files();
  for (size_t i = 0; i < files.size(); ++i) {
    if (files[i].size != 0) continue;
    files[i].root = files[i].tree.Root(0);
    PushComplete(frame.transfer, FileIndex(static_cast<uint32_t>(i)), files[i]);
  }
  return Status::Ok();
}

Status Sender::OnReject(const RejectFrame& frame) {
  if (!IsKnown(frame.transfer)) return Violation("REJECT of a transfer that was never offered");
  Fail(frame.transfer, Error{ErrorCode::kRejected, std::string(frame.reason)}, true);
  return Status::Ok();
}

Status Sender::OnCredit(const CreditFrame& frame) {
  if (!IsKnown(frame.transfer)) return Violation("CREDIT for a transfer that was never offered");
  OutgoingTransfer* transfer = Find(frame.transfer);
  if (transfer != nullptr) transfer->credit = std::max(transfer->credit, frame.limit);
  return Status::Ok();
}

Status Sender::OnReceipt(const ReceiptFrame& frame) {
  if (!IsKnown(frame.transfer)) return Violation("RECEIPT for a transfer that was never offered");
  OutgoingTransfer* transfer = Find(frame.transfer);
  if (transfer == nullptr) return Status::Ok();
  std::vector<OutgoingFile>& files = transfer->files();
  if (frame.file.value >= files.size()) return Violation("RECEIPT for a file that does not exist");
  const OutgoingFile& file = files[frame.file.value];
  if (!file.root || *file.root != frame.root || file.size != frame.size) {
    return Violation("RECEIPT does not fit the file that was sent");
  }
  if (transfer->AddReceipt(frame.file)) {
    uint64_t bytes = 0;
    for (const OutgoingFile& f : files) bytes += f.size;
    events_.push_back({.type = EventType::kDone,
                       .transfer = frame.transfer,
                       .size = bytes,
                       .proofs = transfer->Proofs()});
    transfers_.erase(frame.transfer);
  }
  return Status::Ok();
}

void Sender::SetPausedHere(TransferId id, bool paused) {
  OutgoingTransfer* transfer = Find(id);
  if (transfer != nullptr) transfer->paused_here = paused;
}

Status Sender::OnPause(const PauseFrame& frame) {
  if (!IsKnown(frame.transfer)) return Violation("PAUSE of a transfer that was never offered");
  OutgoingTransfer* transfer = Find(frame.transfer);
  if (transfer == nullptr || transfer->paused_by_peer == frame.paused) return Status::Ok();
  transfer->paused_by_peer = frame.paused;
  events_.push_back({.type = EventType::kPaused, .transfer = frame.transfer, .flag = frame.paused});
  return Status::Ok();
}

void Sender::Fail(TransferId id, Error error, bool by_peer) {
  const auto it = transfers_.find(id);
  if (it == transfers_.end()) return;
  // What is being read or is under way stays until the source or the peer lets go of it.
  for (const PieceId piece : it->second.ready) FreePiece(piece);
  transfers_.erase(it);
  events_.push_back(
      {.type = EventType::kFailed, .transfer = id, .flag = by_peer, .error = std::move(error)});
}

void Sender::FailAll(const Error& error, bool by_peer) {
  while (!transfers_.empty()) Fail(transfers_.begin()->first, error, by_peer);
}

uint64_t Sender::AckedBytes(TransferId id) const {
  const auto it = transfers_.find(id);
  return it == transfers_.end() ? 0 : it->second.acked_bytes;
}

}  // namespace millrace
