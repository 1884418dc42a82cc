#include "send/chunk_progress.h"

#include <algorithm>

namespace millrace {
namespace {

// A piece is made shorter by at most this share of it, to end on a leaf.
constexpr size_t kShorterBy = 4;

}  // namespace

size_t CutEnd(size_t begin, size_t end, size_t most_bytes) {
  const size_t length = end - begin;
  if (length <= most_bytes) return end;
  const size_t pieces = (length + most_bytes - 1) / most_bytes;
  const size_t grains = (length + pieces * kGrainBytes - 1) / (pieces * kGrainBytes);
  const size_t even_end = begin + grains * kGrainBytes;
  const size_t leaf_after = (even_end + kLeafBytes - 1) / kLeafBytes * kLeafBytes;
  if (leaf_after <= begin + most_bytes) return leaf_after;
  const size_t leaf_before = even_end / kLeafBytes * kLeafBytes;
  const bool near =
      leaf_before > begin && (even_end - leaf_before) * kShorterBy <= even_end - begin;
  return near ? leaf_before : even_end;
}

ChunkProgress::ChunkProgress(size_t bytes, MutableByteView grains)
    : bytes_(bytes), grains_(grains.first(GrainsBefore(bytes))) {
  std::fill(grains_.begin(), grains_.end(), uint8_t{0});
}

template <typename Is>
size_t ChunkProgress::FirstGrain(size_t from, size_t to, Is is) const {
  while (from < to && !is(grains_[from])) ++from;
  return from;
}

Slice ChunkProgress::Cut(size_t first, size_t last, size_t most_bytes) {
  const size_t begin = first * kGrainBytes;
  const Slice slice{begin, CutEnd(begin, std::min(last * kGrainBytes, bytes_), most_bytes)};
  for (size_t grain = first; grain < GrainsBefore(slice.end); ++grain) ++grains_[grain];
  return slice;
}

std::optional<Slice> ChunkProgress::CutUnsent(size_t most_bytes) {
  if (!HasUnsent()) return std::nullopt;
  const Slice slice = Cut(cut_ / kGrainBytes, grains_.size(), most_bytes);
  cut_ = slice.end;
  return slice;
}

std::optional<Slice> ChunkProgress::CutLost(size_t most_bytes) {
  if (!HasLost()) return std::nullopt;
  const auto is_lost = [](uint8_t state) { return state == 0; };
  const size_t sent = GrainsBefore(cut_);
  const size_t first = FirstGrain(0, sent, is_lost);
  const size_t last = FirstGrain(first, sent, [&](uint8_t state) { return !is_lost(state); });
  const Slice slice = Cut(first, last, most_bytes);
  lost_grains_ -= GrainsBefore(slice.end) - first;
  return slice;
}

std::optional<Slice> ChunkProgress::CutCopy(const Slice& slice, size_t most_bytes) {
  const auto may_copy = [](uint8_t state) { return state > 0 && state < kMostCopies; };
  const size_t end = GrainsBefore(slice.end);
  const size_t first = FirstGrain(slice.begin / kGrainBytes, end, may_copy);
  if (first == end) return std::nullopt;
  const size_t last = FirstGrain(first, end, [&](uint8_t state) { return !may_copy(state); });
  return Cut(first, last, most_bytes);
}

size_t ChunkProgress::OnAcked(const Slice& slice) {
  size_t news = 0;
  for (size_t at = slice.begin; at < slice.end; at += kGrainBytes) {
    uint8_t& state = grains_[at / kGrainBytes];
    if (state == kAcked) continue;
    if (state == 0) --lost_grains_;
    state = kAcked;
    news += std::min(kGrainBytes, slice.end - at);
  }
  acked_bytes_ += news;
  return news;
}

bool ChunkProgress::OnLost(const Slice& slice) {
  bool again = false;
  for (size_t at = slice.begin; at < slice.end; at += kGrainBytes) {
    uint8_t& state = grains_[at / kGrainBytes];
    if (state == kAcked || state == 0 || --state > 0) continue;
    ++lost_grains_;
    again = true;
  }
  return again;
}

}  // namespace millrace
