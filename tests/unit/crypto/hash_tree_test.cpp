#include "crypto/hash_tree.h"

#include <sodium.h>

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <numeric>
#include <string>
#include <vector>

#include "crypto/secret.h"
#include "support/random.h"

namespace millrace {
namespace {

// The tree as PROTOCOL words it, straight from libsodium and by recursion: a second way to the same
// root.
Digest PlainHash(const char* personal, const std::vector<uint8_t>& input) {
  Digest digest;
  crypto_generichash_blake2b_salt_personal(digest.data(), digest.size(), input.data(), input.size(),
                                           nullptr, 0, nullptr,
                                           reinterpret_cast<const uint8_t*>(personal));
  return digest;
}

Digest PlainTop(const std::vector<Digest>& leaves, size_t begin, size_t end) {
  if (end - begin == 1) return leaves[begin];
  size_t split = 1;
  while (split * 2 < end - begin) split *= 2;
  const Digest left = PlainTop(leaves, begin, begin + split);
  const Digest right = PlainTop(leaves, begin + split, end);
  std::vector<uint8_t> both(left.begin(), left.end());
  both.insert(both.end(), right.begin(), right.end());
  return PlainHash("millrace node v1", both);
}

Digest PlainRoot(const std::vector<Digest>& leaves, uint64_t size) {
  std::vector<uint8_t> input(8);
  for (size_t i = 0; i < 8; ++i) input[i] = static_cast<uint8_t>(size >> (56 - 8 * i));
  if (!leaves.empty()) {
    const Digest top = PlainTop(leaves, 0, leaves.size());
    input.insert(input.end(), top.begin(), top.end());
  }
  return PlainHash("millrace root v1", input);
}

std::vector<Digest> SomeLeaves(size_t count) {
  testing::Random random(count);
  std::vector<Digest> leaves(count);
  for (Digest& leaf : leaves) leaf = HashLeaf(random.Bytes(20));
  return leaves;
}

TEST_CASE("the root is the one of the definition, whatever the order of the leaves") {
  InitializeCrypto();
  testing::Random random(3);
  for (size_t count : {0u, 1u, 2u, 3u, 4u, 5u, 7u, 8u, 9u, 31u, 32u, 33u, 100u, 257u}) {
    const std::vector<Digest> leaves = SomeLeaves(count);
    std::vector<size_t> order(count);
    std::iota(order.begin(), order.end(), size_t{0});
    for (int shuffle = 0; shuffle < 4; ++shuffle) {
      HashTree tree;
      for (const size_t i : order) tree.AddLeaf(i, leaves[i]);
      CHECK(tree.Root(count * 5) == PlainRoot(leaves, count * 5));
      for (size_t i = count; i > 1; --i) std::swap(order[i - 1], order[random.Below(i)]);
    }
  }
}

TEST_CASE("the root binds the size and every leaf") {
  InitializeCrypto();
  std::vector<Digest> leaves = SomeLeaves(6);
  const auto root = [&leaves](uint64_t size) {
    HashTree tree;
    for (size_t i = 0; i < leaves.size(); ++i) tree.AddLeaf(i, leaves[i]);
    return tree.Root(size);
  };
  const Digest first = root(1000);
  CHECK(root(1001) != first);
  std::swap(leaves[0], leaves[1]);
  CHECK(root(1000) != first);
}

TEST_CASE("leaf, node and root hashes can not be taken for each other") {
  InitializeCrypto();
  const std::vector<uint8_t> sixty_four(64, 1);
  CHECK(HashLeaf(sixty_four) == PlainHash("millrace leaf v1", sixty_four));
  CHECK(HashLeaf(sixty_four) != PlainHash("millrace node v1", sixty_four));
  CHECK(HashLeaf(sixty_four) != PlainHash("millrace root v1", sixty_four));
}

TEST_CASE("memory stays logarithmic while leaves arrive in order") {
  InitializeCrypto();
  HashTree tree;
  const Digest leaf = HashLeaf({});
  size_t most = 0;
  for (uint64_t i = 0; i < 5000; ++i) {
    tree.AddLeaf(i, leaf);
    most = std::max(most, tree.node_count());
  }
  CHECK(most <= 13);
}

}  // namespace
}  // namespace millrace
