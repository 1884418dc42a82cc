#include "send/chunk_progress.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <vector>

namespace millrace {
namespace {

constexpr size_t kGrain = kGrainBytes;
constexpr size_t kLeaf = kLeafBytes;

// A chunk with its memory.
struct Fixture {
  explicit Fixture(size_t bytes) : grains((bytes + kGrain - 1) / kGrain), progress(bytes, grains) {}

  std::vector<uint8_t> grains;
  ChunkProgress progress;
};

TEST_CASE("a run is cut into the fewest pieces that fit, on the grid") {
  for (size_t length = 1; length < 40 * kGrain; length += 511) {
    for (size_t most = kGrain; most < 36 * kGrain; most += 3 * kGrain) {
      size_t pieces = 0;
      for (size_t at = 0; at < length; ++pieces) {
        const size_t end = CutEnd(at, length, most);
        REQUIRE(end > at);
        REQUIRE(end - at <= most);
        REQUIRE((end % kGrain == 0 || end == length));
        at = end;
      }
      // Ending on leaves may cost a quarter of a piece each.
      const size_t fewest = (length + most - 1) / most;
      REQUIRE(pieces <= fewest + (fewest + 2) / 3);
    }
  }
}

TEST_CASE("pieces have about the same length, and end on leaves where these are near") {
  CHECK(CutEnd(0, 256 * kGrain, 255 * kGrain) == 128 * kGrain);
  CHECK(CutEnd(0, 480 * kGrain, 255 * kGrain) == 240 * kGrain);
  CHECK(CutEnd(0, 16 * kGrain, 12 * kGrain) == 8 * kGrain);
  // Longer up to the limit, else shorter by up to a quarter, else in the middle of a leaf.
  CHECK(CutEnd(0, 256 * kGrain, 100 * kGrain) == 96 * kGrain);
  CHECK(CutEnd(0, 256 * kGrain, 20 * kGrain) == 16 * kGrain);
  CHECK(CutEnd(0, 256 * kGrain, 24 * kGrain) == 24 * kGrain);
}

TEST_CASE("pieces of four leaves or more always end on leaves, once one of them did") {
  for (size_t most = 4 * kLeaf; most <= 255 * kGrain; most += kGrain) {
    for (size_t at = 0; at < 30 * kLeaf;) {
      at = CutEnd(at, 30 * kLeaf, most);
      REQUIRE(at % kLeaf == 0);
    }
  }
}

TEST_CASE("lost bytes are those that have not arrived and of which no copy is in flight") {
  Fixture f(4 * kGrain + 5);
  CHECK(f.progress.CutUnsent(2 * kGrain) == Slice{0, 2 * kGrain});
  CHECK(f.progress.CutUnsent(8 * kGrain) == Slice{2 * kGrain, 4 * kGrain + 5});
  CHECK_FALSE(f.progress.CutUnsent(kGrain));
  CHECK_FALSE(f.progress.CutLost(kGrain));
  CHECK(f.progress.CutCopy(Slice{0, 2 * kGrain}, kGrain) == Slice{0, kGrain});
  CHECK(f.progress.OnLost(Slice{0, 2 * kGrain}));
  CHECK(f.progress.CutLost(8 * kGrain) == Slice{kGrain, 2 * kGrain});
  CHECK(f.progress.OnLost(Slice{0, kGrain}));
  CHECK(f.progress.HasLost());
  CHECK(f.progress.OnAcked(Slice{0, 2 * kGrain}) == 2 * kGrain);
  CHECK_FALSE(f.progress.HasLost());
  CHECK_FALSE(f.progress.OnLost(Slice{kGrain, 2 * kGrain}));
  CHECK(f.progress.OnAcked(Slice{2 * kGrain, 4 * kGrain + 5}) == 2 * kGrain + 5);
  CHECK(f.progress.IsDone());
}

TEST_CASE("no more copies of a byte are in flight than are worth it") {
  Fixture f(kGrain);
  const Slice all = *f.progress.CutUnsent(kGrain);
  for (int copies = 1; copies < ChunkProgress::kMostCopies; ++copies) {
    CHECK(f.progress.CutCopy(all, kGrain) == all);
  }
  CHECK_FALSE(f.progress.CutCopy(all, kGrain));
  CHECK_FALSE(f.progress.OnLost(all));
  CHECK(f.progress.CutCopy(all, kGrain) == all);
}

}  // namespace
}  // namespace millrace
