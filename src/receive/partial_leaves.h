// The leaves of which a part has arrived, until the rest comes: which grains are there, and where
// their bytes lie.
#pragma once

#include <algorithm>
#include <compare>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/leaf.h"
#include "base/slot_list.h"

namespace millrace {

struct LeafId {
  TransferId transfer;
  FileIndex file;
  uint64_t index = 0;  // From the start of the file.

  auto operator<=>(const LeafId&) const = default;
};

// A bit for each grain of a leaf, the lowest for the first one.
using GrainMask = uint32_t;
static_assert(kLeafGrains < 32);

// The grains that bytes [begin, end) of a leaf touch.
constexpr GrainMask GrainsIn(size_t begin, size_t end) {
  const size_t last = (end + kGrainBytes - 1) / kGrainBytes;
  return (GrainMask{1} << last) - (GrainMask{1} << begin / kGrainBytes);
}

// Bytes of a leaf that came together.
struct LeafPart {
  size_t begin = 0;  // In the leaf, a multiple of kGrainBytes.
  ByteView bytes;
  uint32_t held = 0;  // The memory that they lie in; see HeldBuffers.
};

class PartialLeaves {
 public:
  // The grains of a leaf that are there; none for an unknown leaf. Cost: a binary search.
  GrainMask Arrived(const LeafId& leaf) const;
  // Adds grains that were missing. Cost: a move of the later leaves where the leaf is new.
  void Add(const LeafId& leaf, const LeafPart& part);
  // The first leaf of [first, end) of which a part is there, as an index; `end` where there is
  // none.
  uint64_t FirstBegun(const LeafId& first, uint64_t end) const;
  // Where the last grain of a file ends that is there, counted as whole; 0 where there is none.
  uint64_t ArrivedEnd(TransferId transfer, FileIndex file) const;

  // Forgets a leaf, and calls `take(part)` for each of its parts.
  template <typename Take>
  void Remove(const LeafId& leaf, Take take) {
    const auto at = Find(leaf);
    if (at == leaves_.end() || at->id != leaf) return;
    TakeParts(*at, take);
    leaves_.erase(at);
  }
  // The same for all leaves of a transfer.
  template <typename Take>
  void RemoveAll(TransferId transfer, Take take) {
    const auto begin = Find(LeafId{transfer, {}, 0});
    auto end = begin;
    for (; end != leaves_.end() && end->id.transfer == transfer; ++end) TakeParts(*end, take);
    leaves_.erase(begin, end);
  }

  size_t size() const { return leaves_.size(); }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;

  struct Leaf {
    LeafId id;
    GrainMask arrived = 0;
    uint32_t first_part = kNone;
  };
  struct Part {
    LeafPart part;
    uint32_t next = kNone;
  };

  std::vector<Leaf>::iterator Find(const LeafId& leaf) {
    return std::partition_point(leaves_.begin(), leaves_.end(),
                                [&leaf](const Leaf& other) { return other.id < leaf; });
  }
  std::vector<Leaf>::const_iterator Find(const LeafId& leaf) const {
    return const_cast<PartialLeaves*>(this)->Find(leaf);
  }
  template <typename Take>
  void TakeParts(Leaf& leaf, Take take) {
    for (uint32_t at = leaf.first_part; at != kNone; at = parts_[at].next) {
      parts_.Free(at);
      take(parts_[at].part);
    }
  }

  std::vector<Leaf> leaves_;  // Ascending.
  // The parts of each leaf in a list: no leaf takes memory of its own.
  SlotList<Part> parts_;
};

}  // namespace millrace
