#include "receive/partial_leaves.h"

#include <bit>

namespace millrace {

GrainMask PartialLeaves::Arrived(const LeafId& leaf) const {
  const auto at = Find(leaf);
  return at == leaves_.end() || at->id != leaf ? 0 : at->arrived;
}

void PartialLeaves::Add(const LeafId& leaf, const LeafPart& part) {
  auto at = Find(leaf);
  if (at == leaves_.end() || at->id != leaf) at = leaves_.insert(at, Leaf{leaf, 0, kNone});
  const uint32_t slot = parts_.Take();
  parts_[slot] = Part{part, at->first_part};
  at->first_part = slot;
  at->arrived |= GrainsIn(part.begin, part.begin + part.bytes.size());
}

uint64_t PartialLeaves::FirstBegun(const LeafId& first, uint64_t end) const {
  const auto at = Find(first);
  const bool same_file =
      at != leaves_.end() && at->id.transfer == first.transfer && at->id.file == first.file;
  return same_file ? std::min(at->id.index, end) : end;
}

uint64_t PartialLeaves::ArrivedEnd(TransferId transfer, FileIndex file) const {
  const auto after = Find(LeafId{transfer, FileIndex(file.value + 1), 0});
  if (after == leaves_.begin()) return 0;
  const Leaf& last = *(after - 1);
  if (last.id.transfer != transfer || last.id.file != file) return 0;
  return last.id.index * kLeafBytes +
         static_cast<uint64_t>(std::bit_width(last.arrived)) * kGrainBytes;
}

}  // namespace millrace
