// The hash tree over a file, fed in any order (PROTOCOL, "Hash tree").
#pragma once

#include <vector>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/leaf.h"

namespace millrace {

// The hash of one leaf's bytes: kLeafBytes of them, fewer only at the file's end. BLAKE2b-256.
Digest HashLeaf(ByteView bytes);

// A binary tree with the shape of RFC 6962, section 2.1: every left subtree is full. Leaves arrive
// in any order; full subtrees are folded at once, so memory grows with the number of gaps, not with
// the file.
class HashTree {
 public:
  // Adds a leaf that was not added before. Cost: one hash per subtree that it completes, one on
  // average.
  void AddLeaf(uint64_t index, const Digest& leaf);

  // Hashes and adds the leaves of `bytes`, which lie at `offset` of the file: from a leaf on, whole
  // leaves but at the file's end.
  void AddBytes(uint64_t offset, ByteView bytes);

  // The root over leaves 0 … n−1, all added, for a file of `file_bytes`; it binds the size too.
  Digest Root(uint64_t file_bytes) const;

  // Subtrees held now; for tests of the memory bound.
  size_t node_count() const { return nodes_.size(); }

 private:
  // A full subtree: 2^level leaves from `first_leaf` on.
  struct Node {
    uint64_t first_leaf = 0;
    uint32_t level = 0;
    Digest digest{};
  };

  // Ascending by first leaf, disjoint.
  std::vector<Node> nodes_;
};

}  // namespace millrace
