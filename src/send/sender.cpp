#include "send/sender.h"

#include <algorithm>
#include <array>

#include "wire/padding.h"
#include "wire/utf8.h"

namespace millrace {
namespace {

// Room for entries in one MANIFEST frame; the largest entry fits several times.
constexpr size_t kManifestPartBytes = 12 * 1024;
// With privacy, each part of a manifest takes as much: its entries and its other fields.
constexpr size_t kManifestFieldBytes = 128;
constexpr size_t kPaddedManifestBytes = kManifestPartBytes + kManifestFieldBytes;

// Points into `file`.
FileEntry EntryOf(const FileInfo& file) {
  return FileEntry{file.size, file.last_modified_ms, file.path, file.type};
}

size_t Leaves(size_t bytes) { return (bytes + kLeafBytes - 1) / kLeafBytes; }

std::optional<Error> CheckFileInfo(const FileInfo& file) {
  if (file.path.empty() || !IsUtf8(file.path) || !IsUtf8(file.type)) {
    return Error{ErrorCode::kInvalidArgument, "a file has no usable name"};
  }
  if (file.path.size() > kMaxPathBytes || file.type.size() > kMaxTypeBytes) {
    return Error{ErrorCode::kInvalidArgument, "a file's name or type is too long"};
  }
  if (file.size.value_or(0) > kMaxFileBytes || file.last_modified_ms > kMaxFileBytes) {
    return Error{ErrorCode::kTooLarge, "a file holds at most 2^53 - 1 bytes"};
  }
  return std::nullopt;
}

}  // namespace

Result<Sender::Summary> Sender::Summarize(const FileList& files) const {
  if (files.count == 0) return Error{ErrorCode::kInvalidArgument, "there is no file to send"};
  if (files.count > kMaxOpenFiles) {
    return Error{ErrorCode::kTooLarge, "all open transfers hold at most 20,000 files"};
  }
  Summary summary;
  summary.sizes.reserve(files.count);
  uint64_t total = 0;
  for (size_t i = 0; i < files.count; ++i) {
    const FileInfo file = files.file(i);
    if (const std::optional<Error> error = CheckFileInfo(file)) return *error;
    const uint64_t size = file.size.value_or(0);
    if (total > kMaxFileBytes - size) {
      return Error{ErrorCode::kTooLarge, "a transfer holds at most 2^53 - 1 bytes"};
    }
    total += size;
    summary.sizes.push_back(file.size);
    summary.name_bytes += file.path.size() + file.type.size();
    summary.manifest_bytes += FileEntryLength(EntryOf(file));
  }
  const size_t parts = summary.manifest_bytes / (kManifestPartBytes / 2) + 1;
  summary.manifest_bytes += parts * (FrameQueue::kFrameBytes + kManifestFieldBytes);
  if (privacy_) summary.manifest_bytes = parts * (FrameQueue::kFrameBytes + kPaddedManifestBytes);
  return summary;
}

std::optional<Error> Sender::TakeRoom(const Summary& summary, MemoryShare& memory) const {
  if (transfers_.size() >= kMaxOpenTransfers) {
    return Error{ErrorCode::kTooLarge, "too many transfers are open"};
  }
  size_t count = summary.sizes.size();
  size_t name_bytes = summary.name_bytes;
  for (const auto& [id, other] : transfers_) {
    count += other.files().size();
    name_bytes += other.name_bytes();
  }
  if (count > kMaxOpenFiles) {
    return Error{ErrorCode::kTooLarge, "all open transfers hold at most 20,000 files"};
  }
  if (name_bytes > kMaxManifestBytes) {
    return Error{ErrorCode::kTooLarge, "the names of all open files take more than 4 MiB"};
  }
  if (!memory.Resize(summary.sizes.size() * kOutgoingFileBytes,
                     summary.manifest_bytes + kStateReserveBytes)) {
    return Error{ErrorCode::kTooLarge,
                 "the files of all open transfers, both ways, take too much memory"};
  }
  return std::nullopt;
}

TransferId Sender::Offer(const FileList& files, const TransferToken& token) {
  const TransferId id(next_ordinal_++ * 2 + static_cast<uint32_t>(role_));
  MemoryShare memory(memory_);
  const Result<Summary> summary = Summarize(files);
  const std::optional<Error> error =
      summary.ok() ? TakeRoom(summary.value(), memory) : std::optional(summary.error());
  if (error) {
    // The number is spent all the same, so the peer must learn of it to count along.
    frames_.Push(CancelFrame{id, error->code, error->detail});
    events_.push_back({.type = EventType::kFailed, .transfer = id, .error = *error});
    return id;
  }
  transfers_.emplace(
      id, OutgoingTransfer(summary.value().sizes, summary.value().name_bytes, std::move(memory)));
  PushManifest(id, files, token);
  return id;
}

void Sender::PushManifest(TransferId id, const FileList& files, const TransferToken& token) {
  std::array<uint8_t, kManifestPartBytes> entries;
  ManifestFrame part{id, token, static_cast<uint32_t>(files.count), 0, 0, {}};
  ByteWriter writer(entries);
  const size_t least_bytes = privacy_ ? kPaddedManifestBytes : 0;
  for (size_t i = 0; i < files.count; ++i) {
    const FileInfo file = files.file(i);
    const FileEntry entry = EntryOf(file);
    if (FileEntryLength(entry) > writer.room()) {
      part.entries = writer.written();
      frames_.Push(part, least_bytes);
      part.first_file += part.count;
      part.count = 0;
      writer = ByteWriter(entries);
    }
    EncodeFileEntry(entry, writer);
    ++part.count;
  }
  part.entries = writer.written();
  frames_.Push(part, least_bytes);
}

OutgoingTransfer* Sender::Find(TransferId id) {
  const auto it = transfers_.find(id);
  return it == transfers_.end() ? nullptr : &it->second;
}

const OutgoingTransfer* Sender::Find(TransferId id) const {
  const auto it = transfers_.find(id);
  return it == transfers_.end() ? nullptr : &it->second;
}

template <typename Visit>
auto Sender::InTurn(TransferId& last, Visit visit)
    -> decltype(visit(TransferId(), std::declval<OutgoingTransfer&>())) {
  auto it = transfers_.upper_bound(last);
  for (size_t i = 0; i < transfers_.size(); ++i, ++it) {
    if (it == transfers_.end()) it = transfers_.begin();
    if (auto found = visit(it->first, it->second)) {
      last = it->first;
      return found;
    }
  }
  return std::nullopt;
}

void Sender::FreeChunk(ChunkId id) {
  OutgoingChunk& chunk = *chunks_.Find(id);
  SetAhead(chunk, false);
  if (OutgoingTransfer* transfer = Find(chunk.transfer)) --transfer->chunks;
  chunks_.Free(id);
}

void Sender::SetAhead(OutgoingChunk& chunk, bool ahead) {
  if (chunk.ahead == ahead) return;
  chunk.ahead = ahead;
  const size_t bytes = std::max(chunk.buffer.bytes().size(), PagePool::kPageBytes);
  ahead_bytes_ = ahead ? ahead_bytes_ + bytes : ahead_bytes_ - bytes;
  OutgoingTransfer* transfer = Find(chunk.transfer);
  if (transfer == nullptr) return;
  transfer->ahead_bytes = ahead ? transfer->ahead_bytes + bytes : transfer->ahead_bytes - bytes;
}

size_t Sender::AheadShare(const OutgoingTransfer& transfer, size_t sharing) const {
  const size_t others = ahead_bytes_ - transfer.ahead_bytes;
  const size_t spare = (kMostAheadBytes - std::min(kMostAheadBytes, others)) / 2;
  return std::max(kLeastAheadBytes, std::min(kReadAheadBytes / sharing, spare));
}

std::optional<ReadRequest> Sender::PollRead() {
  const auto sharing =
      static_cast<size_t>(std::count_if(transfers_.begin(), transfers_.end(),
                                        [](const auto& entry) { return entry.second.MayMove(); }));
  return InTurn(last_read_, [&](TransferId id, OutgoingTransfer& transfer) {
    const std::optional<ReadRequest> none;
    if (!transfer.MayMove()) return none;
    const size_t share = AheadShare(transfer, sharing);
    if (transfer.ahead_bytes >= share) return none;
    // The last chunk may pass the share by half of it.
    const size_t most_bytes = share / 2 / kLeafBytes * kLeafBytes;
    return StartRead(id, transfer, std::min(chunk_bytes_, most_bytes));
  });
}

std::optional<ReadRequest> Sender::StartRead(TransferId id, OutgoingTransfer& transfer,
                                             size_t most_bytes) {
  std::optional<ReadPosition> next = transfer.NextRead(most_bytes);
  if (!next) return std::nullopt;
  std::optional<ChunkId> chunk_id = chunks_.Allocate(next->length);
  // Chunks of paused transfers may stand in the way of a long run of pages. A transfer that holds
  // memory waits for its own.
  while (!chunk_id && transfer.chunks == 0 && most_bytes > kLeafBytes) {
    most_bytes = most_bytes / 2 / kLeafBytes * kLeafBytes;
    next = transfer.NextRead(most_bytes);
    chunk_id = chunks_.Allocate(next->length);
  }
  if (!chunk_id) return std::nullopt;
  transfer.Advance(*next);
  ++transfer.chunks;
  OutgoingChunk& chunk = *chunks_.Find(*chunk_id);
  chunk.reading = true;
  chunk.held = next->held;
  chunk.transfer = id;
  chunk.file = next->file;
  chunk.offset = next->offset;
  chunk.length = next->length;
  SetAhead(chunk, true);
  return ReadRequest{*chunk_id, id, next->file, next->offset, chunk.buffer.bytes()};
}

bool Sender::IsPlausible(const OutgoingChunk& chunk, std::optional<uint64_t> file_size,
                         size_t length) {
  if (length > chunk.length) return false;
  const bool is_stream = !file_size || chunk.offset + chunk.length > *file_size;
  if (!is_stream) return length == chunk.length;
  // Once a stream has ended, a read past its end brings nothing.
  return !file_size || length == 0 || chunk.offset + length <= *file_size;
}

void Sender::ReadDone(ChunkId id, size_t length) {
  OutgoingChunk* chunk = chunks_.Find(id);
  if (chunk == nullptr || !chunk->reading) return;
  OutgoingTransfer* transfer = Find(chunk->transfer);
  if (transfer == nullptr) return FreeChunk(id);
  const TransferId transfer_id = chunk->transfer;
  const FileIndex file = chunk->file;
  if (!IsPlausible(*chunk, transfer->files()[file.value].size, length)) {
    FreeChunk(id);
    const Error error{ErrorCode::kSourceChanged, "the file ended before its announced size"};
    frames_.Push(CancelFrame{transfer_id, error.code, error.detail});
    return Fail(transfer_id, error, false);
  }
  if (length < chunk->length) {
    transfer->EndStream(file, chunk->offset + length, chunk->length - length);
  }
  transfer->Hash(file, chunk->offset, chunk->buffer.bytes().first(length));
  if (length == 0 || chunk->held) {
    FreeChunk(id);
  } else {
    transfer->sent_leaves += Leaves(length);
    chunks_.StartSending(*chunk, length);
    transfer->ready.push_back(id);
  }
  CheckFile(transfer_id, *transfer, file);
}

void Sender::CheckFile(TransferId id, OutgoingTransfer& transfer, FileIndex file) {
  const std::optional<Digest> root = transfer.TakeRoot(file);
  if (!root) return;
  const CompleteFrame complete{id, file, *transfer.files()[file.value].size, *root};
  if (privacy_ && transfer.AllRead()) {
    const uint64_t leaves = transfer.sent_leaves;
    transfer.padding_leaves = PaddedTotal(leaves) - leaves;
    transfer.last_complete = complete;
    if (transfer.padding_leaves > 0) return;
  }
  frames_.Push(complete);
}

size_t Sender::PayloadLimit(size_t most_payload_bytes) const {
  const size_t unit = privacy_ ? kLeafBytes : kGrainBytes;
  return std::max(unit, most_payload_bytes / unit * unit);
}

std::optional<OutgoingPiece> Sender::NextPiece(size_t most_payload_bytes) {
  const size_t most_bytes = PayloadLimit(most_payload_bytes);
  using Next = std::optional<OutgoingPiece>;
  return InTurn(last_sent_, [this, most_bytes](TransferId, OutgoingTransfer& transfer) -> Next {
    if (Next lost = NextLost(transfer, most_bytes)) return lost;
    if (!transfer.MayMove()) return std::nullopt;
    if (Next unsent = NextUnsent(transfer, most_bytes)) return unsent;
    if (transfer.padding_leaves == 0) return std::nullopt;
    return EmitPadding(transfer, most_bytes);
  });
}

std::optional<OutgoingPiece> Sender::NextLost(OutgoingTransfer& transfer, size_t most_bytes) {
  for (; !transfer.again.empty(); transfer.again.pop_front()) {
    const ChunkId id = transfer.again.front();
    OutgoingChunk* chunk = chunks_.Find(id);
    if (chunk == nullptr) continue;  // A late acknowledgement was the last one of the chunk.
    if (const auto slice = chunk->progress.CutLost(most_bytes)) return Emit(id, *chunk, *slice);
    chunk->waits_again = false;
  }
  return std::nullopt;
}

std::optional<OutgoingPiece> Sender::NextUnsent(OutgoingTransfer& transfer, size_t most_bytes) {
  if (transfer.ready.empty()) return std::nullopt;
  const ChunkId id = transfer.ready.front();
  OutgoingChunk& chunk = *chunks_.Find(id);
  const Slice slice = *chunk.progress.CutUnsent(most_bytes);
  if (!chunk.progress.HasUnsent()) {
    transfer.ready.pop_front();
    SetAhead(chunk, false);
  }
  return Emit(id, chunk, slice);
}

OutgoingPiece Sender::Emit(ChunkId id, const OutgoingChunk& chunk, const Slice& slice) const {
  OutgoingPiece piece;
  piece.piece = ChunkTable::PieceOf(id, slice);
  piece.payload = chunk.buffer.bytes().subspan(slice.begin, slice.length());
  ByteWriter writer(piece.header);
  EncodeDataHeader(DataFrame{chunk.transfer, chunk.file, chunk.offset + slice.begin, {}}, writer);
  piece.header_bytes = writer.size();
  if (privacy_) {
    // Neither the length of the fields nor that of a file's end shows.
    const size_t fields = kMaxDataHeaderBytes - piece.header_bytes;
    piece.padding = fields + Leaves(slice.length()) * kLeafBytes - slice.length();
  }
  return piece;
}

OutgoingPiece Sender::EmitPadding(OutgoingTransfer& transfer, size_t most_bytes) {
  const uint64_t leaves = std::min<uint64_t>(transfer.padding_leaves, most_bytes / kLeafBytes);
  transfer.padding_leaves -= leaves;
  if (transfer.padding_leaves == 0) frames_.Push(*transfer.last_complete);
  OutgoingPiece piece;
  piece.padding = kMaxDataHeaderBytes + static_cast<size_t>(leaves) * kLeafBytes;
  return piece;
}

bool Sender::HasMore(const OutgoingTransfer& transfer) const {
  if (!transfer.MayMove()) return false;
  if (transfer.ahead_bytes > 0) return true;
  if (chunks_.used_bytes() + chunk_bytes_ > chunks_.capacity_bytes()) return false;
  return transfer.NextRead(chunk_bytes_).has_value();
}

bool Sender::HasMore() const {
  return std::any_of(transfers_.begin(), transfers_.end(),
                     [this](const auto& entry) { return HasMore(entry.second); });
}

bool Sender::HasTail() const {
  return std::any_of(transfers_.begin(), transfers_.end(), [this](const auto& entry) {
    return entry.second.MayMove() && !HasMore(entry.second);
  });
}

bool Sender::IsTail(PieceId id) const {
  const OutgoingChunk* chunk = chunks_.Find(ChunkTable::ChunkOf(id));
  const OutgoingTransfer* transfer = chunk == nullptr ? nullptr : Find(chunk->transfer);
  return transfer != nullptr && transfer->MayMove() && !HasMore(*transfer);
}

bool Sender::HasPiece() const {
  return std::any_of(transfers_.begin(), transfers_.end(),
                     [](const auto& entry) { return entry.second.HasPiece(); });
}

bool Sender::MayMove() const {
  return std::any_of(transfers_.begin(), transfers_.end(),
                     [](const auto& entry) { return entry.second.MayMove(); });
}

std::optional<OutgoingPiece> Sender::CopyPiece(PieceId id, size_t most_payload_bytes) {
  const ChunkId chunk_id = ChunkTable::ChunkOf(id);
  OutgoingChunk* chunk = chunks_.Find(chunk_id);
  if (chunk == nullptr) return std::nullopt;
  const OutgoingTransfer* transfer = Find(chunk->transfer);
  if (transfer == nullptr || !transfer->MayMove()) return std::nullopt;
  const Slice slice = ChunkTable::SliceOf(id, *chunk);
  const auto copy = chunk->progress.CutCopy(slice, PayloadLimit(most_payload_bytes));
  if (!copy) return std::nullopt;
  return Emit(chunk_id, *chunk, *copy);
}

void Sender::OnAcked(PieceId id) {
  const ChunkId chunk_id = ChunkTable::ChunkOf(id);
  OutgoingChunk* chunk = chunks_.Find(chunk_id);
  if (chunk == nullptr) return;
  const size_t news = chunk->progress.OnAcked(ChunkTable::SliceOf(id, *chunk));
  if (OutgoingTransfer* transfer = Find(chunk->transfer)) transfer->delivered_bytes += news;
  if (chunk->progress.IsDone()) FreeChunk(chunk_id);
}

bool Sender::OnLost(PieceId id) {
  const ChunkId chunk_id = ChunkTable::ChunkOf(id);
  OutgoingChunk* chunk = chunks_.Find(chunk_id);
  if (chunk == nullptr) return false;
  if (!chunk->progress.OnLost(ChunkTable::SliceOf(id, *chunk))) return false;
  if (!chunk->waits_again) Find(chunk->transfer)->again.push_front(chunk_id);
  chunk->waits_again = true;
  return true;
}

Status Sender::OnHave(const HaveFrame& frame) {
  if (!IsKnown(frame.transfer)) return Violation("HAVE of a transfer that was never offered");
  OutgoingTransfer* transfer = Find(frame.transfer);
  if (transfer == nullptr) return Status::Ok();
  if (transfer->accepted) return Violation("HAVE after ACCEPT");
  if (frame.file.value >= transfer->files().size()) return Violation("HAVE of no such file");
  OutgoingFile& file = transfer->files()[frame.file.value];
  for (const Range& range : frame.used()) {
    if (!file.size || range.end > *file.size) return Violation("HAVE lies past the file");
    if (range.end != *file.size && range.end % kLeafBytes != 0) {
      return Violation("HAVE does not end on a leaf");
    }
    transfer->held_gaps -= file.held.gaps();
    transfer->delivered_bytes += file.held.Insert(range.begin, range.end);
    transfer->held_gaps += file.held.gaps();
  }
  size_t gaps = 0;
  for (const auto& [id, other] : transfers_) gaps += other.held_gaps;
  if (gaps > kMaxGaps) return Violation("HAVE tears too many gaps");
  return Status::Ok();
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
    if (files[i].size == 0) {
      CheckFile(frame.transfer, *transfer, FileIndex(static_cast<uint32_t>(i)));
    }
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
    for (const OutgoingFile& f : files) bytes += f.size.value_or(0);
    events_.push_back({.type = EventType::kDone,
                       .transfer = frame.transfer,
                       .size = bytes,
                       .proofs = transfer->Proofs()});
    End(frame.transfer);
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
  if (Find(id) == nullptr) return;
  End(id);
  events_.push_back(
      {.type = EventType::kFailed, .transfer = id, .flag = by_peer, .error = std::move(error)});
}

void Sender::End(TransferId id) {
  transfers_.erase(id);
  chunks_.ForEach([this, id](ChunkId chunk_id, const OutgoingChunk& chunk) {
    // What is being read belongs to its source until that lets go of it.
    if (!chunk.reading && chunk.transfer == id) FreeChunk(chunk_id);
  });
}

void Sender::FailAll(const Error& error, bool by_peer) {
  while (!transfers_.empty()) Fail(transfers_.begin()->first, error, by_peer);
}

uint64_t Sender::DeliveredBytes(TransferId id) const {
  const auto it = transfers_.find(id);
  return it == transfers_.end() ? 0 : it->second.delivered_bytes;
}

}  // namespace millrace
