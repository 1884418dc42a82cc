// A peer that holds the keys and breaks the rules: each time a typed error, the session closed, the
// peer told, nothing grown.

#include "support/hostile_peer.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <string>
#include <vector>

#include "lanes/received_records.h"
#include "support/handshakes.h"

namespace millrace {
namespace {

using testing::EncodeEntries;
using testing::HostilePeer;

constexpr LaneId kBulk = HostilePeer::kBulk;

// The victim's session ended with `code` and its last words said so.
void CheckClosedWith(HostilePeer& peer, ErrorCode code) {
  CHECK(peer.CloseCode() == ErrorCodeName(code));
  CHECK(peer.CloseCodeOnWire() == code);
  CHECK(peer.victim().closed());
  CHECK(peer.victim().receive_pool_used() == 0);
}

void CheckViolation(HostilePeer& peer) { CheckClosedWith(peer, ErrorCode::kProtocolViolation); }

TEST_CASE("malformed record: too short, of no kind, or of another epoch") {
  for (const std::vector<uint8_t>& message :
       {std::vector<uint8_t>{2}, std::vector<uint8_t>(25, 2), std::vector<uint8_t>(200, 0x55),
        std::vector<uint8_t>(200, 2)}) {
    HostilePeer peer(1);
    peer.SendRaw(kBulk, message);
    CheckClosedWith(peer, ErrorCode::kBadRecord);
  }
}

TEST_CASE("empty and oversized messages are bad records and take no memory") {
  for (const size_t length : {size_t{0}, kMaxMessageBytes + 1, size_t{1} << 30}) {
    HostilePeer peer(2);
    CHECK(peer.victim().InputBuffer(kBulk, length).empty());
    CheckClosedWith(peer, ErrorCode::kBadRecord);
  }
  HostilePeer peer(2);
  CHECK_FALSE(peer.victim().InputBuffer(kControlLane, kMaxControlRecordBytes).empty());
  CHECK(peer.victim().InputBuffer(kControlLane, kMaxControlRecordBytes + 1).empty());
  CheckClosedWith(peer, ErrorCode::kBadRecord);
  HostilePeer other(2);
  CHECK_FALSE(other.victim().InputBuffer(kPulseLane, kMaxPulseRecordBytes).empty());
  CHECK(other.victim().InputBuffer(kPulseLane, kMaxPulseRecordBytes + 1).empty());
  CheckClosedWith(other, ErrorCode::kBadRecord);
}

TEST_CASE("forged record: any bit of a sealed record turned") {
  for (const LaneId lane : {kControlLane, kPulseLane}) {
    for (size_t byte = 0; byte < 35; ++byte) {
      HostilePeer peer(3);
      std::vector<uint8_t> record = peer.SealedFrame(lane, PingFrame{1});
      REQUIRE(record.size() == 35);
      record[byte] ^= 1;
      peer.SendRaw(lane, record);
      CheckClosedWith(peer, ErrorCode::kBadRecord);
    }
  }
}

TEST_CASE("a record sealed for another lane does not open") {
  constexpr LaneId kLanes[] = {kControlLane, kPulseLane, kBulk};
  for (const LaneId from : kLanes) {
    for (const LaneId to : kLanes) {
      if (from == to) continue;
      HostilePeer peer(4);
      peer.SendRaw(to, peer.SealedFrame(from, PaddingFrame{}));
      CheckClosedWith(peer, ErrorCode::kBadRecord);
    }
  }
}

TEST_CASE("a record of the connection before does not open on the one that took its place") {
  SessionOptions options;
  options.reconnect_timeout = Duration::Seconds(60);
  for (const bool encrypted : {true, false}) {
    HandshakeOptions handshake;
    handshake.encryption = encrypted;
    for (const LaneId lane : {kControlLane, kPulseLane}) {
      HostilePeer peer(34, options, HostilePeer::Stage::kBulkOpen, handshake);
      const std::vector<uint8_t> record = peer.SealedFrame(lane, PaddingFrame{});
      peer.CloseLane(lane);
      peer.Reconnect();
      peer.ShakeHands();
      REQUIRE(peer.victim().connected());
      peer.SendRaw(lane, record);
      CHECK(peer.CloseCode() == "bad-record");
    }
  }
}

TEST_CASE("a record that comes twice counts once") {
  HostilePeer peer(5);
  const TransferId id = peer.OfferAccepted(kLeafBytes);
  const std::vector<uint8_t> payload(kLeafBytes, 1);
  const std::vector<uint8_t> record =
      peer.SealedFrame(kBulk, DataFrame{id, FileIndex(0), 0, payload});
  for (int i = 0; i < 100; ++i) peer.SendRaw(kBulk, record);
  peer.Drain();
  CHECK(peer.CloseCode().empty());
  CHECK(peer.victim().TransferBytes(id) == kLeafBytes);
}

TEST_CASE("a control lane that lost a record has ended") {
  HostilePeer peer(33);
  peer.SendFrame(kControlLane, SignalFrame{"1"});
  CHECK(peer.CloseCode().empty());
  peer.SealedFrame(kControlLane, SignalFrame{"2"});  // Never delivered.
  peer.SendFrame(kControlLane, SignalFrame{"3"});
  CheckClosedWith(peer, ErrorCode::kBadRecord);
}

TEST_CASE("the pulse lane may lose, reorder and repeat records") {
  HostilePeer peer(33);
  peer.SendFrame(PingFrame{1});
  const std::vector<uint8_t> second = peer.SealedFrame(kPulseLane, PingFrame{2});
  peer.SealedFrame(kPulseLane, PingFrame{3});  // Never delivered.
  peer.SendFrame(PingFrame{4});
  for (int i = 0; i < 100; ++i) peer.SendRaw(kPulseLane, second);
  CHECK(peer.CloseCode().empty());
  // A record that is replayed is not read.
  peer.Drain();
  peer.SendRaw(kPulseLane, second);
  CHECK_FALSE(peer.victim().PollOutput(peer.now()));
}

TEST_CASE("what comes on the pulse lane before the handshake is over is dropped unread") {
  HostilePeer peer(33, {}, HostilePeer::Stage::kControlOpen);
  peer.SendRaw(kPulseLane, std::vector<uint8_t>(40, 1));
  CHECK(peer.CloseCode().empty());
  peer.ShakeHands();
  CHECK(peer.victim().connected());
}

TEST_CASE("unknown frame, empty record, and frames on a wrong lane") {
  SECTION("unknown frame") {
    HostilePeer peer(6);
    peer.SendPlaintext(kControlLane, {0x7e, 1, 2, 3});
    CheckViolation(peer);
  }
  SECTION("empty record") {
    HostilePeer peer(6);
    peer.SendPlaintext(kControlLane, {});
    CheckViolation(peer);
  }
  SECTION("frames on a wrong lane") {
    AckFrame ack;
    ack.ranges[ack.range_count++] = Range{0, 1};
    const std::vector<uint8_t> payload(10, 1);
    const std::vector<std::pair<LaneId, Frame>> wrong = {
        {kControlLane, PingFrame{1}},
        {kControlLane, PongFrame{1, {}}},
        {kControlLane, ack},
        {kPulseLane, SignalFrame{"signal"}},
        {kPulseLane, ResumeFrame{0}},
        {kPulseLane, CloseFrame{}},
        {kPulseLane, DataFrame{TransferId(0), FileIndex(0), 0, payload}},
        {kBulk, PingFrame{1}},
        {kBulk, PongFrame{1, {}}},
        {kBulk, ack},
        {kBulk, SignalFrame{"signal"}},
    };
    for (const auto& [lane, frame] : wrong) {
      HostilePeer peer(6);
      peer.SendFrame(lane, frame);
      CheckViolation(peer);
    }
  }
  SECTION("an acknowledgement of the pulse lane") {
    HostilePeer peer(6);
    peer.Drain();
    AckFrame ack;
    ack.lane = kPulseLane;
    ack.ranges[ack.range_count++] = Range{0, 1};
    peer.SendFrame(ack);
    CheckViolation(peer);
  }
}

TEST_CASE("offset or length past the manifest") {
  const std::vector<uint8_t> payload(2 * kLeafBytes, 1);
  const uint64_t size = 3 * kLeafBytes;
  const auto send = [&](uint32_t file, uint64_t offset, size_t length) {
    HostilePeer peer(7);
    const TransferId id = peer.OfferAccepted(size);
    peer.SendFrame(kBulk, DataFrame{id, FileIndex(file), offset, ByteView(payload).first(length)});
    return peer.CloseCode();
  };
  CHECK(send(0, kLeafBytes, 2 * kLeafBytes).empty());
  CHECK(send(0, 2 * kLeafBytes, 2 * kLeafBytes) == "protocol-violation");
  CHECK(send(0, 2 * kLeafBytes, kLeafBytes + 1) == "protocol-violation");
  CHECK(send(0, size, 1) == "protocol-violation");
  CHECK(send(0, kLeafBytes * 1000, 1) == "protocol-violation");
  CHECK(send(1, 0, kLeafBytes) == "protocol-violation");
  CHECK(send(0, kGrainBytes, kGrainBytes).empty());
  CHECK(send(0, 0, kLeafBytes - 1) == "protocol-violation");  // Ends off the grid.
  CHECK(send(0, 1, kLeafBytes) == "protocol-violation");      // Starts off it.
}

TEST_CASE("data that was never offered, not accepted, or past the credit") {
  const std::vector<uint8_t> payload(15 * kLeafBytes, 1);
  SECTION("never offered") {
    HostilePeer peer(8);
    peer.SendFrame(kBulk, DataFrame{peer.OwnTransfer(0), FileIndex(0), 0, payload});
    CheckViolation(peer);
  }
  SECTION("under a number of the victim") {
    HostilePeer peer(8);
    peer.SendFrame(kBulk, DataFrame{peer.VictimTransfer(0), FileIndex(0), 0, payload});
    CheckViolation(peer);
  }
  SECTION("not accepted") {
    HostilePeer peer(8);
    const std::vector<uint8_t> entries = EncodeEntries({FileEntry{payload.size(), 0, "f", ""}});
    peer.SendFrame(kControlLane, ManifestFrame{peer.OwnTransfer(0), {}, 1, 0, 1, entries});
    peer.SendFrame(kBulk, DataFrame{peer.OwnTransfer(0), FileIndex(0), 0, payload});
    CheckViolation(peer);
  }
  SECTION("past the credit, with a sink that takes nothing") {
    HostilePeer peer(8);
    const TransferId id = peer.OfferAccepted(1u << 30);
    for (uint64_t at = 0; at < 8 * 1024 * 1024; at += payload.size()) {
      peer.SendFrame(kBulk, DataFrame{id, FileIndex(0), at, payload});
      CHECK(peer.victim().receive_pool_used() <= SessionOptions{}.receive_pool_bytes);
    }
    CheckViolation(peer);
  }
}

TEST_CASE("manifests with absurd sizes, counts or numbers") {
  const auto offer = [](uint32_t ordinal, uint32_t total, uint32_t first, uint32_t count,
                        const std::vector<uint8_t>& entries) {
    HostilePeer peer(9);
    peer.SendFrame(kControlLane,
                   ManifestFrame{peer.OwnTransfer(ordinal), {}, total, first, count, entries});
    return peer.CloseCode();
  };
  const std::vector<uint8_t> good = EncodeEntries({FileEntry{1, 0, "f", ""}});
  CHECK(offer(0, 1, 0, 1, good).empty());
  CHECK(offer(0, 1, 0, 1, EncodeEntries({FileEntry{kMaxFileBytes + 1, 0, "f", ""}})) ==
        "protocol-violation");
  CHECK(offer(0, 2, 0, 2,
              EncodeEntries({FileEntry{kMaxFileBytes, 0, "f", ""}, FileEntry{1, 0, "g", ""}})) ==
        "protocol-violation");
  CHECK(offer(0, UINT32_MAX, 0, 1, good) == "protocol-violation");
  CHECK(offer(0, 2, 1, 1, good) == "protocol-violation");  // Starts in the middle.
  CHECK(offer(7, 1, 0, 1, good) == "protocol-violation");  // Skips numbers.
  CHECK(offer(0, 2, 0, 2, good) == "protocol-violation");  // Says two, holds one.
  std::vector<uint8_t> trailing = good;
  trailing.push_back(0);
  CHECK(offer(0, 1, 0, 1, trailing) == "protocol-violation");
}

TEST_CASE("file names past the memory limit, and transfers past the count") {
  SECTION("names") {
    HostilePeer peer(10);
    const std::string path(4000, 'x');
    const std::vector<uint8_t> entries =
        EncodeEntries({FileEntry{1, 0, path, ""}, FileEntry{1, 0, path, ""}});
    for (uint32_t first = 0; first < kMaxOpenFiles && !peer.victim().closed(); first += 2) {
      peer.SendFrame(kControlLane,
                     ManifestFrame{peer.OwnTransfer(0), {}, kMaxOpenFiles, first, 2, entries});
    }
    CheckClosedWith(peer, ErrorCode::kTooLarge);
  }
  SECTION("transfers") {
    HostilePeer peer(10);
    const std::vector<uint8_t> entries = EncodeEntries({FileEntry{1, 0, "f", ""}});
    for (uint32_t i = 0; i <= kMaxOpenTransfers && !peer.victim().closed(); ++i) {
      peer.SendFrame(kControlLane, ManifestFrame{peer.OwnTransfer(i), {}, 1, 0, 1, entries});
    }
    CheckClosedWith(peer, ErrorCode::kTooLarge);
  }
}

TEST_CASE("answers to what was never offered, and acknowledgements of what was never sent") {
  const auto code_after = [](const Frame& frame) {
    HostilePeer peer(11);
    peer.SendFrame(kControlLane, frame);
    return peer.CloseCode();
  };
  AckFrame ack;
  ack.lane = kBulk;
  ack.ranges[0] = Range{0, 1};
  ack.range_count = 1;
  AckFrame unknown_lane = ack;
  unknown_lane.lane = LaneId(9);
  for (const Frame& frame : std::vector<Frame>{
           ack, unknown_lane, AcceptFrame{TransferId(0)}, AcceptFrame{TransferId(1)},
           RejectFrame{TransferId(0), ""}, RejectFrame{TransferId(1), ""},
           CreditFrame{TransferId(0), 1}, CreditFrame{TransferId(1), 1},
           CompleteFrame{TransferId(0), {}, 0, {}}, CompleteFrame{TransferId(1), {}, 0, {}},
           ReceiptFrame{TransferId(0), {}, 0, {}}, ReceiptFrame{TransferId(1), {}, 0, {}},
           PauseFrame{TransferId(0), true}, PauseFrame{TransferId(1), true},
           CancelFrame{TransferId(2), ErrorCode::kCancelled, ""},
           CancelFrame{TransferId(3), ErrorCode::kCancelled, ""}}) {
    CHECK(code_after(frame) == "protocol-violation");
  }
}

TEST_CASE("a completion that contradicts the manifest or comes twice") {
  const auto code_after = [](const std::vector<CompleteFrame>& frames) {
    HostilePeer peer(12);
    const TransferId id = peer.OfferAccepted(100);
    for (CompleteFrame frame : frames) {
      frame.transfer = id;
      peer.SendFrame(kControlLane, frame);
    }
    return peer.CloseCode();
  };
  CHECK(code_after({CompleteFrame{{}, FileIndex(0), 100, {}}}).empty());
  CHECK(code_after({CompleteFrame{{}, FileIndex(0), 99, {}}}) == "protocol-violation");
  CHECK(code_after({CompleteFrame{{}, FileIndex(1), 100, {}}}) == "protocol-violation");
  CHECK(code_after({CompleteFrame{{}, FileIndex(0), 100, {}},
                    CompleteFrame{{}, FileIndex(0), 100, {}}}) == "protocol-violation");
}

TEST_CASE(
    "a root that does not fit fails the transfer, not the session, and nothing counts as "
    "received") {
  HostilePeer peer(13);
  const TransferId id = peer.OfferAccepted(100);
  const std::vector<uint8_t> payload(100, 1);
  peer.SendFrame(kBulk, DataFrame{id, FileIndex(0), 0, payload});
  peer.SendFrame(kControlLane, CompleteFrame{id, FileIndex(0), 100, Digest{}});
  peer.Drain();
  REQUIRE_FALSE(peer.events().empty());
  CHECK(peer.events().back().type == EventType::kFailed);
  CHECK(peer.events().back().error.code == ErrorCode::kHashMismatch);
  CHECK_FALSE(peer.victim().closed());
}

TEST_CASE("a receipt that lies about the root is refused") {
  HostilePeer peer(14);
  const TransferId id = peer.victim().Offer({FileInfo{0, 0, "empty", ""}}, {}, peer.now());
  peer.Drain();
  peer.SendFrame(kControlLane, AcceptFrame{id});
  peer.SendFrame(kControlLane, ReceiptFrame{id, FileIndex(0), 0, Digest{}});
  CheckViolation(peer);
}

TEST_CASE("an offer accepted twice is a violation") {
  HostilePeer peer(15);
  const TransferId id = peer.victim().Offer({FileInfo{5, 0, "five", ""}}, {}, peer.now());
  peer.Drain();
  peer.SendFrame(kControlLane, AcceptFrame{id});
  peer.SendFrame(kControlLane, AcceptFrame{id});
  CheckViolation(peer);
}

TEST_CASE("messages are acknowledged with the next pong, or 25 ms later") {
  HostilePeer peer(16);
  // Its first pings stay unanswered; the next one is seconds away then.
  peer.Advance(Duration::Seconds(1));
  peer.Drain();
  peer.Advance(Duration::Millis(500));
  peer.Drain();
  const auto outputs = [&peer] {
    size_t count = 0;
    while (const auto output = peer.victim().PollOutput(peer.now())) {
      CHECK(output->lane == kPulseLane);
      peer.victim().SetBuffered(kPulseLane, 0, peer.now());
      ++count;
    }
    return count;
  };
  const std::vector<uint8_t> text(10, 'x');
  // A millisecond apart.
  const auto hear = [&] {
    for (uint32_t i = 0; i < ReceivedRecords::kRecordsPerAck + 4; ++i) {
      peer.SendFrame(kControlLane, MessageFrame{false, text});
      CHECK(outputs() == 0);
    }
  };
  hear();
  peer.SendFrame(PingFrame{1});
  CHECK(outputs() == 1);
  peer.Advance(ReceivedRecords::kMaxAckDelay);
  CHECK(outputs() == 0);
  // So little arrives that the next record waits for the lane's share of the bytes.
  hear();
  peer.Advance(ReceivedRecords::kMaxAckDelay);
  CHECK(outputs() == 0);
  peer.Advance(PulseBudget::kMostInterval);
  CHECK(outputs() == 1);
}

TEST_CASE("a flood of pings is answered without a queue") {
  HostilePeer peer(16);
  for (uint64_t i = 0; i < 5000; ++i) peer.SendFrame(PingFrame{i});
  size_t answers = 0;
  while (peer.victim().PollOutput(peer.now())) ++answers;
  CHECK(answers <= 2);
}

TEST_CASE("control records that are never acknowledged are not kept for ever") {
  HostilePeer peer(18);
  size_t signals = 0;
  for (; signals < 2 * kMaxUnackedControlRecords && !peer.victim().closed(); ++signals) {
    peer.victim().Signal("s", peer.now());
    peer.Drain();
    REQUIRE(peer.victim().control_lane()->sent().remembered() <= kMaxUnackedControlRecords + 1);
  }
  CHECK(signals > kMaxUnackedControlRecords / 2);
  CheckViolation(peer);
}

TEST_CASE("pulse records take no memory, though nothing ever acknowledges them") {
  HostilePeer peer(18);
  for (uint64_t i = 0; i < 5000; ++i) {
    peer.SendFrame(PingFrame{i});
    peer.Drain();
  }
  CHECK(peer.victim().pulse_lane()->sent().next_number().value >= 5000);
  CHECK(peer.victim().pulse_lane()->sent().remembered() == 0);
}

TEST_CASE("a peer that answers pings and acknowledges nothing on the control lane is lost") {
  HostilePeer peer(18);
  peer.victim().Signal("s", peer.now());
  int seconds = 0;
  for (; seconds < 100 && !peer.victim().closed(); ++seconds) {
    peer.Drain();
    peer.Advance(Duration::Seconds(1));
    peer.SendFrame(PingFrame{1});
  }
  CHECK(seconds == 30);
  CHECK(peer.CloseCode() == "connection-lost");
}

TEST_CASE("a pong for a ping that was never sent is no round trip") {
  HostilePeer peer(19);
  REQUIRE(peer.last_ping());
  const uint64_t real = *peer.last_ping();
  for (const uint64_t token :
       {UINT64_MAX, uint64_t{1} << 63, uint64_t{1} << 62, uint64_t{0}, real - 1, real + 1}) {
    peer.SendFrame(PongFrame{token, peer.now()});
    CHECK(peer.CloseCode().empty());
    CHECK_FALSE(peer.victim().round_trip().smoothed());
  }
  peer.SendFrame(PongFrame{real, peer.now()});
  const auto smoothed = peer.victim().round_trip().smoothed();
  CHECK(smoothed);
  // The same answer again, much later.
  peer.Advance(Duration::Seconds(10));
  peer.SendFrame(PongFrame{real, peer.now()});
  CHECK(peer.victim().round_trip().smoothed() == smoothed);
}

TEST_CASE("a flood of signals leaves nothing behind but what its reader has not read") {
  HostilePeer peer(20);
  const std::string longest(kMaxSignalBytes, 's');
  for (size_t i = 0; i < 1000; ++i) {
    peer.SendFrame(kControlLane, SignalFrame{longest});
    const std::optional<Event> event = peer.victim().PollEvent();
    REQUIRE(event);
    REQUIRE(event->type == EventType::kSignal);
    REQUIRE_FALSE(peer.victim().PollEvent());
    REQUIRE(peer.victim().receive_pool_used() == 0);
  }
  CHECK(peer.CloseCode().empty());
}

TEST_CASE("a message without an end is cut off at the limit") {
  HostilePeer peer(22);
  const std::vector<uint8_t> part(kMaxMessagePartBytes);
  for (int i = 0; i < 4; ++i) peer.SendFrame(kControlLane, MessageFrame{true, part});
  CHECK(peer.CloseCode().empty());
  peer.SendFrame(kControlLane, MessageFrame{true, part});
  CHECK(peer.CloseCode() == "too-large");
}

TEST_CASE("one record can not tell the user more than it holds frames") {
  HostilePeer peer(21);
  const TransferId id = peer.OfferAccepted(100);
  std::vector<uint8_t> plaintext;
  while (plaintext.size() + 3 <= kMaxControlRecordBytes - kRecordOverheadBytes) {
    const auto paused = static_cast<uint8_t>(plaintext.size() % 2);
    plaintext.insert(plaintext.end(), {0x0c, static_cast<uint8_t>(id.value), paused});
  }
  peer.SendPlaintext(kControlLane, plaintext);
  size_t events = 0;
  while (peer.victim().PollEvent()) ++events;
  CHECK(events <= plaintext.size() / 3);
  CHECK(peer.CloseCode().empty());
}

TEST_CASE("overlapping data that disagrees: the first word counts, and each byte is written once") {
  HostilePeer peer(22);
  const TransferId id = peer.OfferAccepted(4 * kLeafBytes);
  const auto send = [&](uint64_t first_leaf, size_t leaves, uint8_t content) {
    const std::vector<uint8_t> payload(leaves * kLeafBytes, content);
    peer.SendFrame(kBulk, DataFrame{id, FileIndex(0), first_leaf * kLeafBytes, payload});
  };
  send(1, 1, 1);
  send(0, 3, 2);
  send(0, 4, 3);
  send(2, 2, 4);
  std::vector<uint8_t> stored(4 * kLeafBytes, 0);
  size_t written = 0;
  while (const auto write = peer.victim().PollWrite()) {
    written += write->bytes.size();
    std::copy(write->bytes.begin(), write->bytes.end(),
              stored.begin() + static_cast<std::ptrdiff_t>(write->offset));
    peer.victim().WriteDone(write->write, peer.now());
  }
  CHECK(written == stored.size());
  CHECK(stored[0] == 2);
  CHECK(stored[kLeafBytes] == 1);
  CHECK(stored[2 * kLeafBytes] == 2);
  CHECK(stored[3 * kLeafBytes] == 3);
  // The root is that of what was written, whatever came later.
  HashTree tree;
  tree.AddBytes(0, stored);
  peer.SendFrame(kControlLane,
                 CompleteFrame{id, FileIndex(0), stored.size(), tree.Root(stored.size())});
  peer.Drain();
  CHECK(peer.events().back().type == EventType::kFileReceived);
}

TEST_CASE("a flood of tiny data fills the pool and no more, and goes on when there is room") {
  SessionOptions options;
  options.receive_pool_bytes = 256 * 1024;
  HostilePeer peer(23, options);
  constexpr uint32_t kFiles = 500;
  const TransferId id = peer.OwnTransfer(0);
  for (uint32_t first = 0; first < kFiles; first += 100) {
    const std::vector<uint8_t> entries =
        EncodeEntries(std::vector<FileEntry>(100, FileEntry{1, 0, "f", ""}));
    peer.SendFrame(kControlLane, ManifestFrame{id, {}, kFiles, first, 100, entries});
  }
  peer.victim().Accept(id, peer.now());
  const std::vector<uint8_t> payload(1, 1);
  const auto flood = [&] {
    for (uint32_t file = 0; file < kFiles; ++file) {
      peer.SendFrame(kBulk, DataFrame{id, FileIndex(file), 0, payload});
      REQUIRE(peer.victim().receive_pool_used() <= options.receive_pool_bytes);
    }
  };
  flood();
  CHECK(peer.victim().receive_pool_used() > options.receive_pool_bytes - 2 * PagePool::kPageBytes);
  for (int i = 0; i < 20; ++i) {
    peer.Drain();
    flood();
  }
  peer.Drain();
  CHECK(peer.CloseCode().empty());
  CHECK(peer.victim().TransferBytes(id) == kFiles);
}

TEST_CASE("credit without end does not take memory without end") {
  HostilePeer peer(24);
  const TransferId id = peer.victim().Offer({FileInfo{1u << 30, 0, "f", ""}}, {}, peer.now());
  peer.Drain();
  peer.SendFrame(kControlLane, AcceptFrame{id});
  peer.SendFrame(kControlLane, CreditFrame{id, kMaxVarint});
  size_t read_bytes = 0;
  for (bool moves = true; moves;) {
    moves = false;
    while (const auto read = peer.victim().PollRead()) {
      read_bytes += read->bytes.size();
      peer.victim().ReadDone(read->chunk, read->bytes.size(), peer.now());
      moves = true;
    }
    peer.Drain();
  }
  CHECK(peer.CloseCode().empty());
  CHECK(read_bytes <= SessionOptions{}.send_pool_bytes);
  CHECK(peer.victim().send_pool_used() <= SessionOptions{}.send_pool_bytes);
}

// A victim that sends 256 KiB of a file and has been given credit for all of it.
TransferId BeginSending(HostilePeer& peer) {
  const TransferId id = peer.victim().Offer({FileInfo{256 * 1024, 0, "f", ""}}, {}, peer.now());
  peer.Drain();
  peer.SendFrame(kControlLane, AcceptFrame{id});
  peer.SendFrame(kControlLane, CreditFrame{id, 256 * 1024});
  while (const auto read = peer.victim().PollRead()) {
    std::fill(read->bytes.begin(), read->bytes.end(), uint8_t{0});
    peer.victim().ReadDone(read->chunk, read->bytes.size(), peer.now());
  }
  peer.Drain();
  return id;
}

TEST_CASE("a peer that takes data and never says so is given up, and nothing piles up meanwhile") {
  HostilePeer peer(25);
  BeginSending(peer);
  int seconds = 0;
  for (; seconds < 200 && !peer.victim().closed(); ++seconds) {
    peer.Advance(Duration::Seconds(1));
    peer.SendFrame(PingFrame{1});
    peer.Drain();
    peer.AcknowledgeControl();
    for (const auto& [lane_id, lane] : peer.victim().lanes()) {
      REQUIRE(lane.sent().remembered() < 1000);
    }
    if (const SealedLane* control = peer.victim().control_lane()) {
      REQUIRE(control->sent().remembered() < 1000);
    }
  }
  CHECK(seconds > 50);
  CheckClosedWith(peer, ErrorCode::kTimeout);
  CHECK(peer.victim().send_pool_used() == 0);
}

TEST_CASE("a receipt that comes before its acknowledgements frees what waits to be sent again") {
  HostilePeer peer(26);
  const TransferId id = BeginSending(peer);
  // The lane takes the pieces with it, so they wait for another one.
  peer.OpenBulk(LaneId(2));
  peer.CloseLane(kBulk);
  REQUIRE(peer.victim().send_pool_used() > 0);
  HashTree tree;
  tree.AddBytes(0, std::vector<uint8_t>(256 * 1024, 0));
  peer.SendFrame(kControlLane, ReceiptFrame{id, FileIndex(0), 256 * 1024, tree.Root(256 * 1024)});
  peer.Drain();
  CHECK(peer.CloseCode().empty());
  CHECK(peer.events().back().type == EventType::kDone);
  CHECK(peer.victim().send_pool_used() == 0);
}

TEST_CASE("a stream that never ends takes no more memory the longer it is") {
  HostilePeer peer(27);
  const TransferId id = peer.OwnTransfer(0);
  const std::vector<uint8_t> entries = EncodeEntries({FileEntry{std::nullopt, 0, "stream", ""}});
  peer.SendFrame(kControlLane, ManifestFrame{id, {}, 1, 0, 1, entries});
  peer.victim().Accept(id, peer.now());
  peer.Drain();
  const std::vector<uint8_t> payload(15 * kLeafBytes, 1);
  for (uint64_t i = 0; i < 128; ++i) {
    peer.SendFrame(kBulk, DataFrame{id, FileIndex(0), i * payload.size(), payload});
    peer.Drain();
    const IncomingFile& file = peer.victim().Incoming(id)->files().front();
    REQUIRE(file.arrived.ranges().size() == 1);
    REQUIRE(file.tree.node_count() <= 12);  // log2 of 1,920 leaves.
    REQUIRE(peer.victim().receive_pool_used() == 0);
  }
  CHECK(peer.CloseCode().empty());
  // Its last byte would lie past the largest file.
  const uint64_t last_leaf = kMaxFileBytes / kLeafBytes * kLeafBytes;
  peer.SendFrame(kBulk, DataFrame{id, FileIndex(0), last_leaf, payload});
  CheckViolation(peer);
}

TEST_CASE("a grain of each leaf takes no more memory than the credit, and more ends the session") {
  HostilePeer peer(35);
  const TransferId id = peer.OfferAccepted(uint64_t{1} << 40);
  const uint64_t grains = Receiver::kWindowBytes / kGrainBytes;
  const std::vector<uint8_t> payload(kGrainBytes, 1);
  // From the last leaf to the first: each new one goes before all others.
  for (uint64_t leaf = grains; leaf > 0; --leaf) {
    peer.SendFrame(kBulk, DataFrame{id, FileIndex(0), leaf * kLeafBytes, payload});
    REQUIRE(peer.victim().receive_pool_used() <= Receiver::kWindowBytes);
  }
  CHECK(peer.CloseCode().empty());
  CHECK_FALSE(peer.victim().PollWrite());
  peer.SendFrame(kBulk, DataFrame{id, FileIndex(0), 0, payload});
  CheckViolation(peer);
}

// Sends every other leaf of `files` files in turn until the victim has enough; answers how many.
size_t TearGaps(HostilePeer& peer, uint32_t files) {
  const TransferId id = peer.OwnTransfer(0);
  const uint64_t size = uint64_t{1} << 30;
  const std::vector<uint8_t> entries =
      EncodeEntries(std::vector<FileEntry>(files, FileEntry{size, 0, "f", ""}));
  peer.SendFrame(kControlLane, ManifestFrame{id, {}, files, 0, files, entries});
  peer.victim().Accept(id, peer.now());
  const std::vector<uint8_t> payload(kLeafBytes, 1);
  size_t sent = 0;
  for (; sent < 2 * kMaxGaps && !peer.victim().closed(); ++sent) {
    const FileIndex file(static_cast<uint32_t>(sent % files));
    peer.SendFrame(kBulk, DataFrame{id, file, sent / files * 2 * kLeafBytes, payload});
    peer.Drain();
  }
  return sent;
}

TEST_CASE("gaps without end, in one file or in many, end the session") {
  for (const uint32_t files : {1u, 50u}) {
    HostilePeer peer(28);
    const size_t sent = TearGaps(peer, files);
    CHECK(sent > kMaxGaps);
    CHECK(sent <= kMaxGaps + files + 1);
    CheckViolation(peer);
  }
}

TEST_CASE("a flood of HAVE, on one file or on many, ends the session") {
  for (const uint32_t files : {1u, 50u}) {
    HostilePeer peer(29);
    const std::vector<FileInfo> infos(files, FileInfo{uint64_t{1} << 40, 0, "f", ""});
    const TransferId id = peer.victim().Offer(infos, {}, peer.now());
    peer.Drain();
    size_t gaps = 0;
    for (uint64_t round = 0; gaps < 2 * kMaxGaps && !peer.victim().closed(); ++round) {
      HaveFrame have{id, FileIndex(static_cast<uint32_t>(round % files)), {}, kMaxAckRanges};
      for (uint64_t i = 0; i < kMaxAckRanges; ++i) {
        const uint64_t leaf = (round * kMaxAckRanges + i) * 2;
        have.ranges[i] = Range{leaf * kLeafBytes, (leaf + 1) * kLeafBytes};
      }
      gaps += kMaxAckRanges;
      peer.SendFrame(kControlLane, have);
      // The same again adds nothing.
      if (!peer.victim().closed()) peer.SendFrame(kControlLane, have);
    }
    CHECK(gaps > kMaxGaps);
    CHECK(gaps <= kMaxGaps + files + kMaxAckRanges);
    CheckViolation(peer);
  }
}

TEST_CASE("manifests of many files are limited over all offers together") {
  HostilePeer peer(30);
  const std::vector<uint8_t> entries =
      EncodeEntries(std::vector<FileEntry>(1000, FileEntry{1, 0, "f", ""}));
  size_t files = 0;
  for (uint32_t i = 0; i < kMaxOpenTransfers && !peer.victim().closed(); ++i) {
    peer.SendFrame(kControlLane, ManifestFrame{peer.OwnTransfer(i), {}, 1000, 0, 1000, entries});
    if (!peer.victim().closed()) files += 1000;
  }
  CHECK(files == kMaxOpenFiles);
  CheckClosedWith(peer, ErrorCode::kTooLarge);
}

TEST_CASE("paths of many folders are limited over all offers together") {
  HostilePeer peer(31);
  std::string deep;
  for (int i = 0; i < 30; ++i) deep += "/d";
  size_t files = 0;
  for (uint32_t i = 0; i < kMaxOpenTransfers && !peer.victim().closed(); ++i) {
    // Half of each manifest is held back.
    std::vector<std::string> paths;
    for (uint32_t k = 0; k < 100; ++k) paths.push_back(std::to_string(i * 100 + k) + deep);
    std::vector<FileEntry> files_of_part;
    for (const std::string& path : paths) files_of_part.push_back(FileEntry{1, 0, path, ""});
    const std::vector<uint8_t> entries = EncodeEntries(files_of_part);
    peer.SendFrame(kControlLane, ManifestFrame{peer.OwnTransfer(i), {}, 200, 0, 100, entries});
    files += 100;
  }
  CHECK(files * 30 > kMaxFolders);
  CHECK((files - 100) * 30 <= kMaxFolders);
  CheckClosedWith(peer, ErrorCode::kTooLarge);
}

TEST_CASE("a hello that is wrong ends the victim's session before anything is opened") {
  // The other side's closing may come before anybody asked why; the reason stays.
  const bool closes = GENERATE(false, true);
  for (const std::vector<uint8_t>& message :
       {std::vector<uint8_t>{1}, std::vector<uint8_t>(87, 1), std::vector<uint8_t>(60, 9)}) {
    testing::Random random(1);
    Session victim({}, testing::MakeHandshake(random), Timestamp());
    victim.SetFingerprints(testing::kFingerprintA, testing::kFingerprintB);
    victim.OpenLane(kControlLane, kMaxMessageBytes, Delivery::kReliable, Timestamp());
    const MutableByteView buffer = victim.InputBuffer(kControlLane, message.size());
    std::copy(message.begin(), message.end(), buffer.begin());
    victim.HandleInput(kControlLane, Timestamp());
    if (closes) victim.CloseLane(kControlLane, Timestamp());
    const std::optional<Event> event = victim.PollEvent();
    REQUIRE(event);
    CHECK(event->type == EventType::kClosed);
    CHECK(event->error.code == ErrorCode::kHandshakeFailed);
    CHECK_FALSE(victim.PollEvent());
  }
}

TEST_CASE("a new connection on which the peer says nothing is given up, and the user is told") {
  SessionOptions options;
  options.reconnect_timeout = Duration::Seconds(60);
  HostilePeer peer(32, options);
  const auto disconnections = [&peer] {
    peer.Drain();
    return std::count_if(peer.events().begin(), peer.events().end(),
                         [](const Event& e) { return e.type == EventType::kDisconnected; });
  };
  peer.CloseLane(kControlLane);
  CHECK(disconnections() == 1);
  peer.Reconnect();
  peer.Advance(options.handshake_timeout);
  CHECK(disconnections() == 2);
  CHECK(peer.victim().lanes().empty());
  CHECK(peer.victim().control_lane() == nullptr);
  peer.Reconnect();
  peer.ShakeHands();
  CHECK(peer.victim().connected());
}

TEST_CASE("lanes out of turn, doubled or too narrow are refused") {
  HostilePeer peer(17);
  SECTION("doubled") {
    peer.victim().OpenLane(kBulk, kMaxMessageBytes, Delivery::kReliable, peer.now());
  }
  SECTION("too narrow") {
    peer.victim().OpenLane(LaneId(2), kMinMessageBytes - 1, Delivery::kReliable, peer.now());
  }
  CHECK(peer.CloseCode() == "invalid-argument");
}

}  // namespace
}  // namespace millrace
