// The sending way: offer, read, hash, hand pieces to lanes, take acknowledgements and receipts.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "base/event.h"
#include "base/file_info.h"
#include "base/memory_budget.h"
#include "base/page_pool.h"
#include "base/token.h"
#include "crypto/key_schedule.h"
#include "send/outgoing_transfer.h"
#include "wire/frame_queue.h"

namespace millrace {

// The source is asked for bytes [offset, offset + bytes.size()) of a file; they belong into
// `bytes`.
struct ReadRequest {
  PieceId piece;
  TransferId transfer;
  FileIndex file;
  uint64_t offset = 0;
  MutableByteView bytes;
};

// A piece with its DATA header before it, ready to be sealed as a record's plaintext after so many
// bytes of padding; or padding alone.
struct OutgoingPiece {
  std::optional<PieceId> piece;
  ByteView plaintext;
  size_t padding = 0;
};

class Sender {
 public:
  // Payload that is read ahead of the lanes, a page of the pool at least for each piece. All
  // transfers that may move share this evenly: what a fast channel drains in a turn, several times
  // over.
  static constexpr size_t kReadAheadBytes = 2 * 1024 * 1024;
  // What a paused transfer has read stays in the pool, and so do reads that no source answers.
  // While others hold that much, a transfer gets half of what is left up to this. The rest of the
  // pool is for what is on its way.
  static constexpr size_t kMostAheadBytes = 2 * kReadAheadBytes;
  // What each transfer may always read ahead, whatever the others hold: two leaves.
  static constexpr size_t kLeastAheadBytes = 2 * kLeafBytes;

  // Of a piece on its way at once: the last ones are not worth more.
  static constexpr uint32_t kMostCopies = 3;

  // `memory` is for what is kept of files; `frames` carries what has to be said on the control
  // lane; `events` what the user has to know. All outlive the sender.
  Sender(size_t pool_bytes, MemoryBudget& memory, FrameQueue& frames, EventQueue& events)
      : pool_(pool_bytes), memory_(memory), frames_(frames), events_(events) {}

  // Which ids this side gives (PROTOCOL, "Transfers"). Called once, before the first offer.
  void SetRole(Role role) { role_ = role; }

  // Whether what is sent is padded (PROTOCOL, "Privacy").
  void SetPrivacy(bool privacy) { privacy_ = privacy; }

  // Offers files under a token that names the transfer beyond this session, and answers the
  // transfer's id. Errors: an empty or unusable list becomes a kFailed event with kInvalidArgument
  // or kTooLarge, as does one that passes a limit or finds no memory beside what is open, and the
  // peer only learns that the number is spent. Cost: each file is asked for twice.
  TransferId Offer(const FileList& files, const TransferToken& token);

  // Bytes per piece from now on; a multiple of kLeafBytes.
  void SetPieceBytes(size_t bytes) { piece_bytes_ = bytes; }

  // The next bytes wanted from a source; the transfers take turns, each within its own share of
  // what may be read ahead. The memory is the source's until ReadDone.
  std::optional<ReadRequest> PollRead();
  // The source has put `length` bytes there. Fewer than asked for are the end of a stream; for a
  // file with a size they fail the transfer with kSourceChanged.
  void ReadDone(PieceId piece, size_t length);

  // Whether NextPiece has one, but for those that a late acknowledgement has settled meanwhile.
  bool HasPiece() const;
  // Whether more pieces of a transfer that may move are being read, or can be within credit and
  // memory.
  bool HasMore() const;
  // Whether a transfer may move of which nothing more is to be read for now: what is on its way is
  // its end.
  bool HasTail() const;
  // Whether a transfer is accepted and not paused, so that bulk of it may move.
  bool MayMove() const;
  // The next piece for a lane, fair among transfers, pieces to be sent again before new ones, and
  // the padding of a transfer after its last one. A piece stays in the pool until OnAcked. Of a
  // paused transfer only pieces that were lost come.
  std::optional<OutgoingPiece> NextPiece();
  // Whether a piece belongs to the tail of its transfer (HasTail), so that a copy may be worth it.
  bool IsTail(PieceId piece) const;
  // Another copy of a piece that is on its way; nothing where it has kMostCopies, is done with, or
  // its transfer is paused.
  std::optional<OutgoingPiece> CopyPiece(PieceId piece);
  // One copy of the piece arrived: it is done with. Ids of pieces that are done with are ignored,
  // here and below.
  void OnAcked(PieceId piece);
  // One copy of the piece is lost; without another on its way it is sent again, and the answer is
  // true.
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
  size_t pool_used_bytes() const { return pool_.used_bytes(); }

 private:
  enum class PieceState : uint8_t { kFree, kReading, kQueued, kSent };
  struct Piece {
    PieceState state = PieceState::kFree;
    uint32_t generation = 0;
    uint32_t copies = 0;  // On their way.
    bool ahead = false;   // Counted in ahead_bytes_: not sent yet.
    bool held = false;    // The receiver has it: to be hashed only.
    TransferId transfer;
    FileIndex file;
    uint64_t offset = 0;
    size_t length = 0;
    PoolBuffer buffer;  // Headroom for the DATA header, then the payload.
  };

  // The piece, or null where it is done with.
  Piece* At(PieceId id);
  const Piece* At(PieceId id) const;
  PieceId IdOf(size_t slot) const;
  PieceId TakeSlot();
  void FreePiece(PieceId id);
  // The piece is read ahead of the lanes from now on, or no more.
  void SetAhead(Piece& piece, bool ahead);
  // What may be read ahead of a transfer that may move, when `sharing` transfers do.
  size_t AheadShare(const OutgoingTransfer& transfer, size_t sharing) const;
  // The next read of a transfer, of at most `most_bytes`; nothing where there is none, or no
  // memory.
  std::optional<ReadRequest> StartRead(TransferId id, OutgoingTransfer& transfer,
                                       size_t most_bytes);
  bool HasMore(const OutgoingTransfer& transfer) const;
  void Queue(PieceId id, Piece& piece, bool again);
  // Forgets the transfer and frees what waits or travels of it; copies may still arrive.
  void End(TransferId id);
  // Writes the header right before the payload, which never moves.
  OutgoingPiece Emit(PieceId id, Piece& piece);
  // Some of the padding that a transfer still owes, as a record of its own; the end of it lets the
  // transfer's last COMPLETE go.
  OutgoingPiece EmitPadding(OutgoingTransfer& transfer);
  // A read came short of what was asked for: the stream has ended there.
  void EndStream(Piece& piece, OutgoingTransfer& transfer, size_t length);
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

  PagePool pool_;
  MemoryBudget& memory_;
  FrameQueue& frames_;
  EventQueue& events_;
  Role role_ = Role::kInitiator;
  bool privacy_ = false;
  uint32_t next_ordinal_ = 0;
  size_t piece_bytes_ = kLeafBytes;
  std::map<TransferId, OutgoingTransfer> transfers_;
  TransferId last_read_;
  TransferId last_sent_;
  std::vector<Piece> pieces_;
  std::vector<uint32_t> free_slots_;
  // As kReadAheadBytes counts: pieces that are being read or wait for their first lane, those of
  // transfers that have ended included.
  size_t ahead_bytes_ = 0;
};

}  // namespace millrace
