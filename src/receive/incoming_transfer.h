// The receiver's state of one transfer: what was announced, what arrived, what is stored.
#pragma once

#include <optional>
#include <vector>

#include "base/event.h"
#include "base/file_info.h"
#include "base/memory_budget.h"
#include "base/range_set.h"
#include "base/token.h"
#include "crypto/hash_tree.h"
#include "receive/file_path.h"
#include "wire/frames.h"

namespace millrace {

struct IncomingFile {
  FileInfo info;                // The path is clean and the only one of its name.
  std::optional<uint64_t> end;  // The size, as soon as it is known.
  RangeSet arrived;             // In whole leaves; the parts of others are in Receiver.
  uint64_t written_bytes = 0;
  HashTree tree;
  std::optional<Digest> announced_root;  // From COMPLETE.
  bool received = false;                 // All written and the roots agree; the sink is closing it.
  bool stored = false;                   // The sink has closed it.
};

// Paths and types, in bytes, and different folders in the paths.
struct ManifestMemory {
  size_t name_bytes = 0;
  size_t folders = 0;
};

class IncomingTransfer {
 public:
  IncomingTransfer(uint32_t total_files, const TransferToken& token, MemoryBudget& memory)
      : total_files_(total_files), token_(token), memory_(memory) {}

  bool accepted = false;
  // By the user on either side. Nothing is refused for it: what is on its way still comes.
  bool paused_here = false;
  bool paused_there = false;
  bool MayMove() const { return accepted && !paused_here && !paused_there; }
  uint64_t existing_bytes = 0;  // From an earlier attempt.
  // Of what comes in this attempt:
  uint64_t arrived_bytes = 0;
  uint64_t partial_bytes = 0;  // Arrived, in leaves of which the rest has not.
  uint64_t written_bytes = 0;
  uint64_t granted = 0;  // Credit that the sender was given.
  uint64_t outstanding_bytes() const { return granted - written_bytes; }

  std::vector<IncomingFile>& files() { return files_; }
  const std::vector<IncomingFile>& files() const { return files_; }
  uint32_t total_files() const { return total_files_; }
  const TransferToken& token() const { return token_; }
  // Nothing where the size of a file is unknown.
  std::optional<uint64_t> total_bytes() const;
  // What the manifest takes of memory.
  ManifestMemory manifest_memory() const { return {name_bytes_, paths_.folders()}; }
  bool ManifestComplete() const { return files_.size() == total_files_; }

  // Appends the files of a manifest part. Errors: kProtocolViolation for a part out of order,
  // malformed entries, a total past 2^53 − 1; kTooLarge where it takes more than `room`.
  Status AddManifest(const ManifestFrame& frame, const ManifestMemory& room);

  // Takes memory for what is known of the transfer so far, or gives some back. Errors: false where
  // there is none. Cost: none that grows.
  bool UpdateMemory();

  // All of a file is written and proven: its ranges and its hash tree are forgotten.
  void MarkReceived(FileIndex file);

  // Whole leaves, bytes [begin, end) of a file, are there.
  void MarkArrived(FileIndex file, uint64_t begin, uint64_t end);
  // Gaps between the ranges that have arrived, in all files.
  size_t gaps() const { return gaps_; }

  // Notes that a file is stored; answers whether all are.
  bool MarkStored(FileIndex file);
  std::vector<FileProof> Proofs() const;

 private:
  uint32_t total_files_ = 0;
  TransferToken token_;
  std::vector<IncomingFile> files_;
  PathSet paths_;
  uint64_t known_bytes_ = 0;
  bool has_unknown_size_ = false;
  size_t name_bytes_ = 0;
  size_t gaps_ = 0;
  uint32_t received_files_ = 0;
  uint32_t stored_files_ = 0;
  MemoryShare memory_;
};

}  // namespace millrace
