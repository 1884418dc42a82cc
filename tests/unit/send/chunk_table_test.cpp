#include "send/chunk_table.h"

#include <catch2/catch_test_macros.hpp>

namespace millrace {
namespace {

TEST_CASE("a piece's id says which bytes of which chunk it has, in the longest chunk too") {
  ChunkTable table(2 * ChunkTable::kMostChunkBytes);
  for (int i = 0; i < 2; ++i) {
    const std::optional<ChunkId> id = table.Allocate(ChunkTable::kMostChunkBytes);
    REQUIRE(id);
    OutgoingChunk& chunk = *table.Find(*id);
    table.StartSending(chunk, ChunkTable::kMostChunkBytes - 5);
    const size_t end = ChunkTable::kMostChunkBytes - 5;
    for (const Slice slice : {Slice{0, kGrainBytes}, Slice{0, end}, Slice{end - 1019, end}}) {
      const PieceId piece = ChunkTable::PieceOf(*id, slice);
      CHECK(ChunkTable::ChunkOf(piece) == *id);
      CHECK(ChunkTable::SliceOf(piece, chunk) == slice);
    }
  }
  CHECK_FALSE(table.Allocate(1));
}

TEST_CASE("the id of a chunk that was freed does not find the next one in its slot") {
  ChunkTable table(kLeafBytes);
  const ChunkId first = *table.Allocate(1);
  table.Free(first);
  const ChunkId second = *table.Allocate(1);
  CHECK(first != second);
  CHECK(table.Find(first) == nullptr);
  CHECK(table.Find(second) != nullptr);
  CHECK(table.used_bytes() == PagePool::kPageBytes);
}

TEST_CASE("chunks do not share the state of their grains") {
  ChunkTable table(4 * kLeafBytes);
  const ChunkId one = *table.Allocate(kLeafBytes + 1);
  const ChunkId two = *table.Allocate(kLeafBytes);
  for (const ChunkId id : {one, two}) {
    OutgoingChunk& chunk = *table.Find(id);
    table.StartSending(chunk, chunk.buffer.bytes().size());
    REQUIRE(chunk.progress.CutUnsent(2 * kLeafBytes));
  }
  table.Find(one)->progress.OnAcked(Slice{0, kLeafBytes + 1});
  CHECK(table.Find(one)->progress.IsDone());
  CHECK(table.Find(two)->progress.OnAcked(Slice{0, kLeafBytes}) == kLeafBytes);
}

}  // namespace
}  // namespace millrace
