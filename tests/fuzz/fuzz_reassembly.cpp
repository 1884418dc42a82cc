// A Receiver against a model that knows each KiB of each file: manifests, DATA in any order with
// overlaps that disagree, writes done in any order, credit, existing bytes, completion, ends from
// either side. What the model forbids must be refused with a documented code, what it allows must
// be taken; each byte is written once, as it came first, and never past the credit.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "crypto/hash_tree.h"
#include "fuzz/check.h"
#include "receive/receiver.h"
#include "wire/frame_queue.h"

namespace millrace {
namespace {

using testing::Check;

constexpr uint64_t kMostLeaves = 600;  // 9.4 MiB: past the credit window.
constexpr uint64_t kMostGrains = kMostLeaves * kLeafGrains;
constexpr size_t kMostTransfers = 6;

// What a grain holds: which of the versions that the peer may send, or nothing.
using Version = uint8_t;
constexpr Version kMissing = 0xff;

uint8_t ByteOf(uint64_t grain, Version version) {
  return static_cast<uint8_t>(grain * 7 + version * 101 + 1);
}

// The bytes of a range that begins on a grain, all of one version or as `version_of(grain)` says.
template <typename VersionOf>
void Fill(MutableByteView bytes, uint64_t offset, VersionOf version_of) {
  for (size_t at = 0; at < bytes.size(); at += kGrainBytes) {
    const uint64_t grain = (offset + at) / kGrainBytes;
    const auto part = bytes.subspan(at, std::min<size_t>(kGrainBytes, bytes.size() - at));
    std::fill(part.begin(), part.end(), ByteOf(grain, version_of(grain)));
  }
}

struct File {
  std::optional<uint64_t> end;
  std::vector<Version> grains = std::vector<Version>(kMostGrains, kMissing);
  std::vector<bool> write_asked = std::vector<bool>(kMostGrains, false);
  uint64_t arrived_end = 0;
  uint64_t written_bytes = 0;
  std::optional<Digest> announced;
  bool received = false;
  bool stored = false;

  uint64_t GrainLength(uint64_t grain) const {
    return std::min<uint64_t>(kGrainBytes, end.value_or(UINT64_MAX) - grain * kGrainBytes);
  }

  bool IsWhole(uint64_t leaf) const {
    for (uint64_t grain = leaf * kLeafGrains; grain < (leaf + 1) * kLeafGrains; ++grain) {
      if (end && grain * kGrainBytes >= *end) return true;
      if (grains[static_cast<size_t>(grain)] == kMissing) return false;
    }
    return true;
  }

  Digest Root(uint64_t size) const {
    HashTree tree;
    std::vector<uint8_t> bytes(static_cast<size_t>(size));
    Fill(bytes, 0, [this](uint64_t grain) {
      const Version version = grains[static_cast<size_t>(grain)];
      return version == kMissing ? Version{0} : version;
    });
    tree.AddBytes(0, bytes);
    return tree.Root(size);
  }
};

struct Transfer {
  std::vector<File> files;
  bool accepted = false;
  bool ended = false;
  bool all_known = true;
  uint64_t total_bytes = 0;
  uint64_t existing_bytes = 0;
  uint64_t arrived_bytes = 0;
  uint64_t written_bytes = 0;
  uint64_t granted = 0;
  size_t stored = 0;
};

class Run {
 public:
  explicit Run(size_t pool_bytes)
      : pool_bytes_(pool_bytes), receiver_(pool_bytes, memory_, frames_, events_) {
    receiver_.SetRole(Role::kInitiator);
  }

  void Step(ByteReader& input) {
    const uint8_t step = input.U8();
    const TransferId id(static_cast<uint32_t>(step >> 4) % 8);
    switch (step & 15) {
      case 0:
        SendManifest(input, id);
        break;
      case 1:
      case 2:
      case 3:
      case 4:
        SendData(input, id);
        break;
      case 5:
      case 6:
        AskWrites();
        break;
      case 7:
      case 8:
        FinishWrite(input.U8());
        break;
      case 9:
        Accept(id);
        break;
      case 10:
        SendComplete(input, id);
        break;
      case 11:
        Store(id, FileIndex(input.U8() % 3));
        break;
      case 12:
        AddExisting(input, id);
        break;
      case 13:
        EndIt(input.U8(), id);
        break;
      case 14:
        AskWrites();
        while (!writes_.empty()) FinishWrite(0);
        break;
      default:
        receiver_.GrantCredit();
    }
    ReadFrames();
    ReadEvents();
    CheckInvariants();
  }

  bool refused() const { return refused_; }

  void Finish() {
    receiver_.FailAll(Error{ErrorCode::kClosed, ""}, false);
    for (auto& [id, transfer] : transfers_) transfer.ended = true;
    Check(!receiver_.PollWrite());
    while (!writes_.empty()) FinishWrite(0);
    Check(receiver_.pool_used_bytes() == 0);
    Check(receiver_.active_transfers() == 0);
  }

 private:
  // The peer is the responder: its transfers are the odd ones.
  static bool IsTheirs(TransferId id) { return id.value % 2 == 1; }
  bool IsKnown(TransferId id) const { return IsTheirs(id) && id.value / 2 < next_ordinal_; }

  Transfer* Known(TransferId id) {
    const auto it = transfers_.find(id);
    return it == transfers_.end() ? nullptr : &it->second;
  }

  // The receiver's word must be the model's.
  void Expect(const Status& status, bool allowed) {
    Check(status.ok() == allowed);
    if (allowed) return;
    Check(status.error().code == ErrorCode::kProtocolViolation);
    refused_ = true;
  }

  void SendManifest(ByteReader& input, TransferId id) {
    if (transfers_.size() >= kMostTransfers) return;
    const uint32_t count = input.U8() % 3 + 1;
    Transfer transfer;
    std::vector<uint8_t> entries(256);
    ByteWriter writer(entries);
    for (uint32_t i = 0; i < count; ++i) {
      const uint8_t shape = input.U8();
      std::optional<uint64_t> size;
      if (shape % 4 != 0) size = shape / 4 * uint64_t{11} * kLeafBytes / (shape % 4) + shape % 3;
      if (size) size = std::min(*size, (kMostLeaves - 1) * kLeafBytes);
      EncodeFileEntry(FileEntry{size, 0, "f", ""}, writer);
      transfer.files.emplace_back().end = size;
      transfer.all_known = transfer.all_known && size;
      transfer.total_bytes += size.value_or(0);
    }
    const ManifestFrame frame{id, {}, count, 0, count, writer.written()};
    const bool is_next = IsTheirs(id) && id.value / 2 == next_ordinal_;
    const Transfer* old = Known(id);
    Expect(receiver_.OnManifest(frame), is_next || (IsKnown(id) && (old == nullptr || old->ended)));
    if (!is_next) return;
    ++next_ordinal_;
    transfers_.emplace(id, std::move(transfer));
    ++offers_expected_;
  }

  bool Allows(const DataFrame& frame, const Transfer& transfer) const {
    if (!transfer.accepted || frame.file.value >= transfer.files.size()) return false;
    const File& file = transfer.files[frame.file.value];
    const uint64_t end = frame.offset + frame.payload.size();
    if (file.end) {
      if (end > *file.end || (end % kGrainBytes != 0 && end != *file.end)) return false;
    } else if (end % kGrainBytes != 0 && file.arrived_end > end) {
      return false;
    }
    return transfer.arrived_bytes + NewBytes(frame, file) <= transfer.granted;
  }

  static uint64_t NewBytes(const DataFrame& frame, const File& file) {
    uint64_t bytes = 0;
    const uint64_t end = frame.offset + frame.payload.size();
    for (uint64_t at = frame.offset; at < end; at += kGrainBytes) {
      const bool missing = file.grains[static_cast<size_t>(at / kGrainBytes)] == kMissing;
      if (missing) bytes += std::min<uint64_t>(kGrainBytes, end - at);
    }
    return bytes;
  }

  void SendData(ByteReader& input, TransferId id) {
    const FileIndex file(input.U8() % 4);
    const uint16_t place = input.U16();
    const uint8_t shape = input.U8();
    const Version version = shape >> 7;
    // In leaves or in grains.
    const size_t unit = (place & 0x8000) != 0 ? kGrainBytes : kLeafBytes;
    const uint64_t units = kMostLeaves * kLeafBytes / unit;
    size_t length = (shape % 15 + 1) * unit;
    const Transfer* transfer = Known(id);
    const bool there = transfer != nullptr && file.value < transfer->files.size();
    const std::optional<uint64_t> end = there ? transfer->files[file.value].end : std::nullopt;
    const uint64_t offset = (place & 0x7fff) % (units - 16) * unit;
    // Mostly up to the end of the file and not past it; sometimes off the grid.
    if ((shape & 0x60) != 0 && end && offset < *end) {
      length = static_cast<size_t>(std::min<uint64_t>(length, *end - offset));
    } else if ((shape & 0x60) == 0x20) {
      length -= 5;
    }
    std::optional<PoolBuffer> buffer = receiver_.Allocate(kMaxDataHeaderBytes + length);
    if (!buffer) return;
    ByteWriter writer(buffer->bytes());
    EncodeDataHeader(DataFrame{id, file, offset, {}}, writer);
    const MutableByteView payload = buffer->bytes().subspan(writer.size(), length);
    Fill(payload, offset, [version](uint64_t) { return version; });
    ByteReader reader(buffer->bytes().first(writer.size() + length));
    const Result<Frame> decoded = DecodeFrame(reader);
    Check(decoded.ok());
    const DataFrame& frame = std::get<DataFrame>(decoded.value());
    const bool ended = transfer != nullptr && transfer->ended;
    const bool allowed = IsKnown(id) && (transfer == nullptr || ended || Allows(frame, *transfer));
    Expect(receiver_.OnData(frame, *buffer), allowed);
    if (allowed && transfer != nullptr && !ended) Take(frame, *Known(id), version);
  }

  static void Take(const DataFrame& frame, Transfer& transfer, Version version) {
    File& file = transfer.files[frame.file.value];
    const uint64_t end = frame.offset + frame.payload.size();
    transfer.arrived_bytes += NewBytes(frame, file);
    if (end % kGrainBytes != 0) file.end = end;
    file.arrived_end = std::max(file.arrived_end, end);
    for (uint64_t at = frame.offset; at < end; at += kGrainBytes) {
      Version& grain = file.grains[static_cast<size_t>(at / kGrainBytes)];
      if (grain == kMissing) grain = version;
    }
  }

  void AskWrites() {
    while (const auto write = receiver_.PollWrite()) {
      const Transfer* transfer = Known(write->transfer);
      Check(transfer != nullptr && !transfer->ended && !write->bytes.empty());
      File& file = Known(write->transfer)->files[write->file.value];
      const uint64_t end = write->offset + write->bytes.size();
      Check(write->offset % kGrainBytes == 0 && (end % kGrainBytes == 0 || end == file.end));
      for (uint64_t at = write->offset; at < end; at += kGrainBytes) {
        const uint64_t grain = at / kGrainBytes;
        const auto index = static_cast<size_t>(grain);
        Check(file.IsWhole(grain / kLeafGrains) && !file.write_asked[index]);
        file.write_asked[index] = true;
        const uint8_t byte = ByteOf(grain, file.grains[index]);
        const ByteView bytes = write->bytes.subspan(static_cast<size_t>(at - write->offset),
                                                    static_cast<size_t>(file.GrainLength(grain)));
        Check(std::count(bytes.begin(), bytes.end(), byte) ==
              static_cast<std::ptrdiff_t>(bytes.size()));
      }
      writes_.push_back(*write);
    }
  }

  void FinishWrite(size_t choice) {
    if (writes_.empty()) return;
    const auto at = writes_.begin() + static_cast<std::ptrdiff_t>(choice % writes_.size());
    const WriteRequest write = *at;
    writes_.erase(at);
    Transfer& transfer = *Known(write.transfer);
    if (!transfer.ended) {
      transfer.written_bytes += write.bytes.size();
      transfer.files[write.file.value].written_bytes += write.bytes.size();
      CheckFile(transfer, transfer.files[write.file.value]);
    }
    receiver_.WriteDone(write.write);
    receiver_.WriteDone(write.write);  // Once more is ignored.
  }

  // Whether the file is received now, or its transfer has failed.
  void CheckFile(Transfer& transfer, File& file) {
    if (file.received || !file.announced || file.written_bytes != file.end) return;
    if (file.Root(*file.end) == *file.announced) {
      file.received = true;
      ++received_expected_;
    } else {
      transfer.ended = true;
      ++failures_expected_;
    }
  }

  void Accept(TransferId id) {
    Transfer* transfer = Known(id);
    if (transfer != nullptr && !transfer->ended) transfer->accepted = true;
    receiver_.Accept(id);
  }

  void SendComplete(ByteReader& input, TransferId id) {
    const FileIndex index(input.U8() % 4);
    const uint8_t shape = input.U8();
    Transfer* transfer = Known(id);
    const bool there = transfer != nullptr && index.value < transfer->files.size();
    File* file = there ? &transfer->files[index.value] : nullptr;
    uint64_t size = shape * uint64_t{1000};
    if (file != nullptr && (shape & 1) != 0) size = file->end.value_or(file->arrived_end);
    size = std::min(size, (kMostLeaves - 1) * kLeafBytes);
    CompleteFrame frame{id, index, size, {}};
    const bool cheap = size <= 64 * kLeafBytes;
    if (file != nullptr && cheap && (shape & 2) != 0) frame.root = file->Root(size);
    const bool alive = transfer != nullptr && !transfer->ended;
    const bool fits = file != nullptr && transfer->accepted && !file->announced &&
                      (!file->end || *file->end == size) && file->arrived_end <= size;
    Expect(receiver_.OnComplete(frame), IsKnown(id) && (!alive || fits));
    if (!alive || !fits) return;
    file->announced = frame.root;
    file->end = size;
    CheckFile(*transfer, *file);
  }

  void Store(TransferId id, FileIndex index) {
    receiver_.FileStored(id, index);
    Transfer* transfer = Known(id);
    if (transfer == nullptr || transfer->ended || index.value >= transfer->files.size()) return;
    File& file = transfer->files[index.value];
    if (!file.received || file.stored) return;
    file.stored = true;
    ++receipts_expected_;
    if (++transfer->stored < transfer->files.size()) return;
    transfer->ended = true;
    ++done_expected_;
  }

  void AddExisting(ByteReader& input, TransferId id) {
    const FileIndex index(input.U8() % 4);
    const uint64_t first = input.U8() % 32;
    const uint64_t count = input.U8() % 4 + 1;
    Transfer* transfer = Known(id);
    std::vector<uint8_t> bytes(static_cast<size_t>(count * kLeafBytes));
    const bool there = transfer != nullptr && !transfer->ended && !transfer->accepted &&
                       index.value < transfer->files.size();
    const std::optional<uint64_t> end = there ? transfer->files[index.value].end : std::nullopt;
    const uint64_t offset = first * kLeafBytes;
    if (end && offset < *end) {
      bytes.resize(static_cast<size_t>(std::min<uint64_t>(bytes.size(), *end - offset)));
    }
    Fill(bytes, offset, [](uint64_t) { return Version{0}; });
    receiver_.AddExisting(id, index, offset, bytes);
    if (!there || !end || offset + bytes.size() > *end) return;
    const DataFrame frame{id, index, offset, bytes};
    File& file = transfer->files[index.value];
    if (NewBytes(frame, file) != bytes.size()) return;
    Take(frame, *transfer, 0);
    transfer->arrived_bytes -= bytes.size();
    transfer->existing_bytes += bytes.size();
    file.written_bytes += bytes.size();
    for (uint64_t at = offset; at < offset + bytes.size(); at += kGrainBytes) {
      file.write_asked[static_cast<size_t>(at / kGrainBytes)] = true;
    }
  }

  void EndIt(uint8_t choice, TransferId id) {
    Transfer* transfer = Known(id);
    const bool alive = transfer != nullptr && !transfer->ended;
    switch (choice % 3) {
      case 0: {
        const CancelFrame frame{id, ErrorCode::kCancelled, ""};
        const bool is_next = IsTheirs(id) && id.value / 2 == next_ordinal_;
        Expect(receiver_.OnCancel(frame), is_next || IsKnown(id));
        if (is_next) ++next_ordinal_;
        break;
      }
      case 1:
        receiver_.Fail(id, Error{ErrorCode::kSinkFailed, ""}, false);
        break;
      default:
        receiver_.Reject(id, "");
        if (!alive || transfer->accepted) return;
    }
    if (!alive) return;
    transfer->ended = true;
    ++failures_expected_;
  }

  void ReadFrames() {
    std::array<uint8_t, kMaxControlRecordBytes> record;
    while (!frames_.empty()) {
      ByteWriter writer(record);
      Check(frames_.PackInto(writer, PacketNumber(next_record_)) > 0);
      frames_.OnArrived(PacketNumber(next_record_++));
      ByteReader reader(writer.written());
      while (!reader.AtEnd()) {
        const Result<Frame> frame = DecodeFrame(reader);
        Check(frame.ok());
        ReadFrame(frame.value());
      }
    }
  }

  void ReadFrame(const Frame& frame) {
    if (const auto* credit = std::get_if<CreditFrame>(&frame)) {
      Transfer& transfer = *Known(credit->transfer);
      Check(transfer.accepted && credit->limit > transfer.granted);
      transfer.granted = credit->limit;
      if (transfer.all_known) {
        Check(credit->limit <= transfer.total_bytes - transfer.existing_bytes);
      }
    } else if (const auto* have = std::get_if<HaveFrame>(&frame)) {
      for (const Range& range : have->used()) have_bytes_ += range.length();
    } else if (std::get_if<AcceptFrame>(&frame) != nullptr) {
      Check(have_bytes_ == Known(std::get<AcceptFrame>(frame).transfer)->existing_bytes);
      have_bytes_ = 0;
    } else if (std::get_if<ReceiptFrame>(&frame) != nullptr) {
      --receipts_expected_;
    } else if (const auto* cancel = std::get_if<CancelFrame>(&frame)) {
      Check(cancel->code == ErrorCode::kHashMismatch);
    } else {
      Check(std::holds_alternative<RejectFrame>(frame));
    }
  }

  void ReadEvents() {
    for (; !events_.empty(); events_.pop_front()) {
      switch (events_.front().type) {
        case EventType::kOffer:
          --offers_expected_;
          break;
        case EventType::kFileReceived:
          --received_expected_;
          break;
        case EventType::kDone:
          --done_expected_;
          break;
        case EventType::kFailed:
          --failures_expected_;
          break;
        default:
          Check(false);
      }
    }
    Check(offers_expected_ == 0 && received_expected_ == 0 && done_expected_ == 0);
    Check(failures_expected_ == 0 && receipts_expected_ == 0);
  }

  void CheckInvariants() const {
    Check(receiver_.pool_used_bytes() <= pool_bytes_);
    uint64_t outstanding = 0;
    uint64_t accepted = 0;
    for (const auto& [id, transfer] : transfers_) {
      if (transfer.ended || !transfer.accepted) continue;
      Check(transfer.arrived_bytes <= transfer.granted);
      outstanding += transfer.granted - transfer.written_bytes;
      ++accepted;
      Check(receiver_.Find(id)->written_bytes == transfer.written_bytes);
      Check(receiver_.Find(id)->arrived_bytes == transfer.arrived_bytes);
    }
    Check(outstanding <= Receiver::kMostGrantedBytes + accepted * Receiver::kLeastWindowBytes);
  }

  size_t pool_bytes_;
  MemoryBudget memory_{kMaxStateBytes};
  FrameQueue frames_{memory_};
  EventQueue events_;
  Receiver receiver_;
  std::map<TransferId, Transfer> transfers_;
  uint32_t next_ordinal_ = 0;
  std::deque<WriteRequest> writes_;
  uint64_t next_record_ = 0;
  uint64_t have_bytes_ = 0;
  int offers_expected_ = 0;
  int received_expected_ = 0;
  int receipts_expected_ = 0;
  int done_expected_ = 0;
  int failures_expected_ = 0;
  bool refused_ = false;
};

}  // namespace
}  // namespace millrace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1 || size > 1024) return 0;
  millrace::ByteReader input(millrace::ByteView(data, size));
  // A pool that is soon full, or one that holds more than the credit.
  millrace::Run run((input.U8() & 1) != 0 ? 512 * 1024 : 8 * 1024 * 1024);
  while (!input.AtEnd() && !run.refused()) run.Step(input);
  run.Finish();
  return 0;
}
