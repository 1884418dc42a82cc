#include "crypto/hash_tree.h"

#include <sodium.h>

#include <algorithm>
#include <string_view>

namespace millrace {
namespace {

// BLAKE2b's personalisation keeps leaves, nodes and roots apart.
constexpr std::string_view kLeafPersonal = "millrace leaf v1";
constexpr std::string_view kNodePersonal = "millrace node v1";
constexpr std::string_view kRootPersonal = "millrace root v1";
static_assert(kLeafPersonal.size() == crypto_generichash_blake2b_PERSONALBYTES);
static_assert(kNodePersonal.size() == crypto_generichash_blake2b_PERSONALBYTES);
static_assert(kRootPersonal.size() == crypto_generichash_blake2b_PERSONALBYTES);

Digest Hash(std::string_view personal, ByteView input) {
  Digest digest;
  crypto_generichash_blake2b_salt_personal(digest.data(), digest.size(), input.data(), input.size(),
                                           nullptr, 0, nullptr, AsBytes(personal).data());
  return digest;
}

Digest HashPair(const Digest& left, const Digest& right) {
  std::array<uint8_t, 64> both;
  std::copy(left.begin(), left.end(), both.begin());
  std::copy(right.begin(), right.end(), both.begin() + 32);
  return Hash(kNodePersonal, both);
}

}  // namespace

Digest HashLeaf(ByteView bytes) { return Hash(kLeafPersonal, bytes); }

void HashTree::AddLeaf(uint64_t index, const Digest& leaf) {
  const auto at = std::partition_point(nodes_.begin(), nodes_.end(),
                                       [index](const Node& n) { return n.first_leaf < index; });
  auto node = nodes_.insert(at, Node{index, 0, leaf});
  // Fold with the sibling as long as it is there: same level, and the pair starts on a multiple of
  // its size.
  while (true) {
    const uint64_t width = uint64_t{1} << node->level;
    const bool is_left = (node->first_leaf / width) % 2 == 0;
    auto left = node;
    if (is_left) {
      const auto right = node + 1;
      if (right == nodes_.end() || right->level != node->level ||
          right->first_leaf != node->first_leaf + width) {
        return;
      }
    } else {
      if (node == nodes_.begin()) return;
      left = node - 1;
      if (left->level != node->level || left->first_leaf + width != node->first_leaf) return;
    }
    left->digest = HashPair(left->digest, (left + 1)->digest);
    left->level += 1;
    node = nodes_.erase(left + 1) - 1;
  }
}

void HashTree::AddBytes(uint64_t offset, ByteView bytes) {
  for (size_t at = 0; at < bytes.size(); at += kLeafBytes) {
    const size_t length = std::min(kLeafBytes, bytes.size() - at);
    AddLeaf((offset + at) / kLeafBytes, HashLeaf(bytes.subspan(at, length)));
  }
}

Digest HashTree::Root(uint64_t file_bytes) const {
  std::array<uint8_t, 40> input{};
  ByteWriter writer(input);
  writer.U64(file_bytes);
  if (!nodes_.empty()) {
    Digest top = nodes_.back().digest;
    for (auto node = nodes_.rbegin() + 1; node != nodes_.rend(); ++node) {
      top = HashPair(node->digest, top);
    }
    writer.Bytes(top);
  }
  return Hash(kRootPersonal, writer.written());
}

}  // namespace millrace
