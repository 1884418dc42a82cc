// The chunks that a sender has read, or is reading, in a pool of a fixed size; and the ids of
// chunks and of the pieces that are cut off them.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/page_pool.h"
#include "base/slot_list.h"
#include "lanes/sent_records.h"
#include "send/chunk_progress.h"

namespace millrace {

// Bytes of a file that are read at once. Below 2^38, so that JavaScript can hold it as a number.
using ChunkId = StrongId<struct ChunkTag, uint64_t>;

struct OutgoingChunk {
  bool reading = false;      // The source has yet to give the bytes; they are its own until then.
  bool ahead = false;        // Part of it was never sent; see Sender::kReadAheadBytes.
  bool held = false;         // The receiver has it: to be hashed only.
  bool waits_again = false;  // It is in its transfer's queue of chunks with lost bytes.
  TransferId transfer;
  FileIndex file;
  uint64_t offset = 0;  // A multiple of kLeafBytes.
  size_t length = 0;
  PoolBuffer buffer;
  ChunkProgress progress;
};

class ChunkTable {
 public:
  // The largest pool: chunks, each of a page at least, are counted with 16 bits.
  static constexpr size_t kMostPoolBytes = PagePool::kPageBytes << 16;
  // A piece's id counts the grains of its chunk with 12 bits.
  static constexpr size_t kMostChunkBytes = kGrainBytes << 12;

  // All memory for payload is allocated here, `pool_bytes` or kMostPoolBytes.
  explicit ChunkTable(size_t pool_bytes);

  // A new chunk with memory for `bytes`, at least 1 and at most kMostChunkBytes, uninitialised;
  // nothing where the pool has no such run.
  std::optional<ChunkId> Allocate(size_t bytes);
  // The chunk, or null where it is done with.
  OutgoingChunk* Find(ChunkId id);
  const OutgoingChunk* Find(ChunkId id) const;
  // The chunk is read: `length` bytes of its memory, which may be fewer than allocated, are to be
  // sent.
  void StartSending(OutgoingChunk& chunk, size_t length);
  // Gives back the chunk's memory; its id and those of its pieces find nothing any more.
  void Free(ChunkId id);
  // Calls `visit(id, chunk)` for each chunk, which may free it.
  template <typename Visit>
  void ForEach(Visit visit) {
    for (size_t slot = 0; slot < slots_.size(); ++slot) {
      if (slots_[slot].used) visit(IdOf(slot), slots_[slot].chunk);
    }
  }

  // The id of a piece says which bytes of which chunk it has. So pieces need no memory, and a late
  // acknowledgement is understood although its bytes were cut differently meanwhile.
  static PieceId PieceOf(ChunkId chunk, const Slice& slice);
  static ChunkId ChunkOf(PieceId piece);
  // The chunk is the piece's, and not done with.
  static Slice SliceOf(PieceId piece, const OutgoingChunk& chunk);

  size_t used_bytes() const { return pool_.used_bytes(); }
  size_t capacity_bytes() const { return pool_.capacity_bytes(); }

 private:
  struct Slot {
    bool used = false;
    uint32_t generation = 0;
    OutgoingChunk chunk;
  };

  ChunkId IdOf(size_t slot) const;

  PagePool pool_;
  // The state of each grain, by the page that it lies in; see ChunkProgress.
  std::vector<uint8_t> grains_;
  SlotList<Slot> slots_;
};

}  // namespace millrace
