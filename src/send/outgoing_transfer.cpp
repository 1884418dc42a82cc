#include "send/outgoing_transfer.h"

#include <algorithm>

#include "wire/limits.h"

namespace millrace {

static_assert(sizeof(void*) > 4 || sizeof(OutgoingFile) <= kOutgoingFileBytes - 72);

OutgoingTransfer::OutgoingTransfer(const std::vector<std::optional<uint64_t>>& sizes,
                                   size_t name_bytes, MemoryShare memory)
    : name_bytes_(name_bytes), memory_(std::move(memory)) {
  files_.resize(sizes.size());
  for (size_t i = 0; i < sizes.size(); ++i) files_[i].size = sizes[i];
  SkipRead();
}

void OutgoingTransfer::SkipRead() {
  while (reading_ < files_.size() && files_[reading_].size &&
         read_offset_ >= *files_[reading_].size) {
    ++reading_;
    read_offset_ = 0;
  }
}

std::optional<ReadPosition> OutgoingTransfer::NextRead(size_t chunk_bytes) const {
  if (reading_ == files_.size()) return std::nullopt;
  const OutgoingFile& file = files_[reading_];
  const uint64_t offset = read_offset_;
  const uint64_t end = file.size.value_or(kMaxFileBytes);
  uint64_t length = std::min<uint64_t>(end - offset, chunk_bytes);
  // Either all of a chunk is held by the receiver or none of it.
  const Range missing = file.held.FirstMissing(offset, offset + length);
  const bool held = missing.begin > offset;
  if (held) {
    length = missing.begin - offset;
  } else {
    length = missing.end - offset;
    const uint64_t room = credit > read_bytes_ ? credit - read_bytes_ : 0;
    length = std::min(length, room);
    if (length < end - offset) length -= length % kLeafBytes;
  }
  if (length == 0) return std::nullopt;
  return ReadPosition{FileIndex(static_cast<uint32_t>(reading_)), offset,
                      static_cast<size_t>(length), held};
}

void OutgoingTransfer::Advance(const ReadPosition& position) {
  read_offset_ = position.offset + position.length;
  SkipRead();
  if (!position.held) read_bytes_ += position.length;
}

void OutgoingTransfer::EndStream(FileIndex file, uint64_t size, uint64_t unread) {
  OutgoingFile& state = files_[file.value];
  if (!state.size) state.size = size;
  read_bytes_ -= unread;
  SkipRead();
}

void OutgoingTransfer::Hash(FileIndex file, uint64_t offset, ByteView bytes) {
  OutgoingFile& state = files_[file.value];
  state.tree.AddBytes(offset, bytes);
  state.hashed_bytes += bytes.size();
}

std::optional<Digest> OutgoingTransfer::TakeRoot(FileIndex file) {
  OutgoingFile& state = files_[file.value];
  if (state.root || !state.size || state.hashed_bytes != *state.size) return std::nullopt;
  state.root = state.tree.Root(*state.size);
  state.tree = HashTree();
  ++roots_;
  return state.root;
}

bool OutgoingTransfer::AddReceipt(FileIndex file) {
  OutgoingFile& state = files_[file.value];
  if (!state.receipted) ++receipts_;
  state.receipted = true;
  return receipts_ == files_.size();
}

std::vector<FileProof> OutgoingTransfer::Proofs() const {
  std::vector<FileProof> proofs;
  proofs.reserve(files_.size());
  for (size_t i = 0; i < files_.size(); ++i) {
    proofs.push_back(FileProof{FileIndex(static_cast<uint32_t>(i)), files_[i].size.value_or(0),
                               files_[i].root.value_or(Digest{})});
  }
  return proofs;
}

}  // namespace millrace
