// The sending way: offer, read chunks, hash them, cut pieces for the lanes, take acknowledgements
// and receipts.
#pragma once

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <vector>

#include "base/event.h"
#include "base/file_info.h"
#include "base/memory_budget.h"
#include "base/token.h"
#include "crypto/key_schedule.h"
#include "send/chunk_table.h"
#include "send/outgoing_transfer.h"
#include "wire/frame_queue.h"

namespace millrace {

// The source is asked for bytes [offset, offset + bytes.size()) of a file; they belong into
// `bytes`.
struct ReadRequest {
  ChunkId chunk;
  TransferId transfer;
  FileIndex file;
  uint64_t offset = 0;
  MutableByteView bytes;
};

// The part of a chunk that one record carries, to be sealed as the record's plaintext: padding, the
// fields of the DATA frame, its payload. Or padding alone.
struct OutgoingPiece {
  std::optional<PieceId> piece;
  size_t padding = 0;
  std::array<uint8_t, kMaxDataHeaderBytes> header{};
  size_t header_bytes = 0;
  ByteView payload;

  ByteView fields() const { return ByteView(header).first(header_bytes); }
};

class Sender {
 public:
  // Payload that is read ahead of the lanes, a page of the pool at least for each chunk. All
  // transfers that may move share this evenly: what a fast channel drains in a turn, several times
  // over.
  static constexpr size_t kReadAheadBytes = 2 * 1024 * 1024;
  // What a paused transfer has read stays in the pool, and so do reads that no source answers.
  // While others hold that much, a transfer gets half of what is left up to this. The rest of the
  // pool is for what is on its way.
  static constexpr size_t kMostAheadBytes = 2 * kReadAheadBytes;
  // What each transfer may always read ahead, whatever the others hold: two leaves.
  static constexpr size_t kLeastAheadBytes = 2 * kLeafBytes;

  // What is read at once, whatever the chunk size: two of the longest records. A chunk keeps its
  // memory until all of it is acknowledged, so that a longer one would keep more for one lost
  // record.
  static constexpr size_t kMostReadBytes = 30 * kLeafBytes;
  static_assert(kMostReadBytes <= ChunkTable::kMostChunkBytes);

  // `memory` is for what is kept of files; `frames` carries what has to be said on the control
  // lane; `events` what the user has to know. All outlive the sender.
  Sender(size_t pool_bytes, MemoryBudget& memory, FrameQueue& frames, EventQueue& events)
      : chunks_(pool_bytes), memory_(memory), frames_(frames), events_(events) {}

  // Which ids this side gives (PROTOCOL, "Transfers"). Called once, before the first offer.
  void SetRole(Role role) { role_ = role; }

  // Whether what is sent is padded (PROTOCOL, "Privacy").
  void SetPrivacy(bool privacy) { privacy_ = privacy; }

  // Offers files under a token that names the transfer beyond this session, and answers the
  // transfer's id. Errors: an empty or unusable list becomes a kFailed event with kInvalidArgument
  // or kTooLarge, as does one that passes a limit or finds no memory beside what is open, and the
  // peer only learns that the number is spent. Cost: each file is asked for twice.
  TransferId Offer(const FileList& files, const TransferToken& token);

  // What is read at once from now on; a multiple of kLeafBytes, used up to kMostReadBytes.
  void SetChunkBytes(size_t bytes) { chunk_bytes_ = std::min(bytes, kMostReadBytes); }

  // The next bytes wanted from a source; the transfers take turns, each within its own share of
  // what may be read ahead. The memory is the source's until ReadDone.
  std::optional<ReadRequest> PollRead();
  // The source has put `length` bytes there. Fewer than asked for are the end of a stream; for a
  // file with a size they fail the transfer with kSourceChanged.
  void ReadDone(ChunkId chunk, size_t length);

  // Whether NextPiece has one, except where a late acknowledgement has arrived for all that waits.
  bool HasPiece() const;
  // Whether a transfer that may move has bytes that were never sent, or can read more within credit
  // and memory.
  bool HasMore() const;
  // Whether a transfer may move of which nothing more is to be read for now: what is on its way is
  // its end.
  bool HasTail() const;
  // Whether a transfer is accepted and not paused, so that bulk of it may move.
  bool MayMove() const;
  // Cuts the next piece for a lane: fair among transfers, lost bytes before new ones, and the
  // padding of a transfer after its last one. Of a paused transfer only lost bytes come. Its
  // payload has at most `most_payload_bytes` and at least one grain, within one chunk, and stays in
  // the pool until OnAcked; with privacy it is in whole leaves, so that all records have much the
  // same size. Lost bytes may be cut in another way than before. Valid until the next call of any
  // method. Cost: linear in the grains of a chunk; no allocation.
  std::optional<OutgoingPiece> NextPiece(size_t most_payload_bytes);
  // Whether a piece belongs to the tail of its transfer (HasTail), so that a copy may be worth it.
  bool IsTail(PieceId piece) const;
  // Another copy of a piece that is in flight, or of the first part of it that fits and has neither
  // arrived nor ChunkProgress::kMostCopies; nothing where there is none, or its transfer is paused.
  std::optional<OutgoingPiece> CopyPiece(PieceId piece, size_t most_payload_bytes);
  // One copy of the piece arrived: its bytes are done with. Ids of pieces whose chunk is done with
  // are ignored, here and below.
  void OnAcked(PieceId piece);
  // One copy of the piece is lost. What of it has not arrived and is not in flight in another
  // record is sent again; the answer is whether there is any.
  bool OnLost(PieceId piece);

  // Frames of the peer. Errors: kProtocolViolation, nothing changed. Frames for ended transfers are
  // ignored.
  Status OnHave(const HaveFrame& frame);
  Status OnAccept(const AcceptFrame& frame);
  Status OnReject(const RejectFrame& frame);
  Status OnCredit(const CreditFrame& frame);
  Status OnReceipt(const ReceiptFrame& frame);

  bool Owns(TransferId id) const { return id.value % 2 == static_cast<uint32_t>(role_); }
  // Whether this id was ever given.
  bool IsKnown(TransferId id) const { return Owns(id) && id.value / 2 < next_ordinal_; }

  void SetPausedHere(TransferId id, bool paused);
  Status OnPause(const PauseFrame& frame);
  // Ends the transfer with a kFailed event; no-op where it has ended.
  void Fail(TransferId id, Error error, bool by_peer);
  void FailAll(const Error& error, bool by_peer);

  // Bytes that the peer acknowledged or held before.
  uint64_t DeliveredBytes(TransferId id) const;
  size_t active_transfers() const { return transfers_.size(); }
  size_t pool_used_bytes() const { return chunks_.used_bytes(); }

 private:
  void FreeChunk(ChunkId id);
  // Part of the chunk was never sent from now on, or all of it was.
  void SetAhead(OutgoingChunk& chunk, bool ahead);
  // What may be read ahead of a transfer that may move, when `sharing` transfers do.
  size_t AheadShare(const OutgoingTransfer& transfer, size_t sharing) const;
  // The next read of a transfer, of at most `most_bytes`; nothing where there is none, or no
  // memory. A transfer that holds no memory takes less where that is all there is.
  std::optional<ReadRequest> StartRead(TransferId id, OutgoingTransfer& transfer,
                                       size_t most_bytes);
  bool HasMore(const OutgoingTransfer& transfer) const;
  // Forgets the transfer and frees what waits or travels of it; copies may still arrive.
  void End(TransferId id);
  // The most payload of a piece: what was asked for, on the grid that pieces are cut on.
  size_t PayloadLimit(size_t most_payload_bytes) const;
  std::optional<OutgoingPiece> NextLost(OutgoingTransfer& transfer, size_t most_bytes);
  std::optional<OutgoingPiece> NextUnsent(OutgoingTransfer& transfer, size_t most_bytes);
  OutgoingPiece Emit(ChunkId id, const OutgoingChunk& chunk, const Slice& slice) const;
  // Some of the padding that a transfer still owes, as a record of its own; the end of it lets the
  // transfer's last COMPLETE go.
  OutgoingPiece EmitPadding(OutgoingTransfer& transfer, size_t most_bytes);
  // Whether the source may have given `length` bytes for a read: fewer than asked for only at the
  // end of a stream.
  static bool IsPlausible(const OutgoingChunk& chunk, std::optional<uint64_t> file_size,
                          size_t length);
  OutgoingTransfer* Find(TransferId id);
  const OutgoingTransfer* Find(TransferId id) const;
  // What an offer comes to.
  struct Summary {
    std::vector<std::optional<uint64_t>> sizes;
    size_t name_bytes = 0;
    size_t manifest_bytes = 0;  // In the frame queue.
  };
  Result<Summary> Summarize(const FileList& files) const;
  // Takes memory for the files. Errors: kTooLarge where there is none, or the peer would not take
  // them beside the transfers that are open.
  std::optional<Error> TakeRoom(const Summary& summary, MemoryShare& memory) const;
  void PushManifest(TransferId id, const FileList& files, const TransferToken& token);
  // Says COMPLETE once all of the file is hashed.
  void CheckFile(TransferId id, OutgoingTransfer& transfer, FileIndex file);
  // Visits the transfers in turn, beginning after `last`, until one answers something; that one is
  // `last` then.
  template <typename Visit>
  auto InTurn(TransferId& last, Visit visit)
      -> decltype(visit(TransferId(), std::declval<OutgoingTransfer&>()));

  ChunkTable chunks_;
  MemoryBudget& memory_;
  FrameQueue& frames_;
  EventQueue& events_;
  Role role_ = Role::kInitiator;
  bool privacy_ = false;
  uint32_t next_ordinal_ = 0;
  size_t chunk_bytes_ = kLeafBytes;
  std::map<TransferId, OutgoingTransfer> transfers_;
  TransferId last_read_;
  TransferId last_sent_;
  // As kReadAheadBytes counts: chunks that are being read or of which part was never sent, those of
  // transfers that have ended included.
  size_t ahead_bytes_ = 0;
};

}  // namespace millrace
