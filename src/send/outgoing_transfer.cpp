#include "send/outgoing_transfer.h"

#include <algorithm>

#include "wire/limits.h"

namespace millrace {

OutgoingTransfer::OutgoingTransfer(const std::vector<FileInfo>& infos) {
  files_.resize(infos.size());
  for (size_t i = 0; i < infos.size(); ++i) files_[i].size = infos[i].size;
}

std::optional<ReadPosition> OutgoingTransfer::NextRead(size_t piece_bytes) const {
  size_t file = reading_;
  uint64_t offset = read_offset_;
  while (file < files_.size() && offset == files_[file].size) {
    ++file;
    offset = 0;
  }
  if (file == files_.size()) return std::nullopt;
  const uint64_t left = files_[file].size - offset;
  const uint64_t room = credit > read_bytes_ ? credit - read_bytes_ : 0;
  uint64_t length = std::min<uint64_t>({left, room, piece_bytes});
  if (length < left) length -= length % kLeafBytes;
  if (length == 0) return std::nullopt;
  return ReadPosition{FileIndex(static_cast<uint32_t>(file)), offset, static_cast<size_t>(length)};
}

void OutgoingTransfer::Advance(const ReadPosition& position) {
  reading_ = position.file.value;
  read_offset_ = position.offset + position.length;
  read_bytes_ += position.length;
}

std::optional<Digest> OutgoingTransfer::Hash(FileIndex file, uint64_t offset, ByteView bytes) {
  OutgoingFile& state = files_[file.value];
  for (size_t at = 0; at < bytes.size(); at += kLeafBytes) {
    const size_t length = std::min(kLeafBytes, bytes.size() - at);
    state.tree.AddLeaf((offset + at) / kLeafBytes, HashLeaf(bytes.subspan(at, length)));
  }
  state.hashed_bytes += bytes.size();
  if (state.hashed_bytes == state.size) state.root = state.tree.Root(state.size);
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
    proofs.push_back(FileProof{FileIndex(static_cast<uint32_t>(i)), files_[i].size,
                               files_[i].root.value_or(Digest{})});
  }
  return proofs;
}

}  // namespace millrace
