// A session in each of its states against a peer that holds the keys. The first byte brings the
// session into a state; then each step is a sealed plaintext, a frame, a raw message, an answer of
// the victim's user, a change of lanes, or time. Keys change every few records. Whatever happens:
// memory stays within the pools, no byte is written twice, the user hears of each end once and with
// a documented code, and nobody is asked to come back at a time that has passed.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <vector>

#include "fuzz/check.h"
#include "support/hostile_peer.h"

namespace millrace {
namespace {

using testing::Check;
using testing::EncodeEntries;
using testing::HostilePeer;

enum class State : uint8_t {
  kBeforeHandshake,
  kNoBulkLane,
  kIdle,
  kOffering,
  kSending,
  kReceiving,
  kPaused,
  kCompleting,
  kDisconnected,
  kReconnecting,
  kClosing,
};
constexpr uint8_t kStates = 11;

SessionOptions SmallOptions(bool patient) {
  SessionOptions options;
  options.send_pool_bytes = 256 * 1024;
  options.receive_pool_bytes = 512 * 1024;
  options.chunks = FixedChunks(32 * 1024);
  options.records_per_epoch = 8;
  if (patient) {
    options.reconnect_timeout = Duration::Seconds(60);
    options.lane_timeout = Duration::Seconds(15);
  }
  return options;
}

HostilePeer::Stage StageOf(State state) {
  if (state == State::kBeforeHandshake) return HostilePeer::Stage::kControlOpen;
  if (state == State::kNoBulkLane) return HostilePeer::Stage::kEstablished;
  return HostilePeer::Stage::kBulkOpen;
}

// The victim's user: answers reads and writes when the input says so, and checks what it is told.
class User {
 public:
  explicit User(HostilePeer& peer) : peer_(peer) {}

  void Pump() {
    Session& victim = peer_.victim();
    while (const auto write = victim.PollWrite()) TakeWrite(*write);
    peer_.DrainOutputs();
    while (const auto read = victim.PollRead()) reads_.push_back(*read);
    while (const auto event = victim.PollEvent()) TakeEvent(*event);
  }

  void FinishWrite(size_t choice) {
    if (writes_.empty()) return;
    const auto at = writes_.begin() + static_cast<std::ptrdiff_t>(choice % writes_.size());
    const WriteId id = at->write;
    writes_.erase(at);
    peer_.victim().WriteDone(id, peer_.now());
  }

  void FinishRead(size_t choice, bool ends) {
    if (reads_.empty()) return;
    const auto at = reads_.begin() + static_cast<std::ptrdiff_t>(choice % reads_.size());
    const ReadRequest read = *at;
    reads_.erase(at);
    std::fill(read.bytes.begin(), read.bytes.end(), uint8_t{7});
    const size_t length = ends ? read.bytes.size() / 2 : read.bytes.size();
    peer_.victim().ReadDone(read.chunk, length, peer_.now());
  }

  void FinishAll() {
    while (!writes_.empty()) FinishWrite(0);
    while (!reads_.empty()) FinishRead(0, false);
  }

 private:
  void TakeWrite(const WriteRequest& write) {
    Check(!write.bytes.empty());
    RangeSet& written = written_[{write.transfer, write.file}];
    const uint64_t end = write.offset + write.bytes.size();
    Check(written.Insert(write.offset, end) == write.bytes.size());
    writes_.push_back(write);
  }

  void TakeEvent(const Event& event) {
    Check(!closed_);
    const bool ended = event.type == EventType::kFailed || event.type == EventType::kDone;
    if (ended) Check(ended_.insert(event.transfer).second);
    if (event.type == EventType::kFailed || event.type == EventType::kClosed) {
      Check(ErrorCodeFromName(ErrorCodeName(event.error.code)) == event.error.code);
      Check(event.error.code != ErrorCode::kInternal || event.flag);
    }
    if (event.type == EventType::kFileReceived) {
      Check(received_.insert({event.transfer, event.file}).second);
      const RangeSet& written = written_[{event.transfer, event.file}];
      Check(written.count() <= event.size);
    }
    closed_ = event.type == EventType::kClosed;
  }

  HostilePeer& peer_;
  std::deque<WriteRequest> writes_;
  std::deque<ReadRequest> reads_;
  std::map<std::pair<TransferId, FileIndex>, RangeSet> written_;
  std::set<std::pair<TransferId, FileIndex>> received_;
  std::set<TransferId> ended_;
  bool closed_ = false;
};

class Run {
 public:
  Run(State state, bool patient, const HandshakeOptions& handshake)
      : options_(SmallOptions(patient)),
        peer_(1, options_, StageOf(state), handshake),
        user_(peer_) {
    Reach(state);
    CheckInvariants();
  }

  void Step(ByteReader& input) {
    const uint8_t step = input.U8();
    const LaneId lane = step >> 6 == 3 ? kPulseLane : LaneId(step >> 6);
    switch (step & 7) {
      case 0: {
        const ByteView bytes = input.Bytes(std::min<size_t>(input.U8(), input.rest().size()));
        peer_.SendPlaintext(lane, {bytes.begin(), bytes.end()});
        break;
      }
      case 1: {
        const ByteView bytes = input.Bytes(std::min<size_t>(input.U8(), input.rest().size()));
        if (bytes.empty()) {
          peer_.SendRaw(replay_lane_, replay_);
        } else {
          peer_.SendRaw(lane, {bytes.begin(), bytes.end()});
        }
        break;
      }
      case 2:
      case 3:
        SendFrame(lane, input, step);
        break;
      case 4:
        Answer(input.U8());
        break;
      case 5:
        user_.FinishWrite(step >> 3);
        user_.FinishRead(step >> 3, (step & 0x40) != 0);
        break;
      case 6:
        ChangeLanes(step >> 3 & 7, lane);
        break;
      default:
        // A microsecond to 67 seconds: past every timeout of the session.
        peer_.Advance(Duration::Micros(int64_t{1} << (step >> 3) % 27));
    }
    user_.Pump();
    CheckInvariants();
  }

  void Finish() {
    user_.FinishAll();
    user_.Pump();
    // Long silence ends everything that is not waiting for its user.
    for (int i = 0; i < 4; ++i) {
      peer_.Advance(Duration::Seconds(61));
      user_.Pump();
    }
    Check(peer_.victim().closed());
    user_.FinishAll();
    user_.Pump();
    Check(peer_.victim().send_pool_used() == 0);
    Check(peer_.victim().receive_pool_used() == 0);
  }

 private:
  void Reach(State state) {
    if (state == State::kBeforeHandshake || state == State::kNoBulkLane) return;
    const bool receives = state == State::kReceiving || state == State::kCompleting ||
                          state == State::kPaused || state >= State::kDisconnected;
    const bool sends = state == State::kOffering || state == State::kSending ||
                       state == State::kPaused || state >= State::kDisconnected;
    if (receives) BeginReceiving(state == State::kCompleting);
    if (sends) BeginSending(state != State::kOffering);
    if (state == State::kPaused) {
      peer_.victim().SetPaused(peer_.OwnTransfer(0), true, peer_.now());
      peer_.victim().SetPaused(peer_.VictimTransfer(0), true, peer_.now());
    }
    if (state == State::kDisconnected || state == State::kReconnecting) {
      peer_.CloseLane(kControlLane);
    }
    if (state == State::kReconnecting && !peer_.victim().closed()) {
      peer_.Reconnect();
      peer_.ShakeHands();
    }
    if (state == State::kClosing) {
      peer_.victim().Close(ErrorCode::kClosed, "enough", peer_.now());
    }
    user_.Pump();
  }

  void BeginReceiving(bool whole) {
    const TransferId id = peer_.OwnTransfer(0);
    const std::vector<FileEntry> files = {{3 * kLeafBytes, 0, "a", ""}, {std::nullopt, 0, "b", ""}};
    const std::vector<uint8_t> entries =
        EncodeEntries(whole ? std::vector<FileEntry>{files[0]} : files);
    const auto count = static_cast<uint32_t>(whole ? 1 : 2);
    peer_.SendFrame(kControlLane, ManifestFrame{id, {}, count, 0, count, entries});
    peer_.victim().Accept(id, peer_.now());
    user_.Pump();
    const std::vector<uint8_t> payload((whole ? 3 : 1) * kLeafBytes, 1);
    peer_.SendFrame(HostilePeer::kBulk, DataFrame{id, FileIndex(0), 0, payload});
    user_.Pump();
    if (!whole) return;
    user_.FinishAll();
    HashTree tree;
    tree.AddBytes(0, payload);
    peer_.SendFrame(kControlLane,
                    CompleteFrame{id, FileIndex(0), payload.size(), tree.Root(payload.size())});
    user_.Pump();
  }

  void BeginSending(bool accepted) {
    const TransferId id = peer_.victim().Offer(
        {FileInfo{200'000, 0, "a", ""}, FileInfo{std::nullopt, 0, "b", ""}}, {}, peer_.now());
    user_.Pump();
    if (!accepted) return;
    peer_.SendFrame(kControlLane, AcceptFrame{id});
    peer_.SendFrame(kControlLane, CreditFrame{id, 300'000});
    user_.Pump();
    for (int i = 0; i < 3; ++i) user_.FinishRead(0, false);
    user_.Pump();
  }

  // A frame of the input's type with small, likely values.
  void SendFrame(LaneId lane, ByteReader& input, uint8_t step) {
    const uint8_t type = input.U8();
    const TransferId transfer(input.U8() % 8);
    const FileIndex file(input.U8() % 4);
    const uint64_t small = input.U8();
    // On a leaf, or a little off it.
    const uint64_t offset = small / 4 * kLeafBytes + small % 4;
    const Digest root{};
    const std::string text(small, 'x');
    AckFrame ack;
    ack.lane = LaneId(file.value);
    ack.ranges[0] = Range{small / 16, small / 16 + small % 16 + 1};
    ack.range_count = 1;
    HaveFrame have{transfer, file, {}, 1};
    have.ranges[0] = Range{small / 16 * kLeafBytes, (small / 16 + small % 16) * kLeafBytes};
    const size_t unit = small % 2 == 1 ? kGrainBytes : kLeafBytes;
    const std::vector<uint8_t> payload((small % 3 + 1) * unit - (step >> 3 & 1),
                                       static_cast<uint8_t>(small));
    const auto entry = FileEntry{small % 5 == 0 ? std::nullopt : std::optional(offset), 0, "f", ""};
    const std::vector<uint8_t> entries = EncodeEntries({entry});
    const std::vector<Frame> frames = {
        PingFrame{small},
        PongFrame{small << 56, Lie(small)},
        ack,
        ManifestFrame{transfer, {}, 1, 0, 1, entries},
        ManifestFrame{transfer, {}, 4, file.value, 1, entries},
        AcceptFrame{transfer},
        RejectFrame{transfer, text},
        DataFrame{transfer, file, small / 4 * unit, payload},
        CreditFrame{transfer, offset},
        CompleteFrame{transfer, file, offset, root},
        ReceiptFrame{transfer, file, offset, root},
        CancelFrame{transfer, static_cast<ErrorCode>(small), text},
        PauseFrame{transfer, small % 2 == 1},
        SignalFrame{text},
        MessageFrame{small % 2 == 1, AsBytes(text)},
        CloseFrame{static_cast<ErrorCode>(small), text},
        have,
        ResumeFrame{small},
        PongFrame{peer_.last_ping().value_or(small), Lie(small)},
        PongFrame{peer_.last_ping().value_or(small) - small, peer_.now()},
    };
    const size_t times = (step >> 4 & 3) == 3 ? 20 : 1;
    for (size_t i = 0; i < times; ++i) {
      replay_ = peer_.SealedFrame(lane, frames[type % frames.size()]);
      replay_lane_ = lane;
      peer_.SendRaw(lane, replay_);
    }
  }

  // A receive time that jumps, runs backwards or is absurd.
  Timestamp Lie(uint64_t choice) const {
    const Timestamp times[] = {Timestamp(), peer_.now(), Timestamp::FromMicros(INT64_MAX),
                               Timestamp::FromMicros(int64_t{1} << (choice / 5)),
                               Timestamp::FromMicros(-1)};
    return times[choice % std::size(times)];
  }

  void Answer(uint8_t choice) {
    Session& victim = peer_.victim();
    const TransferId transfer(choice >> 3 & 7);
    switch (choice & 7) {
      case 0:
        return victim.Accept(transfer, peer_.now());
      case 1:
        return victim.Reject(transfer, "no", peer_.now());
      case 2:
        return victim.SetPaused(transfer, (choice & 0x40) != 0, peer_.now());
      case 3:
        return victim.Fail(transfer, ErrorCode::kCancelled, "", peer_.now());
      case 4:
        if (!victim.established() || victim.closed()) return;
        victim.Offer({FileInfo{choice * uint64_t{1000}, 0, "f", ""}}, {}, peer_.now());
        return;
      case 5:
        return victim.FileStored(transfer, FileIndex(choice >> 6), peer_.now());
      case 6:
        return victim.Signal("hello", peer_.now());
      default:
        if (choice == 0xff) victim.Close(ErrorCode::kClosed, "", peer_.now());
    }
  }

  void ChangeLanes(uint8_t choice, LaneId lane) {
    switch (choice) {
      case 0:
        // Lanes the session would refuse are the business of its own tests.
        if (peer_.victim().connected()) {
          peer_.OpenBulk(next_lane_);
          next_lane_ = LaneId(next_lane_.value + 1);
        }
        return;
      case 1:
        return peer_.CloseLane(lane);
      case 2:
        if (!peer_.victim().closed() && peer_.victim().established() &&
            peer_.victim().control_lane() == nullptr) {
          peer_.Reconnect();
        }
        return;
      case 3:
        return peer_.ShakeHands();
      default:
        return peer_.victim().SetBuffered(lane, size_t{1} << (choice * 3), peer_.now());
    }
  }

  void CheckInvariants() {
    const Session& victim = peer_.victim();
    Check(victim.receive_pool_used() <= options_.receive_pool_bytes);
    Check(victim.send_pool_used() <= options_.send_pool_bytes);
    // With everything polled, whoever waits until then would not wait in vain.
    Check(victim.NextTimeout() > peer_.now());
    Check(victim.pulse_lane() == nullptr || victim.pulse_lane()->sent().remembered() == 0);
    const double rate = victim.flow().rate().pacing_bytes_per_second();
    Check(rate >= RateController::kLeastBytesPerSecond &&
          rate <= RateController::kMostBytesPerSecond);
  }

  SessionOptions options_;
  HostilePeer peer_;
  User user_;
  LaneId next_lane_{2};
  LaneId replay_lane_;
  std::vector<uint8_t> replay_ = {1};
};

}  // namespace
}  // namespace millrace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1 || size > 4096) return 0;
  millrace::ByteReader input(millrace::ByteView(data, size));
  const uint8_t first = input.U8();
  const int variant = first / millrace::kStates % 4;
  millrace::HandshakeOptions handshake;
  handshake.encryption = variant != 1;
  handshake.privacy = variant >= 2;
  millrace::Run run(static_cast<millrace::State>(first % millrace::kStates), first < 220,
                    handshake);
  while (!input.AtEnd()) run.Step(input);
  run.Finish();
  return 0;
}
