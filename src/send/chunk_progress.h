// How far the parts of a chunk are: not sent, in flight, lost, or acknowledged. Cuts pieces off it,
// each for one record, at the moment when they are sent.
#pragma once

#include <optional>

#include "base/bytes.h"
#include "base/leaf.h"

namespace millrace {

// Bytes [begin, end) of a chunk; on grains, except at the chunk's end.
struct Slice {
  size_t begin = 0;
  size_t end = 0;

  size_t length() const { return end - begin; }
  bool operator==(const Slice&) const = default;
};

// The end of the first piece of bytes [begin, end), which become the fewest pieces of at most
// `most_bytes`, all of about the same length. `begin` and `most_bytes` are multiples of
// kGrainBytes. Where a leaf's end is near, the piece ends there: the receiver then need not copy
// its bytes.
size_t CutEnd(size_t begin, size_t end, size_t most_bytes);

class ChunkProgress {
 public:
  // Copies of a byte in flight at once; another one is not worth its bytes.
  static constexpr uint8_t kMostCopies = 3;

  ChunkProgress() = default;
  // Nothing of a chunk of `bytes` is sent. `grains` is memory, a byte for each grain, that outlives
  // this object.
  ChunkProgress(size_t bytes, MutableByteView grains);

  bool HasUnsent() const { return cut_ < bytes_; }
  bool HasLost() const { return lost_grains_ > 0; }
  // Everything is acknowledged.
  bool IsDone() const { return acked_bytes_ == bytes_; }

  // The next piece, of at most `most_bytes`, a multiple of kGrainBytes above 0; it is in flight
  // afterwards. Of what was never sent; of what is lost, the first part; of what is in flight in
  // `slice`, once more. Nothing where there is none. Cost: linear in the chunk's grains.
  std::optional<Slice> CutUnsent(size_t most_bytes);
  std::optional<Slice> CutLost(size_t most_bytes);
  std::optional<Slice> CutCopy(const Slice& slice, size_t most_bytes);

  // A copy of the slice arrived. Answers how many of its bytes were not known to have arrived.
  size_t OnAcked(const Slice& slice);
  // A copy of the slice is lost; of each copy this is said at most once. Answers whether some of it
  // has to be sent again: bytes that have not arrived, and of which no other copy is in flight.
  bool OnLost(const Slice& slice);

 private:
  // Of a grain: not sent or lost, so many copies in flight, or this.
  static constexpr uint8_t kAcked = 0xff;

  // The first grain of [from, to) for which `is(state)` holds; `to` where there is none.
  template <typename Is>
  size_t FirstGrain(size_t from, size_t to, Is is) const;
  // The grains up to the one that `end`, a slice's, is the end of.
  static size_t GrainsBefore(size_t end) { return (end + kGrainBytes - 1) / kGrainBytes; }
  // The piece that begins with grain `first` and lies before grain `last`, with a copy more in
  // flight.
  Slice Cut(size_t first, size_t last, size_t most_bytes);

  size_t bytes_ = 0;
  size_t cut_ = 0;  // Everything before it was sent at least once.
  size_t lost_grains_ = 0;
  size_t acked_bytes_ = 0;
  MutableByteView grains_;
};

}  // namespace millrace
