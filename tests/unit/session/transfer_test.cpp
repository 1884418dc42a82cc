// A session sends files to a session, in virtual time.

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <string>
#include <vector>

#include "support/hostile_peer.h"
#include "support/simulation.h"

namespace millrace {
namespace {

using testing::DiskOptions;
using testing::LinkOptions;
using testing::Simulation;

bool BothDone(Simulation& sim) {
  return sim.a().Find(EventType::kDone) != nullptr && sim.b().Find(EventType::kDone) != nullptr;
}

// Both sides hold the same receipt, and the bytes are the ones that were sent.
void CheckDelivered(Simulation& sim, TransferId id) {
  REQUIRE(BothDone(sim));
  CHECK(sim.Delivered(sim.a(), sim.b(), id));
  const std::vector<FileProof>& sent = sim.a().Find(EventType::kDone)->proofs;
  const std::vector<FileProof>& received = sim.b().Find(EventType::kDone)->proofs;
  REQUIRE(sent.size() == received.size());
  for (size_t i = 0; i < sent.size(); ++i) {
    CHECK(sent[i].size == received[i].size);
    CHECK(sent[i].root == received[i].root);
  }
}

TEST_CASE("a file arrives whole and proven, at every length around leaf and chunk") {
  const size_t chunk = ChunkSizer::kFirstChunkBytes;
  const size_t size =
      GENERATE_COPY(size_t{0}, size_t{1}, kLeafBytes - 1, kLeafBytes, kLeafBytes + 1, chunk / 2,
                    chunk - 1, chunk, chunk + 1, 3 * chunk + kLeafBytes + 5);
  Simulation sim(size);
  sim.Connect();
  const TransferId id = sim.Send(sim.a(), sim.Files({size}));
  sim.RunUntil([&sim] { return BothDone(sim); });
  CheckDelivered(sim, id);
}

TEST_CASE("several files of one transfer arrive, empty ones among them") {
  Simulation sim(2);
  sim.Connect();
  const TransferId id = sim.Send(sim.a(), sim.Files({0, 5, 100'000, 0, 16'384, 700'000, 0}));
  sim.RunUntil([&sim] { return BothDone(sim); });
  CheckDelivered(sim, id);
  CHECK(sim.b().Count(EventType::kFileReceived) == 7);
}

TEST_CASE("a list of files longer than a record crosses in parts") {
  Simulation sim(3);
  sim.Connect();
  const TransferId id = sim.Send(sim.a(), sim.Files(std::vector<uint64_t>(3000, 3)));
  sim.RunUntil([&sim] { return BothDone(sim); });
  CheckDelivered(sim, id);
}

TEST_CASE("order on the bulk lane does not matter") {
  const uint64_t seed = GENERATE(Catch::Generators::range(uint64_t{10}, uint64_t{20}));
  LinkOptions link;
  link.jitter = Duration::Millis(80);
  Simulation sim(seed, link);
  sim.Connect();
  const TransferId id = sim.Send(sim.a(), sim.Files({6'000'000}));
  sim.RunUntil([&sim] { return BothDone(sim); });
  CheckDelivered(sim, id);
}

TEST_CASE("both sides send at once, and two transfers of one side share") {
  Simulation sim(4);
  sim.Connect();
  const TransferId one = sim.Send(sim.a(), sim.Files({3'000'000}));
  const TransferId two = sim.Send(sim.a(), sim.Files({3'000'000}));
  const TransferId back = sim.Send(sim.b(), sim.Files({2'000'000}));
  sim.RunUntil([&] {
    return sim.a().session->TransferBytes(one) > 0 && sim.a().session->TransferBytes(two) > 0;
  });
  CHECK(sim.a().Count(EventType::kDone) == 0);
  sim.RunUntil([&sim] {
    return sim.a().Count(EventType::kDone) == 3 && sim.b().Count(EventType::kDone) == 3;
  });
  CHECK(sim.Delivered(sim.a(), sim.b(), one));
  CHECK(sim.Delivered(sim.a(), sim.b(), two));
  CHECK(sim.Delivered(sim.b(), sim.a(), back));
}

TEST_CASE("a slow sink slows the sender and memory stays bounded") {
  DiskOptions disk;
  disk.write_delay = Duration::Millis(300);
  const SessionOptions options;
  Simulation sim(5, {}, disk, options);
  sim.Connect();
  const TransferId id = sim.Send(sim.a(), sim.Files({40'000'000}));
  size_t most_received = 0;
  size_t most_sent = 0;
  sim.RunUntil([&] {
    most_received = std::max(most_received, sim.b().session->receive_pool_used());
    most_sent = std::max(most_sent, sim.a().session->send_pool_used());
    return BothDone(sim);
  });
  CheckDelivered(sim, id);
  // 6 MiB of credit in records of 128 KiB, each on its pages.
  CHECK(most_received <= Receiver::kWindowBytes + Receiver::kWindowBytes / 16);
  CHECK(most_sent <= options.send_pool_bytes);
}

TEST_CASE("a slow source only takes longer") {
  DiskOptions disk;
  disk.read_delay = Duration::Millis(50);
  Simulation sim(6, {}, disk);
  sim.Connect();
  const TransferId id = sim.Send(sim.a(), sim.Files({5'000'000}));
  sim.RunUntil([&sim] { return BothDone(sim); });
  CheckDelivered(sim, id);
}

TEST_CASE("a pause from either side stops the flow until it is lifted") {
  Simulation sim(7);
  sim.Connect();
  const bool by_receiver = GENERATE(false, true);
  const TransferId id = sim.Send(sim.a(), sim.Files({20'000'000}));
  const auto bytes = [&] { return sim.b().session->TransferBytes(id); };
  REQUIRE(sim.RunUntil([&] { return bytes() > 1'000'000; }));
  testing::SimPeer& pauser = by_receiver ? sim.b() : sim.a();
  testing::SimPeer& other = by_receiver ? sim.a() : sim.b();
  pauser.session->SetPaused(id, true, sim.now());
  sim.RunFor(Duration::Seconds(2));
  const uint64_t at_rest = bytes();
  CHECK(at_rest < 20'000'000);
  sim.RunFor(Duration::Seconds(5));
  CHECK(bytes() == at_rest);
  REQUIRE(other.Find(EventType::kPaused) != nullptr);
  CHECK(other.Find(EventType::kPaused)->flag);
  pauser.session->SetPaused(id, false, sim.now());
  sim.RunUntil([&sim] { return BothDone(sim); });
  CheckDelivered(sim, id);
}

TEST_CASE("a paused transfer keeps no other one waiting, and is no slow source") {
  Simulation sim(31);
  sim.Connect();
  const bool by_receiver = GENERATE(false, true);
  const TransferId large = sim.Send(sim.a(), sim.Files({20'000'000}));
  REQUIRE(sim.RunUntil([&] { return sim.b().session->TransferBytes(large) > 1'000'000; }));
  (by_receiver ? sim.b() : sim.a()).session->SetPaused(large, true, sim.now());
  sim.RunFor(Duration::Seconds(1));
  const TransferId small = sim.Send(sim.a(), sim.Files({100}));
  CHECK(sim.RunUntil([&sim] { return BothDone(sim); }, Duration::Seconds(2)));
  CHECK(sim.Delivered(sim.a(), sim.b(), small));
  sim.RunFor(Duration::Seconds(10));
  const std::optional<WaitingShares> shares = sim.a().session->waiting(sim.now());
  REQUIRE(shares);
  CHECK((*shares)[static_cast<size_t>(Waiting::kSource)] < 0.2);
}

TEST_CASE(
    "a stream whose source is slow, or a sink that stands still, keeps no other one waiting") {
  Simulation sim(32);
  sim.Connect();
  std::vector<testing::SimFile> stream = sim.Files({20'000'000});
  stream[0].is_stream = true;
  const TransferId slow = sim.Send(sim.a(), stream);
  if (GENERATE(false, true)) {
    sim.HoldSource(slow);
  } else {
    sim.HoldSink(slow);
  }
  sim.RunFor(Duration::Seconds(1));
  const TransferId fast = sim.Send(sim.a(), sim.Files({5'000'000}));
  CHECK(sim.RunUntil([&sim] { return BothDone(sim); }, Duration::Seconds(10)));
  CHECK(sim.Delivered(sim.a(), sim.b(), fast));
  sim.LetGo(slow);
  CHECK(sim.RunUntil([&sim] { return sim.b().Count(EventType::kDone) == 2; }));
}

TEST_CASE("a control message reaches a side whose memory is full of what its sink does not take") {
  SessionOptions options;
  options.receive_pool_bytes = 64 * 1024;
  Simulation sim(33, {}, {}, options);
  sim.Connect();
  const TransferId id = sim.Send(sim.a(), sim.Files(std::vector<uint64_t>(300, 10)));
  sim.HoldSink(id);
  sim.RunFor(Duration::Seconds(1));
  CHECK(sim.b().session->receive_pool_used() == options.receive_pool_bytes);
  const std::vector<uint8_t> message(10'000, 1);
  sim.a().session->Message(message, sim.now());
  CHECK(sim.RunUntil([&sim] { return sim.b().Find(EventType::kMessage) != nullptr; },
                     Duration::Seconds(1)));
  sim.LetGo(id);
  CHECK(sim.RunUntil([&sim] { return BothDone(sim); }));
}

TEST_CASE(
    "a cancel from either side ends the transfer on both, frees its memory, and spares the "
    "session") {
  Simulation sim(8);
  sim.Connect();
  const bool by_receiver = GENERATE(false, true);
  const TransferId id = sim.Send(sim.a(), sim.Files({20'000'000}));
  REQUIRE(sim.RunUntil([&] { return sim.b().session->TransferBytes(id) > 1'000'000; }));
  testing::SimPeer& ender = by_receiver ? sim.b() : sim.a();
  ender.session->Fail(id, ErrorCode::kCancelled, "enough", sim.now());
  sim.RunFor(Duration::Seconds(3));
  CHECK(sim.a().CodeOf(EventType::kFailed) == "cancelled");
  CHECK(sim.b().CodeOf(EventType::kFailed) == "cancelled");
  CHECK(sim.a().session->send_pool_used() == 0);
  CHECK(sim.b().session->receive_pool_used() == 0);
  const TransferId next = sim.Send(sim.a(), sim.Files({100'000}));
  sim.RunUntil([&sim] { return BothDone(sim); });
  CheckDelivered(sim, next);
}

TEST_CASE("a rejected offer fails with its reason and moves nothing") {
  Simulation sim(9);
  sim.Connect();
  sim.b().accepts = false;
  const TransferId id = sim.Send(sim.a(), sim.Files({100}));
  REQUIRE(sim.RunUntil([&sim] { return sim.b().Find(EventType::kOffer) != nullptr; }));
  sim.b().session->Reject(id, "not today", sim.now());
  REQUIRE(sim.RunUntil([&sim] { return sim.a().Find(EventType::kFailed) != nullptr; }));
  CHECK(sim.a().CodeOf(EventType::kFailed) == "rejected");
  CHECK(sim.a().Find(EventType::kFailed)->error.detail == "not today");
}

TEST_CASE("a file that shrinks while it is sent fails on both sides as changed") {
  Simulation sim(10);
  sim.Connect();
  const TransferId id = sim.Send(sim.a(), sim.Files({20'000'000}));
  REQUIRE(sim.RunUntil([&] { return sim.b().session->TransferBytes(id) > 1'000'000; }));
  sim.a().sources[id][0].shrunk_to = 3'000'000;
  sim.RunFor(Duration::Seconds(3));
  CHECK(sim.a().CodeOf(EventType::kFailed) == "source-changed");
  CHECK(sim.b().CodeOf(EventType::kFailed) == "source-changed");
  CHECK(sim.b().Count(EventType::kFileReceived) == 0);
}

TEST_CASE("a bulk lane that closes in mid-transfer ends the session on both sides") {
  Simulation sim(11);
  sim.Connect();
  const TransferId id = sim.Send(sim.a(), sim.Files({20'000'000}));
  REQUIRE(sim.RunUntil([&] { return sim.b().session->TransferBytes(id) > 1'000'000; }));
  sim.CloseLane(LaneId(1));
  sim.RunFor(Duration::Millis(500));
  CHECK(sim.a().CodeOf(EventType::kFailed) == "lane-closed");
  CHECK(sim.b().CodeOf(EventType::kFailed) == "lane-closed");
  CHECK(sim.a().CodeOf(EventType::kClosed) == "lane-closed");
}

TEST_CASE(
    "an offer to a peer that is silent already says so at once, and waits for nothing in vain") {
  testing::HostilePeer peer(3);
  peer.Advance(Duration::Seconds(5));
  peer.Drain();
  const auto silences = [&peer] {
    return std::count_if(peer.events().begin(), peer.events().end(),
                         [](const Event& event) { return event.type == EventType::kSilent; });
  };
  CHECK(silences() == 0);
  peer.victim().Offer({FileInfo{1'000, 0, "f", ""}}, {}, peer.now());
  peer.Drain();
  CHECK(silences() == 1);
  CHECK(peer.victim().NextTimeout() > peer.now());
}

TEST_CASE("a peer that falls silent is given up after the idle timeout") {
  Simulation sim(12);
  sim.Connect();
  sim.Send(sim.a(), sim.Files({20'000'000}));
  sim.RunFor(Duration::Millis(100));
  sim.tamper = [](size_t, LaneId, std::vector<uint8_t>&) { return false; };
  sim.RunFor(Duration::Seconds(31));
  CHECK(sim.a().CodeOf(EventType::kFailed) == "connection-lost");
  CHECK(sim.b().CodeOf(EventType::kFailed) == "connection-lost");
}

TEST_CASE("an idle session stays up") {
  Simulation sim(13);
  sim.Connect();
  sim.RunFor(Duration::Seconds(600));
  CHECK_FALSE(sim.a().session->closed());
  const std::optional<Duration> rtt = sim.a().session->round_trip().smoothed();
  REQUIRE(rtt);
  CHECK(*rtt >= Duration::Millis(20));
  CHECK(*rtt < Duration::Millis(21));
}

TEST_CASE("a handshake that gets no answer times out") {
  Simulation sim(14);
  sim.tamper = [](size_t, LaneId, std::vector<uint8_t>&) { return false; };
  sim.Connect();
  CHECK(sim.a().CodeOf(EventType::kClosed) == "timeout");
}

TEST_CASE("closing in good order ends the peer too, with what runs") {
  Simulation sim(15);
  sim.Connect();
  sim.Send(sim.a(), sim.Files({20'000'000}));
  sim.RunFor(Duration::Millis(200));
  sim.b().session->Close(ErrorCode::kClosed, "", sim.now());
  sim.RunFor(Duration::Seconds(1));
  CHECK(sim.a().CodeOf(EventType::kClosed) == "closed");
  CHECK(sim.a().CodeOf(EventType::kFailed) == "closed");
  CHECK(sim.b().CodeOf(EventType::kFailed) == "closed");
}

TEST_CASE("a reason that is too long is cut between characters") {
  Simulation sim(20);
  sim.Connect();
  const std::string kept(kMaxReasonBytes - 1, 'x');
  sim.a().session->Close(ErrorCode::kCancelled, kept + "€ and more", sim.now());
  sim.RunFor(Duration::Seconds(1));
  CHECK(sim.b().CodeOf(EventType::kClosed) == "cancelled");
  CHECK(sim.b().Find(EventType::kClosed)->error.detail == kept);
}

TEST_CASE("an offer before there is a session fails at once") {
  Simulation sim(21);
  const TransferId id = sim.a().session->Offer({FileInfo{1, 0, "a", ""}}, {}, sim.now());
  const std::optional<Event> event = sim.a().session->PollEvent();
  REQUIRE(event);
  CHECK(event->type == EventType::kFailed);
  CHECK(event->transfer == id);
  CHECK(event->error.code == ErrorCode::kInvalidArgument);
  sim.Connect();
  const TransferId next = sim.Send(sim.a(), sim.Files({1}));
  sim.RunUntil([&sim] { return BothDone(sim); });
  CheckDelivered(sim, next);
}

TEST_CASE("no more transfers are open at once than the peer takes") {
  Simulation sim(22);
  sim.Connect();
  sim.b().accepts = false;
  for (size_t i = 0; i < kMaxOpenTransfers; ++i) sim.Send(sim.a(), sim.Files({1}));
  sim.RunFor(Duration::Seconds(1));
  CHECK(sim.a().Find(EventType::kFailed) == nullptr);
  CHECK(sim.b().Count(EventType::kOffer) == kMaxOpenTransfers);
  const TransferId refused = sim.Send(sim.a(), sim.Files({1}));
  sim.RunFor(Duration::Seconds(1));
  REQUIRE(sim.a().Count(EventType::kFailed) == 1);
  CHECK(sim.a().Find(EventType::kFailed)->transfer == refused);
  CHECK(sim.a().CodeOf(EventType::kFailed) == "too-large");
  CHECK_FALSE(sim.b().session->closed());
}

TEST_CASE("a record that was bent on its way ends the session as a bad record") {
  const LaneId lane = GENERATE(kControlLane, kPulseLane, LaneId(1));
  Simulation sim(16);
  sim.Connect();
  sim.Send(sim.a(), sim.Files({20'000'000}));
  sim.RunFor(Duration::Millis(200));
  bool bent = false;
  sim.tamper = [&](size_t from, LaneId on, std::vector<uint8_t>& message) {
    if (!bent && from == 0 && on == lane) {
      message.back() ^= 1;
      bent = true;
    }
    return true;
  };
  sim.RunFor(Duration::Seconds(3));
  REQUIRE(bent);
  CHECK(sim.b().CodeOf(EventType::kClosed) == "bad-record");
  CHECK(sim.a().CodeOf(EventType::kClosed) == "bad-record");
  CHECK(sim.a().Find(EventType::kClosed)->flag);
}

TEST_CASE("lane signalling reaches the peer as it is") {
  Simulation sim(17);
  sim.Connect();
  sim.a().session->Signal("{\"lane\":2}", sim.now());
  REQUIRE(sim.RunUntil([&sim] { return sim.b().Find(EventType::kSignal) != nullptr; }));
  CHECK(sim.b().Find(EventType::kSignal)->text == "{\"lane\":2}");
  sim.a().session->Signal(std::string(kMaxSignalBytes + 1, 'x'), sim.now());
  sim.RunFor(Duration::Seconds(1));
  CHECK(sim.a().CodeOf(EventType::kClosed) == "invalid-argument");
}

TEST_CASE("messages of the application reach the peer whole and in order") {
  Simulation sim(19);
  sim.Connect();
  const std::vector<size_t> sizes = {0, 1, kMaxMessagePartBytes, kMaxMessagePartBytes + 1,
                                     kMaxAppMessageBytes};
  for (size_t i = 0; i < sizes.size(); ++i) {
    const std::vector<uint8_t> message(sizes[i], static_cast<uint8_t>(i));
    sim.a().session->Message(message, sim.now());
  }
  sim.RunFor(Duration::Seconds(2));
  std::vector<std::vector<uint8_t>> arrived;
  for (const Event& event : sim.b().events) {
    if (event.type == EventType::kMessage) arrived.push_back(event.bytes);
  }
  REQUIRE(arrived.size() == sizes.size());
  for (size_t i = 0; i < sizes.size(); ++i) {
    CHECK(arrived[i] == std::vector<uint8_t>(sizes[i], static_cast<uint8_t>(i)));
  }
  sim.a().session->Message(std::vector<uint8_t>(kMaxAppMessageBytes + 1), sim.now());
  sim.RunFor(Duration::Seconds(1));
  CHECK(sim.a().CodeOf(EventType::kClosed) == "invalid-argument");
}

TEST_CASE(
    "offers that can not be made fail here with a typed error and leave the session in step") {
  Simulation sim(18);
  sim.Connect();
  const auto offer = [&sim](std::vector<FileInfo> files) {
    sim.a().events.clear();
    sim.a().session->Offer(files, {}, sim.now());
    sim.RunFor(Duration::Seconds(1));
    return sim.a().CodeOf(EventType::kFailed);
  };
  CHECK(offer({}) == "invalid-argument");
  CHECK(offer({FileInfo{1, 0, "", ""}}) == "invalid-argument");
  CHECK(offer({FileInfo{1, 0, "\xff", ""}}) == "invalid-argument");
  CHECK(offer({FileInfo{1, 0, std::string(kMaxPathBytes + 1, 'x'), ""}}) == "invalid-argument");
  CHECK(offer({FileInfo{kMaxFileBytes + 1, 0, "a", ""}}) == "too-large");
  CHECK(offer({FileInfo{kMaxFileBytes, 0, "a", ""}, FileInfo{1, 0, "b", ""}}) == "too-large");
  CHECK(offer(std::vector<FileInfo>(kMaxOpenFiles + 1, FileInfo{1, 0, "a", ""})) == "too-large");
  // What stands open counts too: the peer's limits hold for all offers together.
  sim.b().accepts = false;
  CHECK(offer(std::vector<FileInfo>(kMaxOpenFiles / 2, FileInfo{1, 0, "a", ""})).empty());
  CHECK(offer(std::vector<FileInfo>(kMaxOpenFiles / 2 + 1, FileInfo{1, 0, "a", ""})) ==
        "too-large");
  const std::string longest(kMaxPathBytes, 'x');
  CHECK(offer(std::vector<FileInfo>(1000, FileInfo{1, 0, longest, ""})).empty());
  CHECK(offer(std::vector<FileInfo>(100, FileInfo{1, 0, longest, ""})) == "too-large");
  CHECK_FALSE(sim.b().session->closed());
  sim.b().accepts = true;
  sim.a().events.clear();
  const TransferId id = sim.Send(sim.a(), sim.Files({1000}));
  sim.RunUntil([&sim] { return BothDone(sim); });
  CheckDelivered(sim, id);
}

}  // namespace
}  // namespace millrace
