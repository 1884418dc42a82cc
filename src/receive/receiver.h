// The receiving way: offers, place by offset, write, hash, receipt; and the credit that keeps
// memory bounded.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "base/event.h"
#include "base/page_pool.h"
#include "base/slot_list.h"
#include "crypto/key_schedule.h"
#include "receive/held_buffers.h"
#include "receive/incoming_transfer.h"
#include "receive/partial_leaves.h"
#include "wire/frame_queue.h"

namespace millrace {

using WriteId = StrongId<struct WriteTag, uint32_t>;

// `bytes` belong at `offset` of a file. They stay until WriteDone.
struct WriteRequest {
  WriteId write;
  TransferId transfer;
  FileIndex file;
  uint64_t offset = 0;
  ByteView bytes;
};

class Receiver {
 public:
  // Bytes granted and not yet written, over all transfers that move. At 100 ms this is 500 Mbit/s.
  static constexpr uint64_t kWindowBytes = 6 * 1024 * 1024;
  // Credit cannot be taken back. While one transfer stands still with all of that window, another
  // gets half of what is left up to this, the next one half of the rest, and so on.
  static constexpr uint64_t kMostGrantedBytes = 7 * 1024 * 1024;
  // What each transfer may always have outstanding, whatever the others hold: two leaves.
  static constexpr uint64_t kLeastWindowBytes = 2 * kLeafBytes;
  // A pool of this size holds all credit, a message of the greatest length that has just come, and
  // a leaf that is put together. Payload takes at most a sixteenth more than its bytes until it is
  // written, in records of any size: a record that would waste more is not kept, but copied (Keep).
  // Each tiny file takes a page; a message that finds no room on a bulk lane is sent again.
  static constexpr uint64_t kPoolBytes = 10 * 1024 * 1024;
  static_assert((kMostGrantedBytes + kMaxOpenTransfers * kLeastWindowBytes) / 16 * 17 +
                    kMaxMessageBytes + kLeafBytes <=
                kPoolBytes);

  // `memory` is for what is kept of files; `frames` carries what has to be said on the control
  // lane; `events` what the user has to know. All outlive the receiver.
  Receiver(size_t pool_bytes, MemoryBudget& memory, FrameQueue& frames, EventQueue& events)
      : pool_(pool_bytes),
        control_pool_(kMaxControlRecordBytes),
        memory_(memory),
        frames_(frames),
        events_(events) {}

  // This side's role; the peer's transfers bear the other one's ids. Called once, before the first
  // frame.
  void SetRole(Role role) { peer_role_ = Opposite(role); }

  // Memory for a message off a bulk lane; nothing while the pool is full.
  std::optional<PoolBuffer> Allocate(size_t bytes) { return pool_.Allocate(bytes); }
  // The same for the control lane, up to kMaxControlRecordBytes. It has room of its own, since
  // control messages must not wait for a sink that stands still. Nothing only where the peer's last
  // control message held payload and the pool is full.
  std::optional<PoolBuffer> AllocateControl(size_t bytes);

  // Frames of the peer. Errors: kProtocolViolation or kTooLarge, and the session has to end. Frames
  // for ended transfers are ignored. An offer that finds no memory beside what is open is cancelled
  // with kTooLarge.
  Status OnManifest(const ManifestFrame& frame);
  // `buffer` holds the record that `frame` points into; it is kept as long as writes need it. Whole
  // leaves are written as they come. Parts of leaves wait here until the rest of their leaf has
  // come, so that small records do not become small writes. Cost: hashing the leaves that are whole
  // now; a copy of parts of leaves.
  Status OnData(const DataFrame& frame, PoolBuffer& buffer);
  Status OnComplete(const CompleteFrame& frame);
  Status OnPause(const PauseFrame& frame);
  // The peer ended one of its own transfers, perhaps one that it never got to offer.
  Status OnCancel(const CancelFrame& frame);

  bool Owns(TransferId id) const { return id.value % 2 == static_cast<uint32_t>(peer_role_); }
  bool IsKnown(TransferId id) const { return Owns(id) && id.value / 2 < next_ordinal_; }

  // Before Accept: bytes of a file of known size that an earlier attempt left in the sink, read
  // back from there. They start on a leaf and end on one or at the file's end; anything else, bytes
  // that were added before, and bytes past too many gaps are ignored. Cost: hashing them.
  void AddExisting(TransferId id, FileIndex file, uint64_t offset, ByteView bytes);
  // The user's answer to an offer; no-op where the transfer has ended or is accepted.
  void Accept(TransferId id);
  void Reject(TransferId id, std::string_view reason);

  std::optional<WriteRequest> PollWrite();
  void WriteDone(WriteId id);
  // The sink has closed a file that a kFileReceived event named: its receipt goes out.
  void FileStored(TransferId id, FileIndex file);

  // The user paused or resumed the transfer; no-op where it has ended.
  void SetPausedHere(TransferId id, bool paused);

  // Bytes of some transfer are to come, or to be stored.
  bool MayMove() const;
  // Of each of those, the sink has yet to take half of what may lie here, or all that is left.
  bool WaitsForSink() const;

  // Queues CREDIT frames for transfers whose window has opened by a quarter or more. Cost: linear
  // in transfers after something was written, accepted or ended; else none.
  void GrantCredit();

  // Ends the transfer with a kFailed event; no-op where it has ended.
  void Fail(TransferId id, Error error, bool by_peer);
  void FailAll(const Error& error, bool by_peer);

  const IncomingTransfer* Find(TransferId id) const;
  size_t active_transfers() const { return transfers_.size(); }
  size_t pool_used_bytes() const { return pool_.used_bytes() + control_pool_.used_bytes(); }
  // Leaves of which a part waits for the rest.
  size_t partial_leaves() const { return partial_.size(); }

 private:
  // The record whose DATA is placed, and its memory's number once something of it is kept.
  struct Record {
    const DataFrame& frame;
    PoolBuffer& buffer;
    size_t buffer_bytes = 0;
    std::optional<uint32_t> held;

    ByteView Bytes(uint64_t begin, uint64_t end) const {
      return frame.payload.subspan(static_cast<size_t>(begin - frame.offset),
                                   static_cast<size_t>(end - begin));
    }
  };
  // Payload in memory that lasts, with one use.
  struct Kept {
    ByteView bytes;
    uint32_t held = 0;
  };
  struct Write {
    TransferId transfer;
    FileIndex file;
    uint64_t offset = 0;
    ByteView bytes;
    uint32_t held = 0;
    bool pending = false;
  };

  IncomingTransfer* Find(TransferId id);
  // Ends the transfer on both sides.
  void Cancel(TransferId id, const Error& error);
  Status CheckData(const DataFrame& frame, const IncomingTransfer& transfer) const;
  Status CheckComplete(const CompleteFrame& frame, const IncomingFile& file) const;
  // Where the last byte ends that has come of a file whose size is not known.
  uint64_t ArrivedEnd(TransferId id, FileIndex index, const IncomingFile& file) const;
  void PushHave(TransferId id, FileIndex index, const IncomingFile& file);
  // Takes what is missing of the record's payload.
  Status Place(Record& record, IncomingTransfer& transfer);
  // The first of the `missing` bytes, as far as they are whole leaves of which nothing has come.
  Range UntouchedLeaves(const DataFrame& frame, const Range& missing,
                        std::optional<uint64_t> file_end) const;
  Status PlaceLeaves(Record& record, const Range& leaves, IncomingTransfer& transfer);
  // Takes bytes [part.begin, part.end) of one leaf, as far as they are missing.
  Status PlacePart(Record& record, const Range& part, IncomingTransfer& transfer);
  // Hashes a leaf whose parts have all come, and queues it to be written; no-op for any other.
  void CompleteLeaf(const LeafId& leaf);
  // Counts bytes against the credit. Errors: kProtocolViolation past it.
  Status TakeCredit(IncomingTransfer& transfer, uint64_t bytes) const;
  // Keeps bytes of the record until they are written: in the record's own memory where that takes
  // at most a sixteenth more than the bytes need, else in a copy.
  Kept Keep(Record& record, ByteView bytes);
  // The write takes over one use of the memory `held`.
  void QueueWrite(const LeafId& first_leaf, size_t begin, ByteView bytes, uint32_t held);
  // In what has arrived, over all transfers.
  size_t Gaps() const;
  void CheckFile(TransferId id, FileIndex index);
  // What of a transfer may be granted and not written, beside the `others` bytes of all others.
  static uint64_t WindowBytes(size_t accepted, uint64_t others);

  PagePool pool_;
  PagePool control_pool_;
  MemoryBudget& memory_;
  FrameQueue& frames_;
  EventQueue& events_;
  Role peer_role_ = Role::kResponder;
  uint32_t next_ordinal_ = 0;
  std::map<TransferId, IncomingTransfer> transfers_;
  HeldBuffers held_;
  PartialLeaves partial_;
  // A leaf that is hashed while the pool has no room for it in one piece.
  std::vector<uint8_t> scratch_ = std::vector<uint8_t>(kLeafBytes);
  SlotList<Write> writes_;
  std::deque<WriteId> write_queue_;
  bool credit_due_ = false;  // A window may have opened since GrantCredit.
};

}  // namespace millrace
