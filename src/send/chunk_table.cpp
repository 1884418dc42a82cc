#include "send/chunk_table.h"

#include <algorithm>

namespace millrace {
namespace {

static_assert(kGrainBytes == PagePool::kPageBytes);

// A chunk's id: generation, slot. A piece's id: the chunk's, first grain, last grain.
constexpr uint32_t kSlotBits = 16;
constexpr uint32_t kGrainBits = 12;
// No id waits while its slot is used four million times.
constexpr uint32_t kGenerationBits = 22;
static_assert(kGenerationBits + kSlotBits + 2 * kGrainBits <= 64);

constexpr uint64_t Low(uint64_t value, uint32_t bits) {
  return value & ((uint64_t{1} << bits) - 1);
}

}  // namespace

ChunkTable::ChunkTable(size_t pool_bytes)
    : pool_(std::min(pool_bytes, kMostPoolBytes)),
      grains_(pool_.capacity_bytes() / PagePool::kPageBytes) {}

ChunkId ChunkTable::IdOf(size_t slot) const {
  return ChunkId(uint64_t{slots_[slot].generation} << kSlotBits | slot);
}

std::optional<ChunkId> ChunkTable::Allocate(size_t bytes) {
  std::optional<PoolBuffer> buffer = pool_.Allocate(bytes);
  if (!buffer) return std::nullopt;
  const uint32_t number = slots_.Take();
  Slot& slot = slots_[number];
  slot.used = true;
  slot.chunk = OutgoingChunk();
  slot.chunk.buffer = std::move(*buffer);
  return IdOf(number);
}

const OutgoingChunk* ChunkTable::Find(ChunkId id) const {
  const auto slot = static_cast<size_t>(Low(id.value, kSlotBits));
  const bool there = slot < slots_.size() && slots_[slot].used && IdOf(slot) == id;
  return there ? &slots_[slot].chunk : nullptr;
}

OutgoingChunk* ChunkTable::Find(ChunkId id) {
  return const_cast<OutgoingChunk*>(static_cast<const ChunkTable*>(this)->Find(id));
}

void ChunkTable::StartSending(OutgoingChunk& chunk, size_t length) {
  chunk.reading = false;
  chunk.length = length;
  const size_t first_page = pool_.PageOf(chunk.buffer);
  const MutableByteView grains = MutableByteView(grains_).subspan(first_page);
  chunk.progress = ChunkProgress(length, grains);
}

void ChunkTable::Free(ChunkId id) {
  const auto number = static_cast<uint32_t>(Low(id.value, kSlotBits));
  Slot& slot = slots_[number];
  slot.used = false;
  slot.chunk.buffer.Release();
  slot.generation = static_cast<uint32_t>(Low(slot.generation + 1, kGenerationBits));
  slots_.Free(number);
}

PieceId ChunkTable::PieceOf(ChunkId chunk, const Slice& slice) {
  const uint64_t first = slice.begin / kGrainBytes;
  const uint64_t last = (slice.end - 1) / kGrainBytes;
  return PieceId((chunk.value << kGrainBits | first) << kGrainBits | last);
}

ChunkId ChunkTable::ChunkOf(PieceId piece) { return ChunkId(piece.value >> 2 * kGrainBits); }

Slice ChunkTable::SliceOf(PieceId piece, const OutgoingChunk& chunk) {
  const auto first = static_cast<size_t>(Low(piece.value >> kGrainBits, kGrainBits));
  const auto last = static_cast<size_t>(Low(piece.value, kGrainBits));
  return Slice{first * kGrainBytes, std::min((last + 1) * kGrainBytes, chunk.length)};
}

}  // namespace millrace
