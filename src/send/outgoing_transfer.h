// The sender's state of one transfer: how far each file is read, hashed, acknowledged and proven.
#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "base/digest.h"
#include "base/event.h"
#include "base/file_info.h"
#include "base/ids.h"
#include "base/memory_budget.h"
#include "base/range_set.h"
#include "crypto/hash_tree.h"
#include "send/chunk_table.h"
#include "wire/frames.h"

namespace millrace {

struct OutgoingFile {
  std::optional<uint64_t> size;  // Nothing until a stream has ended.
  RangeSet held;                 // What the receiver has from an earlier attempt: hashed, not sent.
  uint64_t hashed_bytes = 0;
  HashTree tree;
  std::optional<Digest> root;  // Known once everything is hashed.
  bool receipted = false;
};

// Where the next bytes come from.
struct ReadPosition {
  FileIndex file;
  uint64_t offset = 0;
  size_t length = 0;
  bool held = false;  // The receiver has them: to be hashed only.
};

class OutgoingTransfer {
 public:
  // Files of these sizes; nothing for a stream. `memory`: what they take.
  OutgoingTransfer(const std::vector<std::optional<uint64_t>>& sizes, size_t name_bytes,
                   MemoryShare memory);

  bool accepted = false;
  bool paused_here = false;
  bool paused_by_peer = false;
  uint64_t credit = 0;  // Payload bytes that the peer has room for, from the start.
  // Acknowledged, and held by the receiver before.
  uint64_t delivered_bytes = 0;
  size_t held_gaps = 0;       // In what the receiver holds, over all files.
  std::deque<ChunkId> ready;  // Read and hashed; part of each was never sent.
  std::deque<ChunkId> again;  // Part of each is lost; the one that lost a part last comes first.
  size_t chunks = 0;          // In the pool.
  size_t ahead_bytes = 0;     // Of chunks that are being read or are in `ready`; see Sender.
  uint64_t sent_leaves = 0;   // Of what was read and not held by the receiver.
  // With privacy: what is to be sent besides, and what is said only after it.
  uint64_t padding_leaves = 0;
  std::optional<CompleteFrame> last_complete;

  bool MayMove() const { return accepted && !paused_here && !paused_by_peer; }
  // Whether anything of it waits for a lane. What was sent before is sent again while the transfer
  // is paused: else it would keep its memory until the end of the pause.
  bool HasPiece() const {
    return !again.empty() || (MayMove() && (!ready.empty() || padding_leaves > 0));
  }

  std::vector<OutgoingFile>& files() { return files_; }
  const std::vector<OutgoingFile>& files() const { return files_; }
  // Of all paths and types, as the peer keeps them.
  size_t name_bytes() const { return name_bytes_; }

  // The next bytes to read, at most `chunk_bytes` and within the credit; whole leaves except at a
  // file's end, so that the receiver can complete each leaf that is begun. Nothing where all is
  // read, or the credit is used up.
  std::optional<ReadPosition> NextRead(size_t chunk_bytes) const;
  // Those bytes are being read now.
  void Advance(const ReadPosition& position);
  // A stream ended `unread` bytes before the end of what was asked for last.
  void EndStream(FileIndex file, uint64_t size, uint64_t unread);

  // Adds leaves to the file's tree.
  void Hash(FileIndex file, uint64_t offset, ByteView bytes);
  // The file's root, once, as soon as all of it is hashed and its size is known.
  std::optional<Digest> TakeRoot(FileIndex file);

  // Whether the root of every file is known: nothing is left to be read.
  bool AllRead() const { return roots_ == files_.size(); }

  // Notes a receipt; the caller has compared it. Answers whether every file now has one.
  bool AddReceipt(FileIndex file);
  std::vector<FileProof> Proofs() const;

 private:
  // Moves the cursor past files that are read to their end.
  void SkipRead();

  std::vector<OutgoingFile> files_;
  size_t name_bytes_;
  MemoryShare memory_;
  size_t receipts_ = 0;
  size_t roots_ = 0;
  // The cursor: the file that is read now and how far, and all bytes asked for so far that need
  // credit.
  size_t reading_ = 0;
  uint64_t read_offset_ = 0;
  uint64_t read_bytes_ = 0;
};

}  // namespace millrace
