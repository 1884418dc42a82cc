#include "receive/receiver.h"

#include <algorithm>
#include <bit>

namespace millrace {

IncomingTransfer* Receiver::Find(TransferId id) {
  const auto it = transfers_.find(id);
  return it == transfers_.end() ? nullptr : &it->second;
}

const IncomingTransfer* Receiver::Find(TransferId id) const {
  const auto it = transfers_.find(id);
  return it == transfers_.end() ? nullptr : &it->second;
}

std::optional<PoolBuffer> Receiver::AllocateControl(size_t bytes) {
  std::optional<PoolBuffer> buffer = control_pool_.Allocate(bytes);
  return buffer ? std::move(buffer) : pool_.Allocate(bytes);
}

Status Receiver::OnManifest(const ManifestFrame& frame) {
  if (!Owns(frame.transfer)) return Violation("MANIFEST under a number that is not the peer's");
  const uint32_t ordinal = frame.transfer.value / 2;
  if (ordinal == next_ordinal_) {
    size_t files = frame.total_files;
    for (const auto& [id, other] : transfers_) files += other.total_files();
    if (transfers_.size() >= kMaxOpenTransfers || files > kMaxOpenFiles) {
      return Error{ErrorCode::kTooLarge, "the peer offers too many transfers or files at once"};
    }
    ++next_ordinal_;
    transfers_.emplace(frame.transfer, IncomingTransfer(frame.total_files, frame.token, memory_));
  } else if (ordinal > next_ordinal_) {
    return Violation("MANIFEST skips transfer numbers");
  }
  IncomingTransfer* transfer = Find(frame.transfer);
  if (transfer == nullptr) return Status::Ok();
  const Error no_memory{ErrorCode::kTooLarge, "the receiver has no memory for so many files"};
  if (!transfer->UpdateMemory()) {
    Cancel(frame.transfer, no_memory);
    return Status::Ok();
  }
  ManifestMemory room{kMaxManifestBytes, kMaxFolders};
  for (const auto& [id, other] : transfers_) {
    if (id == frame.transfer) continue;
    room.name_bytes -= other.manifest_memory().name_bytes;
    room.folders -= other.manifest_memory().folders;
  }
  const Status added = transfer->AddManifest(frame, room);
  if (!added.ok()) return added;
  // One part more than there is memory for takes little.
  if (!transfer->UpdateMemory()) {
    Cancel(frame.transfer, no_memory);
  } else if (transfer->ManifestComplete()) {
    events_.push_back(
        {.type = EventType::kOffer, .transfer = frame.transfer, .token = transfer->token()});
  }
  return Status::Ok();
}

void Receiver::Accept(TransferId id) {
  IncomingTransfer* transfer = Find(id);
  if (transfer == nullptr || transfer->accepted || !transfer->ManifestComplete()) return;
  transfer->accepted = true;
  for (size_t i = 0; i < transfer->files().size(); ++i) {
    PushHave(id, FileIndex(static_cast<uint32_t>(i)), transfer->files()[i]);
  }
  frames_.Push(AcceptFrame{id});
  credit_due_ = true;
  GrantCredit();
}

void Receiver::PushHave(TransferId id, FileIndex index, const IncomingFile& file) {
  HaveFrame have{id, index, {}, 0};
  for (const Range& range : file.arrived.ranges()) {
    have.ranges[have.range_count++] = range;
    if (have.range_count < have.ranges.size()) continue;
    frames_.Push(have);
    have.range_count = 0;
  }
  if (have.range_count > 0) frames_.Push(have);
}

void Receiver::AddExisting(TransferId id, FileIndex index, uint64_t offset, ByteView bytes) {
  IncomingTransfer* transfer = Find(id);
  if (transfer == nullptr || transfer->accepted || index.value >= transfer->files().size()) return;
  IncomingFile& file = transfer->files()[index.value];
  const uint64_t end = offset + bytes.size();
  const bool on_leaves = offset % kLeafBytes == 0 && (end == file.end || end % kLeafBytes == 0);
  if (!file.end || end > *file.end || !on_leaves) return;
  if (file.arrived.FirstMissing(offset, end) != Range{offset, end}) return;
  // Half of the gaps are left to what is going to arrive.
  if (Gaps() >= kMaxGaps / 2) return;
  file.tree.AddBytes(offset, bytes);
  transfer->MarkArrived(index, offset, end);
  file.written_bytes += bytes.size();
  transfer->existing_bytes += bytes.size();
}

void Receiver::Reject(TransferId id, std::string_view reason) {
  IncomingTransfer* transfer = Find(id);
  if (transfer == nullptr || transfer->accepted) return;
  frames_.Push(RejectFrame{id, reason});
  Fail(id, Error{ErrorCode::kRejected, std::string(reason)}, false);
}

Status Receiver::CheckData(const DataFrame& frame, const IncomingTransfer& transfer) const {
  if (!transfer.accepted) return Violation("DATA of a transfer that was not accepted");
  if (frame.file.value >= transfer.files().size())
    return Violation("DATA of a file that is not in the manifest");
  const IncomingFile& file = transfer.files()[frame.file.value];
  const uint64_t end = frame.offset + frame.payload.size();
  if (end > file.end.value_or(kMaxFileBytes))
    return Violation("DATA lies past the end of its file");
  if (end % kGrainBytes == 0 || end == file.end) return Status::Ok();
  // Off the grid: the end of the file, and the first word of it where the size was unknown.
  if (file.end || ArrivedEnd(frame.transfer, frame.file, file) > end) {
    return Violation("DATA does not end on a multiple of 1 KiB");
  }
  return Status::Ok();
}

uint64_t Receiver::ArrivedEnd(TransferId id, FileIndex index, const IncomingFile& file) const {
  const uint64_t whole = file.arrived.empty() ? 0 : file.arrived.ranges().back().end;
  return std::max(whole, partial_.ArrivedEnd(id, index));
}

Status Receiver::OnData(const DataFrame& frame, PoolBuffer& buffer) {
  if (!IsKnown(frame.transfer)) return Violation("DATA of a transfer that was never offered");
  IncomingTransfer* transfer = Find(frame.transfer);
  if (transfer == nullptr) return Status::Ok();
  const Status checked = CheckData(frame, *transfer);
  if (!checked.ok()) return checked;

  IncomingFile& file = transfer->files()[frame.file.value];
  if (file.received) return Status::Ok();
  const uint64_t end = frame.offset + frame.payload.size();
  if (end % kGrainBytes != 0) file.end = end;
  Record record{frame, buffer, buffer.bytes().size(), {}};
  const Status placed = Place(record, *transfer);
  if (record.held) held_.Release(*record.held);
  if (!placed.ok()) return placed;
  if (Gaps() > kMaxGaps) return Violation("DATA tears too many gaps");
  return Status::Ok();
}

// Only what is missing is taken: a second record cannot change bytes that are there.
Status Receiver::Place(Record& record, IncomingTransfer& transfer) {
  const DataFrame& frame = record.frame;
  const IncomingFile& file = transfer.files()[frame.file.value];
  const uint64_t end = frame.offset + frame.payload.size();
  uint64_t at = frame.offset;
  while (true) {
    const Range missing = file.arrived.FirstMissing(at, end);
    if (missing.begin == missing.end) return Status::Ok();
    Range next = UntouchedLeaves(frame, missing, file.end);
    const bool whole = next.length() > 0;
    if (!whole) {
      const uint64_t leaf_end = (missing.begin / kLeafBytes + 1) * kLeafBytes;
      next = Range{missing.begin, std::min(missing.end, leaf_end)};
    }
    const Status placed =
        whole ? PlaceLeaves(record, next, transfer) : PlacePart(record, next, transfer);
    if (!placed.ok()) return placed;
    at = next.end;
  }
}

Range Receiver::UntouchedLeaves(const DataFrame& frame, const Range& missing,
                                std::optional<uint64_t> file_end) const {
  const uint64_t begin = missing.begin;
  if (begin % kLeafBytes != 0) return Range{begin, begin};
  uint64_t end = missing.end;
  if (end != file_end) end -= end % kLeafBytes;
  const LeafId first{frame.transfer, frame.file, begin / kLeafBytes};
  const uint64_t begun = partial_.FirstBegun(first, (end + kLeafBytes - 1) / kLeafBytes);
  return Range{begin, std::max(begin, std::min(end, begun * kLeafBytes))};
}

Status Receiver::TakeCredit(IncomingTransfer& transfer, uint64_t bytes) const {
  if (transfer.arrived_bytes + bytes > transfer.granted) {
    return Violation("DATA past the credit that was granted");
  }
  transfer.arrived_bytes += bytes;
  return Status::Ok();
}

Status Receiver::PlaceLeaves(Record& record, const Range& leaves, IncomingTransfer& transfer) {
  const Status taken = TakeCredit(transfer, leaves.length());
  if (!taken.ok()) return taken;
  const DataFrame& frame = record.frame;
  const ByteView bytes = record.Bytes(leaves.begin, leaves.end);
  transfer.files()[frame.file.value].tree.AddBytes(leaves.begin, bytes);
  transfer.MarkArrived(frame.file, leaves.begin, leaves.end);
  const Kept kept = Keep(record, bytes);
  QueueWrite({frame.transfer, frame.file, leaves.begin / kLeafBytes}, 0, kept.bytes, kept.held);
  return Status::Ok();
}

Status Receiver::PlacePart(Record& record, const Range& part, IncomingTransfer& transfer) {
  const DataFrame& frame = record.frame;
  const LeafId leaf{frame.transfer, frame.file, part.begin / kLeafBytes};
  const uint64_t leaf_begin = leaf.index * kLeafBytes;
  GrainMask missing = GrainsIn(static_cast<size_t>(part.begin - leaf_begin),
                               static_cast<size_t>(part.end - leaf_begin)) &
                      ~partial_.Arrived(leaf);
  while (missing != 0) {
    const auto first = static_cast<size_t>(std::countr_zero(missing));
    const size_t last = first + static_cast<size_t>(std::countr_one(missing >> first));
    const uint64_t begin = leaf_begin + first * kGrainBytes;
    const uint64_t end = std::min(leaf_begin + last * kGrainBytes, part.end);
    const Status taken = TakeCredit(transfer, end - begin);
    if (!taken.ok()) return taken;
    transfer.partial_bytes += end - begin;
    const Kept kept = Keep(record, record.Bytes(begin, end));
    partial_.Add(leaf, LeafPart{first * kGrainBytes, kept.bytes, kept.held});
    missing &= ~GrainsIn(first * kGrainBytes, last * kGrainBytes);
  }
  CompleteLeaf(leaf);
  return Status::Ok();
}

void Receiver::CompleteLeaf(const LeafId& leaf) {
  IncomingTransfer& transfer = *Find(leaf.transfer);
  IncomingFile& file = transfer.files()[leaf.file.value];
  const uint64_t begin = leaf.index * kLeafBytes;
  const uint64_t end = std::min(begin + kLeafBytes, file.end.value_or(UINT64_MAX));
  if (end <= begin) return;
  const auto length = static_cast<size_t>(end - begin);
  if (partial_.Arrived(leaf) != GrainsIn(0, length)) return;
  std::optional<PoolBuffer> buffer = pool_.Allocate(length);
  const MutableByteView whole = buffer ? buffer->bytes() : MutableByteView(scratch_).first(length);
  partial_.Remove(leaf, [&](const LeafPart& part) {
    std::copy(part.bytes.begin(), part.bytes.end(),
              whole.begin() + static_cast<std::ptrdiff_t>(part.begin));
    if (buffer) {
      held_.Release(part.held);
    } else {
      QueueWrite(leaf, part.begin, part.bytes, part.held);
    }
  });
  transfer.partial_bytes -= length;
  transfer.MarkArrived(leaf.file, begin, end);
  file.tree.AddBytes(begin, whole);
  if (buffer) QueueWrite(leaf, 0, whole, held_.Hold(std::move(*buffer)));
}

Receiver::Kept Receiver::Keep(Record& record, ByteView bytes) {
  const size_t record_pages = PagePool::PagesFor(record.buffer_bytes);
  if (record_pages * 16 > PagePool::PagesFor(bytes.size()) * 17) {
    if (std::optional<PoolBuffer> copy = pool_.Allocate(bytes.size())) {
      const MutableByteView to = copy->bytes();
      std::copy(bytes.begin(), bytes.end(), to.begin());
      return Kept{to, held_.Hold(std::move(*copy))};
    }
  }
  // The record's own use lasts until all of it is placed.
  if (!record.held) record.held = held_.Hold(std::move(record.buffer));
  held_.AddUse(*record.held);
  return Kept{bytes, *record.held};
}

size_t Receiver::Gaps() const {
  size_t gaps = 0;
  for (const auto& [id, transfer] : transfers_) gaps += transfer.gaps();
  return gaps;
}

void Receiver::QueueWrite(const LeafId& first_leaf, size_t begin, ByteView bytes, uint32_t held) {
  const WriteId id(writes_.Take());
  const uint64_t offset = first_leaf.index * kLeafBytes + begin;
  writes_[id.value] = Write{first_leaf.transfer, first_leaf.file, offset, bytes, held, true};
  write_queue_.push_back(id);
}

std::optional<WriteRequest> Receiver::PollWrite() {
  while (!write_queue_.empty()) {
    const WriteId id = write_queue_.front();
    write_queue_.pop_front();
    const Write& write = writes_[id.value];
    if (Find(write.transfer) != nullptr) {
      return WriteRequest{id, write.transfer, write.file, write.offset, write.bytes};
    }
    WriteDone(id);
  }
  return std::nullopt;
}

void Receiver::WriteDone(WriteId id) {
  if (id.value >= writes_.size() || !writes_[id.value].pending) return;
  const Write write = writes_[id.value];
  writes_[id.value].pending = false;
  writes_.Free(id.value);
  held_.Release(write.held);
  IncomingTransfer* transfer = Find(write.transfer);
  if (transfer == nullptr) return;
  transfer->written_bytes += write.bytes.size();
  credit_due_ = true;
  transfer->files()[write.file.value].written_bytes += write.bytes.size();
  CheckFile(write.transfer, write.file);
}

Status Receiver::OnComplete(const CompleteFrame& frame) {
  if (!IsKnown(frame.transfer)) return Violation("COMPLETE of a transfer that was never offered");
  IncomingTransfer* transfer = Find(frame.transfer);
  if (transfer == nullptr) return Status::Ok();
  if (!transfer->accepted) return Violation("COMPLETE of a transfer that was not accepted");
  if (frame.file.value >= transfer->files().size()) {
    return Violation("COMPLETE of a file that is not in the manifest");
  }
  IncomingFile& file = transfer->files()[frame.file.value];
  const Status checked = CheckComplete(frame, file);
  if (!checked.ok()) return checked;
  file.announced_root = frame.root;
  if (!file.end) {
    file.end = frame.size;
    // The last leaf is shorter than it could be known to be before.
    CompleteLeaf(LeafId{frame.transfer, frame.file, frame.size / kLeafBytes});
  }
  CheckFile(frame.transfer, frame.file);
  return Status::Ok();
}

Status Receiver::CheckComplete(const CompleteFrame& frame, const IncomingFile& file) const {
  if (file.announced_root) return Violation("COMPLETE came twice for a file");
  if (frame.size > kMaxFileBytes) return Violation("COMPLETE with an absurd size");
  if (file.end && frame.size != *file.end)
    return Violation("COMPLETE differs from the file's size");
  if (!file.end && ArrivedEnd(frame.transfer, frame.file, file) > frame.size) {
    return Violation("COMPLETE is before what was sent");
  }
  return Status::Ok();
}

void Receiver::CheckFile(TransferId id, FileIndex index) {
  IncomingFile& file = Find(id)->files()[index.value];
  if (file.received || !file.announced_root || file.written_bytes != file.end) return;
  const Digest root = file.tree.Root(*file.end);
  if (root != *file.announced_root) {
    return Cancel(id,
                  Error{ErrorCode::kHashMismatch, "what arrived is not what the sender hashed"});
  }
  Find(id)->MarkReceived(index);
  events_.push_back({.type = EventType::kFileReceived,
                     .transfer = id,
                     .file = index,
                     .size = *file.end,
                     .root = root});
}

void Receiver::FileStored(TransferId id, FileIndex index) {
  IncomingTransfer* transfer = Find(id);
  if (transfer == nullptr || index.value >= transfer->files().size()) return;
  const IncomingFile& file = transfer->files()[index.value];
  if (!file.received || file.stored) return;
  frames_.Push(ReceiptFrame{id, index, *file.end, *file.announced_root});
  if (transfer->MarkStored(index)) {
    events_.push_back({.type = EventType::kDone,
                       .transfer = id,
                       .size = transfer->existing_bytes + transfer->written_bytes,
                       .proofs = transfer->Proofs()});
    transfers_.erase(id);
    credit_due_ = true;
  }
}

Status Receiver::OnPause(const PauseFrame& frame) {
  if (!IsKnown(frame.transfer)) return Violation("PAUSE of a transfer that was never offered");
  IncomingTransfer* transfer = Find(frame.transfer);
  if (transfer == nullptr) return Status::Ok();
  transfer->paused_there = frame.paused;
  events_.push_back({.type = EventType::kPaused, .transfer = frame.transfer, .flag = frame.paused});
  return Status::Ok();
}

Status Receiver::OnCancel(const CancelFrame& frame) {
  if (Owns(frame.transfer) && frame.transfer.value / 2 == next_ordinal_) {
    ++next_ordinal_;
    return Status::Ok();
  }
  if (!IsKnown(frame.transfer)) return Violation("CANCEL of a transfer that was never offered");
  Fail(frame.transfer, Error{frame.code, std::string(frame.reason)}, true);
  return Status::Ok();
}

void Receiver::SetPausedHere(TransferId id, bool paused) {
  IncomingTransfer* transfer = Find(id);
  if (transfer != nullptr) transfer->paused_here = paused;
}

bool Receiver::MayMove() const {
  return std::any_of(transfers_.begin(), transfers_.end(),
                     [](const auto& entry) { return entry.second.MayMove(); });
}

bool Receiver::WaitsForSink() const {
  return std::all_of(transfers_.begin(), transfers_.end(), [](const auto& entry) {
    const IncomingTransfer& transfer = entry.second;
    const uint64_t unwritten =
        transfer.arrived_bytes - transfer.partial_bytes - transfer.written_bytes;
    return !transfer.MayMove() || unwritten * 2 >= transfer.outstanding_bytes();
  });
}

uint64_t Receiver::WindowBytes(size_t accepted, uint64_t others) {
  const uint64_t free = kWindowBytes - std::min(kWindowBytes, others);
  const uint64_t spare = (kMostGrantedBytes - std::min(kMostGrantedBytes, others)) / 2;
  const uint64_t share = std::min(kWindowBytes / accepted, std::max(free, spare));
  return std::max(kLeastWindowBytes, share);
}

void Receiver::GrantCredit() {
  if (!credit_due_) return;
  credit_due_ = false;
  uint64_t outstanding = 0;
  size_t accepted = 0;
  for (const auto& [id, transfer] : transfers_) {
    if (!transfer.accepted) continue;
    ++accepted;
    outstanding += transfer.outstanding_bytes();
  }
  for (auto& [id, transfer] : transfers_) {
    if (!transfer.accepted) continue;
    // Nothing more than what there is to come.
    uint64_t most = kMaxVarint;
    if (const auto total = transfer.total_bytes()) most = *total - transfer.existing_bytes;
    if (transfer.granted >= most) continue;
    const uint64_t window = WindowBytes(accepted, outstanding - transfer.outstanding_bytes());
    const uint64_t limit = std::min(transfer.written_bytes + window, most);
    const bool last = limit == most;
    if (limit <= transfer.granted || (!last && limit - transfer.granted < window / 4)) continue;
    outstanding += limit - transfer.granted;
    transfer.granted = limit;
    frames_.Push(CreditFrame{id, limit});
  }
}

void Receiver::Cancel(TransferId id, const Error& error) {
  frames_.Push(CancelFrame{id, error.code, error.detail});
  Fail(id, error, false);
}

void Receiver::Fail(TransferId id, Error error, bool by_peer) {
  const auto it = transfers_.find(id);
  if (it == transfers_.end()) return;
  partial_.RemoveAll(id, [this](const LeafPart& part) { held_.Release(part.held); });
  transfers_.erase(it);
  credit_due_ = true;
  events_.push_back(
      {.type = EventType::kFailed, .transfer = id, .flag = by_peer, .error = std::move(error)});
}

void Receiver::FailAll(const Error& error, bool by_peer) {
  while (!transfers_.empty()) Fail(transfers_.begin()->first, error, by_peer);
}

}  // namespace millrace
