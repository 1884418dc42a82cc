#include "send/outgoing_transfer.h"

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <vector>

#include "wire/limits.h"

namespace millrace {
namespace {

constexpr size_t kChunk = 4 * kLeafBytes;

OutgoingTransfer Transfer(const std::vector<std::optional<uint64_t>>& sizes) {
  static MemoryBudget memory(kMaxStateBytes);
  OutgoingTransfer transfer(sizes, sizes.size(), MemoryShare(memory));
  transfer.accepted = true;
  return transfer;
}

// The reads that its credit allows, as file, offset and length.
using Reads = std::vector<std::array<uint64_t, 3>>;
Reads ReadAll(OutgoingTransfer& transfer, size_t chunk = kChunk) {
  Reads reads;
  while (const auto next = transfer.NextRead(chunk)) {
    reads.push_back({next->file.value, next->offset, next->length});
    transfer.Advance(*next);
  }
  return reads;
}

TEST_CASE("files are read in order, in chunks, and empty ones not at all") {
  OutgoingTransfer transfer = Transfer({0, kChunk + 5, 0, 0, 7, 0});
  transfer.credit = kMaxFileBytes;
  CHECK(ReadAll(transfer) == Reads{{1, 0, kChunk}, {1, kChunk, 5}, {4, 0, 7}});
}

TEST_CASE("nothing is read past the credit, and only whole leaves before a file's end") {
  OutgoingTransfer transfer = Transfer({3 * kLeafBytes + 1});
  CHECK(ReadAll(transfer).empty());
  transfer.credit = kLeafBytes - 1;
  CHECK(ReadAll(transfer).empty());
  transfer.credit = 2 * kLeafBytes + 5;
  CHECK(ReadAll(transfer) == Reads{{0, 0, 2 * kLeafBytes}});
  transfer.credit = 3 * kLeafBytes + 1;
  CHECK(ReadAll(transfer) == Reads{{0, 2 * kLeafBytes, kLeafBytes + 1}});
}

TEST_CASE("what the receiver holds is read apart and needs no credit") {
  OutgoingTransfer transfer = Transfer({3 * kLeafBytes});
  transfer.files()[0].held.Insert(kLeafBytes, 2 * kLeafBytes);
  transfer.credit = 2 * kLeafBytes;
  std::vector<bool> held;
  while (const auto next = transfer.NextRead(kChunk)) {
    held.push_back(next->held);
    CHECK(next->length == kLeafBytes);
    transfer.Advance(*next);
  }
  CHECK(held == std::vector{false, true, false});
}

TEST_CASE(
    "a stream is read until it has ended, and gives back the credit of what it did not have") {
  OutgoingTransfer transfer = Transfer({std::nullopt, kLeafBytes});
  transfer.credit = 2 * kLeafBytes;
  CHECK(ReadAll(transfer) == Reads{{0, 0, 2 * kLeafBytes}});
  transfer.EndStream(FileIndex(0), 3, 2 * kLeafBytes - 3);
  CHECK(ReadAll(transfer) == Reads{{1, 0, kLeafBytes}});
}

TEST_CASE("a file has its root once all of it is hashed, and says so once") {
  OutgoingTransfer transfer = Transfer({kLeafBytes + 1});
  const std::vector<uint8_t> bytes(kLeafBytes + 1);
  transfer.Hash(FileIndex(0), kLeafBytes, ByteView(bytes).subspan(kLeafBytes));
  CHECK_FALSE(transfer.TakeRoot(FileIndex(0)));
  CHECK_FALSE(transfer.AllRead());
  transfer.Hash(FileIndex(0), 0, ByteView(bytes).first(kLeafBytes));
  const std::optional<Digest> root = transfer.TakeRoot(FileIndex(0));
  REQUIRE(root);
  CHECK(transfer.AllRead());
  CHECK_FALSE(transfer.TakeRoot(FileIndex(0)));
  CHECK(transfer.Proofs()[0].root == *root);
}

TEST_CASE("the last receipt completes a transfer, and none counts twice") {
  OutgoingTransfer transfer = Transfer({0, 0});
  CHECK_FALSE(transfer.AddReceipt(FileIndex(1)));
  CHECK_FALSE(transfer.AddReceipt(FileIndex(1)));
  CHECK(transfer.AddReceipt(FileIndex(0)));
}

TEST_CASE("a paused transfer has a piece only where something of it is lost") {
  OutgoingTransfer transfer = Transfer({1});
  CHECK_FALSE(transfer.HasPiece());
  transfer.ready = {ChunkId(1)};
  CHECK(transfer.HasPiece());
  transfer.paused_by_peer = true;
  CHECK_FALSE(transfer.HasPiece());
  transfer.again = {ChunkId(2)};
  CHECK(transfer.HasPiece());
}

}  // namespace
}  // namespace millrace
