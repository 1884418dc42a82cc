#include "receive/incoming_transfer.h"

namespace millrace {

static_assert(sizeof(void*) > 4 || sizeof(IncomingFile) <= kIncomingFileBytes - 16);

std::optional<uint64_t> IncomingTransfer::total_bytes() const {
  if (has_unknown_size_) return std::nullopt;
  return known_bytes_;
}

Status IncomingTransfer::AddManifest(const ManifestFrame& frame, const ManifestMemory& room) {
  const bool fits = frame.total_files == total_files_ && frame.first_file == files_.size() &&
                    frame.token == token_;
  if (!fits) return Violation("manifest parts do not fit together");
  files_.reserve(total_files_);
  ByteReader reader(frame.entries);
  for (uint32_t i = 0; i < frame.count; ++i) {
    const Result<FileEntry> entry = DecodeFileEntry(reader);
    if (!entry.ok()) return entry.error();
    const FileEntry& file = entry.value();
    const uint64_t size = file.size.value_or(0);
    if (known_bytes_ > kMaxFileBytes - size) return Violation("manifest total is absurd");
    known_bytes_ += size;
    has_unknown_size_ = has_unknown_size_ || !file.size;
    name_bytes_ += file.path.size() + file.type.size();
    IncomingFile& added = files_.emplace_back();
    added.info = FileInfo{file.size, file.last_modified_ms, paths_.MakeUnique(CleanPath(file.path)),
                          std::string(file.type)};
    added.end = file.size;
    if (name_bytes_ > room.name_bytes || paths_.folders() > room.folders) {
      return Error{ErrorCode::kTooLarge, "the peer's file names take too much memory"};
    }
  }
  if (!reader.AtEnd()) return Violation("manifest part holds more than it says");
  if (ManifestComplete()) paths_ = PathSet();
  return Status::Ok();
}

bool IncomingTransfer::UpdateMemory() {
  const size_t files = total_files_ * kIncomingFileBytes + name_bytes_;
  const size_t unfinished = (total_files_ - received_files_) * kUnfinishedFileBytes;
  return memory_.Resize(files + unfinished + paths_.folders() * kFolderBytes, kStateReserveBytes);
}

void IncomingTransfer::MarkReceived(FileIndex file) {
  IncomingFile& state = files_[file.value];
  state.received = true;
  state.arrived = RangeSet();
  state.tree = HashTree();
  ++received_files_;
  UpdateMemory();
}

void IncomingTransfer::MarkArrived(FileIndex file, uint64_t begin, uint64_t end) {
  RangeSet& arrived = files_[file.value].arrived;
  gaps_ -= arrived.gaps();
  arrived.Insert(begin, end);
  gaps_ += arrived.gaps();
}

bool IncomingTransfer::MarkStored(FileIndex file) {
  IncomingFile& state = files_[file.value];
  if (!state.stored) ++stored_files_;
  state.stored = true;
  return stored_files_ == total_files_;
}

std::vector<FileProof> IncomingTransfer::Proofs() const {
  std::vector<FileProof> proofs;
  proofs.reserve(files_.size());
  for (size_t i = 0; i < files_.size(); ++i) {
    proofs.push_back(FileProof{FileIndex(static_cast<uint32_t>(i)), files_[i].end.value_or(0),
                               files_[i].announced_root.value_or(Digest{})});
  }
  return proofs;
}

}  // namespace millrace
