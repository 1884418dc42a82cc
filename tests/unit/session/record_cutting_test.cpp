// A sender and a receiver whose records are cut at random: other sizes for each record, losses,
// copies, late acknowledgements, any order. Each byte arrives, is written once, and is proven.

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <deque>
#include <vector>

#include "receive/receiver.h"
#include "send/sender.h"
#include "support/allocations.h"
#include "support/random.h"

namespace millrace {
namespace {

using testing::Random;

struct Record {
  PieceId piece;
  std::vector<uint8_t> bytes;
  bool lost = false;  // Declared so; it may arrive all the same.
};

class Run {
 public:
  explicit Run(uint64_t seed) : random_(seed) {
    sender_.SetRole(Role::kInitiator);
    receiver_.SetRole(Role::kResponder);
  }

  void SetPrivacy(bool privacy) { sender_.SetPrivacy(privacy); }
  void OfferRandom() {
    for (uint64_t i = random_.Between(1, 4); i > 0; --i) AddFile(RandomSize(), random_.Chance(0.3));
    id_ = sender_.Offer(FileList(infos_), {});
  }
  void OfferOne(size_t size) {
    AddFile(size, false);
    id_ = sender_.Offer(FileList(infos_), {});
  }

  // Sends and writes `records` records of one grain each, all of which arrive.
  void SendGrains(size_t records) {
    for (size_t i = 0; i < records; ++i) {
      Read();
      std::optional<OutgoingPiece> piece = sender_.NextPiece(kGrainBytes);
      REQUIRE(piece);
      std::optional<PoolBuffer> buffer = receiver_.Allocate(kMaxDataHeaderBytes + kGrainBytes);
      REQUIRE(buffer);
      auto end = std::copy(piece->fields().begin(), piece->fields().end(), buffer->bytes().begin());
      std::copy(piece->payload.begin(), piece->payload.end(), end);
      ByteReader reader(buffer->bytes().first(piece->fields().size() + piece->payload.size()));
      const Result<Frame> frame = DecodeFrame(reader);
      REQUIRE(receiver_.OnData(std::get<DataFrame>(frame.value()), *buffer).ok());
      sender_.OnAcked(*piece->piece);
      while (const auto write = receiver_.PollWrite()) receiver_.WriteDone(write->write);
    }
  }
  void PassAllFrames() {
    PassFrames(sender_frames_, [this](const Frame& frame) { OnSenderFrame(frame); });
    PassFrames(receiver_frames_, [this](const Frame& frame) { OnReceiverFrame(frame); });
  }

  void Play() {
    for (int step = 0; step < 200'000 && !done_; ++step) {
      Step();
      PassAllFrames();
      TakeEvents();
    }
    REQUIRE(done_);
    while (!writes_.empty()) FinishWrite();
    CHECK(sender_.active_transfers() == 0);
    CHECK(sender_.pool_used_bytes() == 0);
    CHECK(receiver_.pool_used_bytes() == 0);
    CHECK(receiver_.partial_leaves() == 0);
    for (size_t i = 0; i < files_.size(); ++i) {
      CHECK(written_[i] == files_[i]);
      CHECK(std::all_of(times_written_[i].begin(), times_written_[i].end(),
                        [](uint8_t times) { return times == 1; }));
    }
  }

 private:
  void AddFile(size_t size, bool stream) {
    files_.push_back(random_.Bytes(size));
    written_.emplace_back(size);
    times_written_.emplace_back(size);
    infos_.push_back(FileInfo{stream ? std::nullopt : std::optional<uint64_t>(size), 0, "f", ""});
  }

  size_t RandomSize() {
    const size_t units[] = {kGrainBytes, kLeafBytes, 5 * kLeafBytes};
    const size_t size = units[random_.Below(3)] * random_.Below(12) + random_.Below(3);
    return random_.Chance(0.5) ? size : random_.Below(600'000);
  }

  // Mostly near a size that stays for a while, as on a link.
  size_t RandomPayload() {
    if (random_.Chance(0.05)) usual_grains_ = random_.Between(1, random_.Chance(0.5) ? 20 : 255);
    return (random_.Chance(0.8) ? usual_grains_ : random_.Between(1, 255)) * kGrainBytes;
  }

  void Step() {
    switch (random_.Below(10)) {
      case 0:
        sender_.SetChunkBytes(random_.Between(1, 40) * kLeafBytes);
        break;
      case 1:
        Read();
        break;
      case 2:
      case 3:
        if (const auto piece = sender_.NextPiece(RandomPayload())) Send(*piece);
        break;
      case 4:
      case 5:
      case 6:
        Deliver();
        break;
      case 7:
        Lose();
        break;
      case 8:
        if (!records_.empty()) {
          const PieceId piece = records_[random_.Below(records_.size())].piece;
          if (const auto copy = sender_.CopyPiece(piece, RandomPayload())) Send(*copy);
        }
        break;
      default:
        while (const auto write = receiver_.PollWrite()) writes_.push_back(*write);
        for (uint64_t i = random_.Below(8); i > 0 && !writes_.empty(); --i) FinishWrite();
        receiver_.GrantCredit();
    }
  }

  void Read() {
    const std::optional<ReadRequest> read = sender_.PollRead();
    if (!read) return;
    const std::vector<uint8_t>& file = files_[read->file.value];
    const auto offset = static_cast<size_t>(std::min<uint64_t>(read->offset, file.size()));
    const size_t length = std::min(read->bytes.size(), file.size() - offset);
    std::copy_n(file.begin() + static_cast<std::ptrdiff_t>(offset), length, read->bytes.begin());
    sender_.ReadDone(read->chunk, length);
  }

  void Send(const OutgoingPiece& piece) {
    if (!piece.piece) return;
    Record& record = records_.emplace_back();
    record.piece = *piece.piece;
    record.bytes.assign(piece.fields().begin(), piece.fields().end());
    record.bytes.insert(record.bytes.end(), piece.payload.begin(), piece.payload.end());
  }

  void Deliver() {
    if (records_.empty()) return;
    const size_t index = random_.Chance(0.7) ? 0 : random_.Below(records_.size());
    const Record record = records_[index];
    std::optional<PoolBuffer> buffer = receiver_.Allocate(record.bytes.size());
    if (!buffer) return;
    std::copy(record.bytes.begin(), record.bytes.end(), buffer->bytes().begin());
    ByteReader reader(buffer->bytes());
    const Result<Frame> frame = DecodeFrame(reader);
    REQUIRE(frame.ok());
    REQUIRE(receiver_.OnData(std::get<DataFrame>(frame.value()), *buffer).ok());
    if (random_.Chance(0.2)) return;  // It comes once more, or its acknowledgement is lost.
    records_.erase(records_.begin() + static_cast<std::ptrdiff_t>(index));
    sender_.OnAcked(record.piece);
  }

  void Lose() {
    if (records_.empty()) return;
    const size_t index = random_.Below(records_.size());
    Record& record = records_[index];
    if (!record.lost) sender_.OnLost(record.piece);
    record.lost = true;
    if (random_.Chance(0.7)) records_.erase(records_.begin() + static_cast<std::ptrdiff_t>(index));
  }

  void FinishWrite() {
    const size_t index = random_.Below(writes_.size());
    const WriteRequest write = writes_[index];
    writes_.erase(writes_.begin() + static_cast<std::ptrdiff_t>(index));
    for (size_t i = 0; i < write.bytes.size(); ++i) {
      const auto at = static_cast<size_t>(write.offset) + i;
      written_[write.file.value][at] = write.bytes[i];
      ++times_written_[write.file.value][at];
    }
    receiver_.WriteDone(write.write);
  }

  template <typename Take>
  void PassFrames(FrameQueue& frames, Take take) {
    std::vector<uint8_t> record(kMaxControlRecordBytes);
    while (!frames.empty()) {
      ByteWriter writer(record);
      const PacketNumber number(next_control_record_++);
      REQUIRE(frames.PackInto(writer, number) > 0);
      frames.OnArrived(number);
      ByteReader reader(writer.written());
      while (!reader.AtEnd()) {
        const Result<Frame> frame = DecodeFrame(reader);
        REQUIRE(frame.ok());
        take(frame.value());
      }
    }
  }

  void OnSenderFrame(const Frame& frame) {
    if (const auto* manifest = std::get_if<ManifestFrame>(&frame)) {
      REQUIRE(receiver_.OnManifest(*manifest).ok());
      receiver_.Accept(manifest->transfer);
    } else if (const auto* complete = std::get_if<CompleteFrame>(&frame)) {
      REQUIRE(receiver_.OnComplete(*complete).ok());
    }
  }

  void OnReceiverFrame(const Frame& frame) {
    if (const auto* accept = std::get_if<AcceptFrame>(&frame)) {
      REQUIRE(sender_.OnAccept(*accept).ok());
    } else if (const auto* credit = std::get_if<CreditFrame>(&frame)) {
      REQUIRE(sender_.OnCredit(*credit).ok());
    } else if (const auto* receipt = std::get_if<ReceiptFrame>(&frame)) {
      REQUIRE(sender_.OnReceipt(*receipt).ok());
    }
  }

  void TakeEvents() {
    for (EventQueue* events : {&sender_events_, &receiver_events_}) {
      for (; !events->empty(); events->pop_front()) {
        const Event& event = events->front();
        REQUIRE(event.type != EventType::kFailed);
        if (event.type == EventType::kFileReceived) receiver_.FileStored(id_, event.file);
        if (event.type == EventType::kDone && events == &sender_events_) done_ = true;
      }
    }
  }

  Random random_;
  MemoryBudget memory_{kMaxStateBytes};
  FrameQueue sender_frames_{memory_};
  FrameQueue receiver_frames_{memory_};
  EventQueue sender_events_;
  EventQueue receiver_events_;
  Sender sender_{4 * 1024 * 1024, memory_, sender_frames_, sender_events_};
  Receiver receiver_{Receiver::kPoolBytes, memory_, receiver_frames_, receiver_events_};
  std::vector<FileInfo> infos_;
  std::vector<std::vector<uint8_t>> files_;
  std::vector<std::vector<uint8_t>> written_;
  std::vector<std::vector<uint8_t>> times_written_;
  TransferId id_;
  std::deque<Record> records_;
  std::vector<WriteRequest> writes_;
  uint64_t usual_grains_ = 16;
  uint64_t next_control_record_ = 0;
  bool done_ = false;
};

TEST_CASE("files arrive whole, however their records are cut, lost, copied and mixed up") {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    INFO("seed " << seed);
    Run run(seed);
    run.SetPrivacy(seed % 5 == 0);
    run.OfferRandom();
    run.Play();
  }
}

TEST_CASE("the shortest records take no memory of the heap, once the first ones have") {
  Run run(1);
  run.OfferOne(4 * 1024 * 1024);
  run.PassAllFrames();
  run.SendGrains(512);
  const size_t before = testing::CountAllocations();
  run.SendGrains(2048);
  // Queues take a block now and then.
  CHECK(testing::CountAllocations() - before < 2048 / 32);
}

}  // namespace
}  // namespace millrace
