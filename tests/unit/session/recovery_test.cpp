// Lanes that lose, close, stall or come late, connections that break, streams without a size,
// attempts that go on where an earlier one ended: everything arrives once and is proven.

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <cstring>
#include <numeric>
#include <string>

#include "support/hostile_peer.h"
#include "support/simulation.h"

namespace millrace {
namespace {

using testing::HostilePeer;
using testing::LinkOptions;
using testing::SimFile;
using testing::Simulation;

SessionOptions Patient() {
  SessionOptions options;
  options.reconnect_timeout = Duration::Seconds(60);
  options.lane_timeout = Duration::Seconds(15);
  return options;
}

bool BothDone(Simulation& sim) {
  return sim.a().Find(EventType::kDone) != nullptr && sim.b().Find(EventType::kDone) != nullptr;
}

uint64_t Received(Simulation& sim, TransferId id) { return sim.b().session->TransferBytes(id); }

TEST_CASE("a stream of unknown length ends where its source does") {
  const uint64_t size = GENERATE(uint64_t{0}, uint64_t{1}, kLeafBytes - 1, kLeafBytes,
                                 kLeafBytes + 1, uint64_t{131'072}, uint64_t{1'000'003});
  Simulation sim(size);
  sim.Connect();
  std::vector<SimFile> files = sim.Files({size, 1000});
  files[0].is_stream = true;
  const TransferId id = sim.Send(sim.a(), files);
  REQUIRE(sim.RunUntil([&sim] { return BothDone(sim); }));
  CHECK(sim.Delivered(sim.a(), sim.b(), id));
  CHECK(sim.b().Find(EventType::kDone)->proofs[0].size == size);
  CHECK(sim.a().Find(EventType::kDone)->proofs[0].root ==
        sim.b().Find(EventType::kDone)->proofs[0].root);
}

TEST_CASE("unreliable lanes deliver everything") {
  LinkOptions link;
  link.delivery = Delivery::kUnreliable;
  link.loss = 0.1;
  link.bulk_lanes = GENERATE(size_t{1}, size_t{4});
  Simulation sim(1, link);
  sim.Connect();
  const TransferId id = sim.Send(sim.a(), sim.Files({8'000'000}));
  REQUIRE(sim.RunUntil([&sim] { return BothDone(sim); }));
  CHECK(sim.Delivered(sim.a(), sim.b(), id));
}

TEST_CASE("every chunk size crosses with every scheduler, and lanes in turn are all used") {
  LinkOptions link;
  link.bulk_lanes = 4;
  SessionOptions options = Patient();
  options.scheduler = GENERATE(Scheduler::kEarliestCompletion, Scheduler::kRoundRobin);
  options.chunks =
      FixedChunks(GENERATE(size_t{16}, size_t{256}, size_t{1024}, size_t{4096}) * 1024);
  Simulation sim(2, link, {}, options);
  sim.Connect();
  const TransferId id = sim.Send(sim.a(), sim.Files({12'000'000}));
  REQUIRE(sim.RunUntil([&sim] { return BothDone(sim); }));
  CHECK(sim.Delivered(sim.a(), sim.b(), id));
  for (const auto& [lane_id, lane] : sim.a().session->lanes()) {
    CHECK(
        (lane.counters().records_sent > 5 || options.scheduler == Scheduler::kEarliestCompletion));
  }
}

TEST_CASE("a lane that closes is relieved by the others at once") {
  LinkOptions link;
  link.bulk_lanes = 3;
  Simulation sim(3, link, {}, Patient());
  sim.Connect();
  const TransferId id = sim.Send(sim.a(), sim.Files({20'000'000}));
  REQUIRE(sim.RunUntil([&] { return Received(sim, id) > 3'000'000; }));
  sim.CloseLane(sim.BulkLanes().front());
  REQUIRE(sim.RunUntil([&sim] { return BothDone(sim); }, Duration::Seconds(5)));
  CHECK(sim.Delivered(sim.a(), sim.b(), id));
}

TEST_CASE("a lane that stalls without closing is relieved within seconds") {
  LinkOptions link;
  link.bulk_lanes = 3;
  Simulation sim(4, link, {}, Patient());
  sim.Connect();
  const TransferId id = sim.Send(sim.a(), sim.Files({20'000'000}));
  REQUIRE(sim.RunUntil([&] { return Received(sim, id) > 3'000'000; }));
  sim.StallLane(sim.BulkLanes().front());
  REQUIRE(sim.RunUntil([&sim] { return BothDone(sim); }, Duration::Seconds(5)));
  CHECK(sim.Delivered(sim.a(), sim.b(), id));
}

TEST_CASE("the only lane may close and come back, or the session ends as lane-closed") {
  LinkOptions link;
  const bool comes_back = GENERATE(true, false);
  if (comes_back) link.reopen_after = Duration::Seconds(3);
  Simulation sim(5, link, {}, Patient());
  sim.Connect();
  const TransferId id = sim.Send(sim.a(), sim.Files({20'000'000}));
  REQUIRE(sim.RunUntil([&] { return Received(sim, id) > 3'000'000; }));
  sim.CloseLane(LaneId(1));
  sim.RunFor(Duration::Seconds(20));
  if (comes_back) {
    CHECK(sim.Delivered(sim.a(), sim.b(), id));
  } else {
    CHECK(sim.a().CodeOf(EventType::kFailed) == "lane-closed");
    CHECK(sim.b().CodeOf(EventType::kFailed) == "lane-closed");
  }
}

TEST_CASE("a broken connection is taken up again under new keys, as often as it breaks") {
  LinkOptions link;
  link.bulk_lanes = 2;
  link.reconnect_after = Duration::Seconds(2);
  Simulation sim(6, link, {}, Patient());
  sim.Connect();
  const TransferId id = sim.Send(sim.a(), sim.Files({20'000'000, 0, 5}));
  for (const uint64_t mark : {uint64_t{1}, uint64_t{5'000'000}, uint64_t{15'000'000}}) {
    REQUIRE(sim.RunUntil([&] { return Received(sim, id) >= mark; }));
    sim.BreakConnection();
  }
  REQUIRE(sim.RunUntil([&sim] { return BothDone(sim); }));
  CHECK(sim.Delivered(sim.a(), sim.b(), id));
  CHECK(sim.a().Count(EventType::kDisconnected) == 3);
  CHECK(sim.a().Count(EventType::kReconnected) == 3);
  CHECK(sim.b().Count(EventType::kReconnected) == 3);
}

TEST_CASE("messages arrive exactly once and in order, as often as the connection breaks") {
  const uint64_t seed = GENERATE(range(uint64_t{1}, uint64_t{9}));
  LinkOptions link;
  link.bytes_per_second = 2'000'000;
  link.jitter = Duration::Millis(10);
  link.pulse_loss = 0.3;  // Acknowledgements get lost.
  link.reconnect_after = Duration::Seconds(1);
  Simulation sim(seed, link, {}, Patient());
  sim.Connect();
  constexpr uint32_t kMessages = 400;
  // The number, and as many bytes after it.
  const auto send = [&sim](testing::SimPeer& from, uint32_t number) {
    const size_t most = number % 20 == 0 ? kMaxAppMessageBytes - 4 : 100;
    std::vector<uint8_t> message(4 + sim.random().Between(0, most), static_cast<uint8_t>(number));
    std::memcpy(message.data(), &number, 4);
    from.session->Message(message, sim.now());
  };
  for (uint32_t number = 0; number < kMessages; ++number) {
    sim.Schedule(Duration::Millis(20 * number), [&send, &sim, number] {
      send(sim.a(), number);
      send(sim.b(), number);
    });
  }
  for (int64_t at = 1; at < 8; at += 2) {
    const auto later = Duration::Millis(1'000 * at + static_cast<int64_t>(seed) * 77);
    sim.Schedule(later, [&sim] { sim.BreakConnection(); });
  }
  sim.RunFor(Duration::Seconds(30));
  for (const testing::SimPeer* peer : {&sim.a(), &sim.b()}) {
    CHECK(peer->Count(EventType::kReconnected) == 4);
    std::vector<uint32_t> numbers;
    for (const Event& event : peer->events) {
      if (event.type != EventType::kMessage) continue;
      numbers.emplace_back();
      std::memcpy(&numbers.back(), event.bytes.data(), 4);
      const auto filling = static_cast<uint8_t>(numbers.back());
      CHECK(std::all_of(event.bytes.begin() + 4, event.bytes.end(),
                        [filling](uint8_t byte) { return byte == filling; }));
    }
    std::vector<uint32_t> expected(kMessages);
    std::iota(expected.begin(), expected.end(), 0);
    CHECK(numbers == expected);
    CHECK(peer->session->control_bytes_waiting() == 0);
  }
}

TEST_CASE("what waits for the control lane is told, also while there is no connection") {
  LinkOptions link;
  link.reconnect_after = Duration::Seconds(1);
  Simulation sim(6, link, {}, Patient());
  sim.Connect();
  sim.RunFor(Duration::Seconds(1));
  CHECK(sim.a().session->control_bytes_waiting() == 0);
  sim.BreakConnection();
  for (size_t messages = 1; messages <= 3; ++messages) {
    sim.a().session->Message(std::vector<uint8_t>(10'000, 1), sim.now());
    const size_t waiting = sim.a().session->control_bytes_waiting();
    CHECK(waiting > messages * 10'000);
    CHECK(waiting < messages * 10'010);
  }
  sim.RunFor(Duration::Seconds(5));
  CHECK(sim.a().session->control_bytes_waiting() == 0);
  CHECK(sim.b().Count(EventType::kMessage) == 3);
}

TEST_CASE(
    "an offer, an answer and a receipt that a broken connection took with it arrive after all") {
  LinkOptions link;
  link.one_way_delay = Duration::Millis(50);
  link.reconnect_after = Duration::Millis(500);
  // The moment of the break, over the whole of a short transfer.
  const int64_t moment = GENERATE(1, 30, 60, 90, 120, 150, 180, 210, 240, 270, 300);
  Simulation sim(7, link, {}, Patient());
  sim.Connect();
  const TransferId id = sim.Send(sim.a(), sim.Files({50'000, 0}));
  sim.RunFor(Duration::Millis(moment));
  sim.BreakConnection();
  REQUIRE(sim.RunUntil([&sim] { return BothDone(sim); }));
  CHECK(sim.Delivered(sim.a(), sim.b(), id));
  CHECK(sim.a().Count(EventType::kDone) == 1);
  CHECK(sim.b().Count(EventType::kDone) == 1);
}

TEST_CASE("a connection may be away for longer than its lanes may stand still") {
  LinkOptions link;
  link.reconnect_after = Duration::Seconds(70);
  SessionOptions options = Patient();
  options.reconnect_timeout = Duration::Seconds(90);
  Simulation sim(25, link, {}, options);
  sim.Connect();
  const TransferId id = sim.Send(sim.a(), sim.Files({20'000'000}));
  REQUIRE(sim.RunUntil([&] { return Received(sim, id) > 1'000'000; }));
  sim.BreakConnection();
  REQUIRE(sim.RunUntil([&sim] { return BothDone(sim); }));
  CHECK(sim.Delivered(sim.a(), sim.b(), id));
}

TEST_CASE("a connection that does not come back ends as connection-lost") {
  Simulation sim(8, {}, {}, Patient());
  sim.Connect();
  sim.Send(sim.a(), sim.Files({20'000'000}));
  sim.RunFor(Duration::Millis(500));
  sim.BreakConnection();
  sim.RunFor(Duration::Seconds(59));
  CHECK_FALSE(sim.a().session->closed());
  sim.RunFor(Duration::Seconds(2));
  CHECK(sim.a().CodeOf(EventType::kFailed) == "connection-lost");
  CHECK(sim.b().CodeOf(EventType::kFailed) == "connection-lost");
}

TEST_CASE("a handshake that ended for one side only does not part the two") {
  LinkOptions link;
  link.reconnect_after = Duration::Millis(500);
  Simulation sim(GENERATE(uint64_t{14}, uint64_t{15}), link, {}, Patient());
  sim.Connect();
  const TransferId id = sim.Send(sim.a(), sim.Files({20'000'000}));
  REQUIRE(sim.RunUntil([&] { return Received(sim, id) > 1'000'000; }));
  // The last message of the handshake does not arrive before the connection breaks again.
  std::optional<size_t> silenced;
  sim.tamper = [&silenced](size_t from, LaneId, const std::vector<uint8_t>& message) {
    const bool confirms = message[0] == static_cast<uint8_t>(RecordKind::kHandshake) &&
                          message[1] == static_cast<uint8_t>(HandshakeType::kConfirm);
    if (confirms) silenced = from;
    return from != silenced;
  };
  sim.BreakConnection();
  sim.RunFor(Duration::Millis(800));
  REQUIRE(silenced);
  CHECK(sim.a().session->connected() == (silenced == 0));
  CHECK(sim.b().session->connected() == (silenced == 1));
  sim.tamper = nullptr;
  sim.BreakConnection();
  REQUIRE(sim.RunUntil([&sim] { return BothDone(sim); }));
  CHECK(sim.Delivered(sim.a(), sim.b(), id));
}

TEST_CASE("the only lane goes on when all that it carried is lost") {
  LinkOptions link;
  link.delivery = Delivery::kUnreliable;
  link.one_way_delay = Duration::Millis(68);
  Simulation sim(17, link, {}, Patient());
  sim.Connect();
  const TransferId id = sim.Send(sim.a(), sim.Files({8'000'000}));
  REQUIRE(sim.RunUntil([&] { return Received(sim, id) > 60'000; }));
  sim.tamper = [](size_t, LaneId lane, std::vector<uint8_t>&) {
    return IsOfControlConnection(lane);
  };
  sim.RunFor(Duration::Seconds(3));
  sim.tamper = nullptr;
  CHECK(sim.RunUntil([&sim] { return BothDone(sim); }, Duration::Seconds(60)));
  CHECK(sim.Delivered(sim.a(), sim.b(), id));
}

TEST_CASE("a transfer ends though the acknowledgements of its last bytes are lost") {
  LinkOptions link;
  link.bulk_lanes = GENERATE(size_t{1}, size_t{2});
  link.delivery = GENERATE(Delivery::kReliable, Delivery::kUnreliable);
  Simulation sim(18, link, {}, Patient());
  sim.Connect();
  const TransferId id = sim.Send(sim.a(), sim.Files({3'000'000}));
  size_t dropped = 0;
  sim.tamper = [&](size_t from, LaneId lane, std::vector<uint8_t>&) {
    const bool drops = from == 1 && lane == kPulseLane && Received(sim, id) > 2'500'000;
    dropped += drops ? 1 : 0;
    return !drops;
  };
  REQUIRE(sim.RunUntil([&sim] { return sim.b().Count(EventType::kDone) == 1; }));
  CHECK(dropped > 0);
  sim.RunFor(Duration::Seconds(1));
  sim.tamper = nullptr;
  CHECK(sim.RunUntil([&sim] { return BothDone(sim); }, Duration::Seconds(5)));
  CHECK(sim.RunUntil([&sim] { return sim.a().session->send_pool_used() == 0; },
                     Duration::Seconds(5)));
  CHECK(sim.Delivered(sim.a(), sim.b(), id));
}

TEST_CASE("a peer that is asked for a sign of life gives one, or the connection counts as lost") {
  Simulation sim(15, {}, {}, Patient());
  sim.Connect();
  sim.a().session->CheckPeer(sim.now());
  sim.RunFor(Duration::Seconds(4));
  CHECK(sim.a().session->connected());
  sim.tamper = [](size_t, LaneId, std::vector<uint8_t>&) { return false; };
  sim.a().session->CheckPeer(sim.now());
  sim.RunFor(Duration::Millis(1900));
  CHECK(sim.a().session->connected());
  sim.RunFor(Duration::Millis(200));
  CHECK_FALSE(sim.a().session->connected());
  CHECK(sim.a().Count(EventType::kDisconnected) == 1);
}

TEST_CASE("during a transfer, a silence of the peer is reported once, and so is its end") {
  Simulation sim(16, {}, {}, Patient());
  sim.Connect();
  const bool transfers = GENERATE(true, false);
  if (transfers) {
    const TransferId id = sim.Send(sim.a(), sim.Files({20'000'000}));
    REQUIRE(sim.RunUntil([&] { return Received(sim, id) > 1'000'000; }));
  }
  sim.tamper = [](size_t, LaneId, std::vector<uint8_t>&) { return false; };
  sim.RunFor(Duration::Millis(1400));
  CHECK(sim.a().Count(EventType::kSilent) == 0);
  sim.RunFor(Duration::Millis(1300));
  for (testing::SimPeer* side : {&sim.a(), &sim.b()}) {
    CHECK(side->session->connected());
    CHECK(side->Count(EventType::kSilent) == (transfers ? 1 : 0));
  }
  sim.tamper = nullptr;
  sim.RunFor(Duration::Seconds(1));
  for (testing::SimPeer* side : {&sim.a(), &sim.b()}) {
    CHECK(side->Count(EventType::kSilent) == (transfers ? 2 : 0));
  }
}

TEST_CASE("messages that were under way already are no sign of life") {
  LinkOptions link;
  link.one_way_delay = Duration::Millis(900);
  link.bytes_per_second = 500'000;
  Simulation sim(25, link, {}, Patient());
  sim.Connect();
  sim.Send(sim.b(), sim.Files({50'000'000}));
  sim.RunFor(Duration::Seconds(10));
  sim.a().session->CheckPeer(sim.now());
  sim.RunFor(Duration::Seconds(3));
  REQUIRE(sim.a().session->connected());
  // From now on only what has left before arrives, for 0.9 s more.
  sim.tamper = [](size_t, LaneId, std::vector<uint8_t>&) { return false; };
  sim.a().session->CheckPeer(sim.now());
  sim.RunFor(Duration::Millis(2050));
  CHECK_FALSE(sim.a().session->connected());
}

TEST_CASE("a session ends when no data channel has moved for a minute, though the peer is there") {
  Simulation sim(29, {}, {}, Patient());
  sim.Connect();
  const TransferId id = sim.Send(sim.a(), sim.Files({20'000'000}));
  REQUIRE(sim.RunUntil([&] { return Received(sim, id) > 1'000'000; }));
  for (const LaneId lane : sim.BulkLanes()) sim.StallLane(lane);
  sim.RunFor(Duration::Millis(59'500));
  CHECK_FALSE(sim.a().session->closed());
  CHECK(sim.a().session->connected());
  sim.RunFor(Duration::Seconds(1));
  CHECK(sim.a().CodeOf(EventType::kClosed) == "timeout");
  CHECK(sim.b().CodeOf(EventType::kClosed) == "timeout");
}

TEST_CASE("unreliable lanes that lose more than 5 % are reported, once; others are not") {
  LinkOptions link;
  link.delivery = Delivery::kUnreliable;
  const double loss = GENERATE(0.01, 0.2);
  link.loss = loss;
  link.bulk_lanes = 2;
  SessionOptions options = Patient();
  options.chunks = FixedChunks(16 * 1024);
  Simulation sim(16, link, {}, options);
  sim.Connect();
  sim.Send(sim.a(), sim.Files({40'000'000}));
  REQUIRE(sim.RunUntil([&sim] { return BothDone(sim); }));
  CHECK(sim.a().Count(EventType::kLossy) == (loss > 0.05 ? 1 : 0));
  CHECK(sim.b().Count(EventType::kLossy) == 0);
}

TEST_CASE("records grow again, and the loss is forgotten, once reliable lanes take over") {
  LinkOptions link;
  link.delivery = Delivery::kUnreliable;
  link.loss = 0.2;
  link.bulk_lanes = 2;
  link.reopen_after = Duration::Millis(100);
  SessionOptions options = Patient();
  options.chunks = FixedChunks(256 * 1024);
  Simulation sim(26, link, {}, options);
  sim.Connect();
  sim.Send(sim.a(), sim.Files({60'000'000}));
  size_t longest = 0;
  sim.tamper = [&](size_t, LaneId lane, std::vector<uint8_t>& message) {
    if (!IsOfControlConnection(lane)) longest = std::max(longest, message.size());
    return true;
  };
  REQUIRE(sim.RunUntil([&sim] { return sim.a().Count(EventType::kLossy) == 1; }));
  CHECK(longest <= kMinMessageBytes);
  CHECK(*sim.a().session->loss() > 0.05);
  sim.SetDelivery(Delivery::kReliable);
  for (const LaneId lane : sim.BulkLanes()) sim.CloseLane(lane);
  REQUIRE(sim.RunUntil([&sim] { return BothDone(sim); }));
  CHECK(longest > 2 * kMinMessageBytes);
  CHECK_FALSE(sim.a().session->loss());
}

TEST_CASE("a new connection is measured anew: rate, round trip and the peer's clock") {
  LinkOptions link;
  link.one_way_delay = Duration::Millis(5);
  link.reconnect_after = Duration::Seconds(1);
  SessionOptions options = Patient();
  options.most_bytes_per_second = 5'000'000;
  Simulation sim(27, link, {}, options);
  const RateController fresh;
  sim.Connect();
  const TransferId id = sim.Send(sim.a(), sim.Files({20'000'000}));
  REQUIRE(sim.RunUntil([&] { return Received(sim, id) > 5'000'000; }));
  const Session& session = *sim.a().session;
  REQUIRE(session.flow().KnowsRoundTrip());
  REQUIRE(session.round_trip().smoothed());
  REQUIRE(session.flow().rate().pacing_bytes_per_second() > fresh.pacing_bytes_per_second());
  sim.BreakConnection();
  REQUIRE(sim.RunUntil([&sim] { return sim.a().Count(EventType::kReconnected) == 1; }));
  CHECK_FALSE(session.flow().KnowsRoundTrip());
  CHECK(session.flow().min_round_trip() == Duration());
  CHECK_FALSE(session.round_trip().smoothed());
  CHECK(session.flow().rate().pacing_bytes_per_second() <= fresh.pacing_bytes_per_second());
  // The user's limit is none of the path's.
  double fastest = 0;
  CHECK(sim.RunUntil([&] {
    fastest = std::max(fastest, session.flow().rate().pacing_bytes_per_second());
    return BothDone(sim);
  }));
  CHECK(fastest <= 5'000'000);
}

TEST_CASE("a long manifest is not taken for a queue of the link") {
  LinkOptions link;
  link.bytes_per_second = 200'000;
  Simulation sim(28, link);
  sim.Connect();
  REQUIRE(sim.RunUntil([&sim] { return sim.a().session->flow().KnowsRoundTrip(); }));
  // Some 100 kB, which the control lane takes half a second for.
  const std::string folder(180, 'd');
  std::vector<FileInfo> files;
  for (int i = 0; i < 500; ++i) {
    files.push_back(FileInfo{10, 0, folder + "/" + std::to_string(i), ""});
  }
  sim.b().accepts = false;
  sim.Send(sim.a(), sim.Files({200'000}));
  sim.a().session->Offer(files, {}, sim.now());
  const Session& session = *sim.a().session;
  Duration longest;
  sim.RunUntil(
      [&] {
        longest = std::max(longest, session.flow().rate().queue_delay().newest_queue());
        return false;
      },
      Duration::Seconds(3));
  CHECK(longest < Duration::Millis(30));
  CHECK(session.round_trip().smoothed() < Duration::Millis(60));
}

TEST_CASE("a lane may come in any order, but never under a number that was there before") {
  Simulation sim(18, {}, {}, Patient());
  sim.Connect();
  Session& session = *sim.a().session;
  session.OpenLane(LaneId(9), kMaxMessageBytes, Delivery::kReliable, sim.now());
  session.OpenLane(LaneId(5), kMaxMessageBytes, Delivery::kReliable, sim.now());
  session.CloseLane(LaneId(9), sim.now());
  CHECK_FALSE(session.closed());
  session.OpenLane(LaneId(9), kMaxMessageBytes, Delivery::kReliable, sim.now());
  CHECK(session.closed());
}

TEST_CASE("a session whose lanes never open ends as lane-closed") {
  LinkOptions link;
  link.bulk_lanes = 0;
  Simulation sim(17, link, {}, Patient());
  sim.Connect();
  sim.Send(sim.a(), sim.Files({10}));
  sim.RunFor(Duration::Seconds(16));
  CHECK(sim.a().CodeOf(EventType::kFailed) == "lane-closed");
  CHECK(sim.b().CodeOf(EventType::kFailed) == "lane-closed");
}

TEST_CASE("a session that waits for a lane blames the connection while the peer is silent") {
  LinkOptions link;
  link.bulk_lanes = 0;
  Simulation sim(24, link, {}, Patient());
  sim.Connect();
  sim.RunFor(Duration::Seconds(8));
  sim.tamper = [](size_t, LaneId, std::vector<uint8_t>&) { return false; };
  sim.RunFor(Duration::Seconds(9));
  for (const testing::SimPeer* peer : {&sim.a(), &sim.b()}) {
    CHECK_FALSE(peer->session->closed());
    CHECK(peer->Count(EventType::kDisconnected) == 1);
  }
}

TEST_CASE("a control or pulse lane that stands still is replaced, though bulk goes both ways") {
  const bool control_stalls = GENERATE(true, false);
  const bool pulse_stalls = GENERATE(true, false);
  if (!control_stalls && !pulse_stalls) return;
  LinkOptions link;
  link.reconnect_after = Duration::Seconds(1);
  Simulation sim(14, link, {}, Patient());
  sim.Connect();
  const TransferId there = sim.Send(sim.a(), sim.Files({20'000'000}));
  const TransferId back = sim.Send(sim.b(), sim.Files({20'000'000}));
  REQUIRE(sim.RunUntil([&] { return Received(sim, there) > 3'000'000; }));
  if (control_stalls) sim.StallLane(kControlLane);
  if (pulse_stalls) sim.StallLane(kPulseLane);
  sim.RunFor(Duration::Seconds(40));
  CHECK(sim.a().Count(EventType::kReconnected) == 1);
  CHECK(sim.Delivered(sim.a(), sim.b(), there));
  CHECK(sim.Delivered(sim.b(), sim.a(), back));
}

TEST_CASE("what an earlier attempt left is hashed, not sent again") {
  Simulation sim(9);
  sim.b().existing_leaves = GENERATE(uint64_t{1}, uint64_t{100}, uint64_t{10'000});
  sim.Connect();
  const uint64_t size = 5'000'000;
  const TransferId id = sim.Send(sim.a(), sim.Files({size}));
  REQUIRE(sim.RunUntil([&sim] { return BothDone(sim); }));
  CHECK(sim.Delivered(sim.a(), sim.b(), id));
  const uint64_t existing = std::min(size, sim.b().existing_leaves * kLeafBytes);
  const uint64_t sent = sim.a().session->lanes().at(LaneId(1)).counters().bytes_sent;
  CHECK(sent >= size - existing);
  CHECK(sent <= (size - existing) + (size - existing) / 100);
}

TEST_CASE("an earlier attempt that left more ranges than one frame holds is all counted") {
  Simulation sim(11);
  sim.Connect();
  sim.b().accepts = false;
  constexpr uint64_t kRanges = 2 * kMaxAckRanges + 1;
  const TransferId id = sim.Send(sim.a(), sim.Files({2 * kRanges * kLeafBytes}));
  REQUIRE(sim.RunUntil([&sim] { return sim.b().Find(EventType::kOffer) != nullptr; }));
  sim.b().sinks[id].resize(1);
  std::vector<uint8_t> leaf(kLeafBytes);
  for (uint64_t i = 0; i < kRanges; ++i) {
    const uint64_t offset = 2 * i * kLeafBytes;
    sim.a().sources[id][0].Fill(offset, leaf);
    sim.b().session->AddExisting(id, FileIndex(0), offset, leaf);
    sim.b().sinks[id][0].written.Insert(offset, offset + kLeafBytes);
  }
  sim.b().session->Accept(id, sim.now());
  REQUIRE(sim.RunUntil([&sim] { return BothDone(sim); }));
  CHECK(sim.Delivered(sim.a(), sim.b(), id));
  const uint64_t sent = sim.a().session->lanes().at(LaneId(1)).counters().bytes_sent;
  CHECK(sent >= kRanges * kLeafBytes);
  CHECK(sent <= kRanges * kLeafBytes + kRanges * kLeafBytes / 50);
}

TEST_CASE("an earlier attempt that holds other bytes is found out by its root") {
  Simulation sim(10);
  sim.Connect();
  sim.b().accepts = false;
  const TransferId id = sim.Send(sim.a(), sim.Files({100'000}));
  REQUIRE(sim.RunUntil([&sim] { return sim.b().Find(EventType::kOffer) != nullptr; }));
  sim.b().sinks[id].resize(1);
  const std::vector<uint8_t> stale(kLeafBytes, 0);
  sim.b().session->AddExisting(id, FileIndex(0), 0, stale);
  sim.b().session->Accept(id, sim.now());
  sim.RunFor(Duration::Seconds(5));
  CHECK(sim.a().CodeOf(EventType::kFailed) == "hash-mismatch");
  CHECK(sim.b().CodeOf(EventType::kFailed) == "hash-mismatch");
  CHECK(sim.b().Count(EventType::kFileReceived) == 0);
}

TEST_CASE("a full disk fails its transfer with out-of-space and spares the other one") {
  Simulation sim(11);
  sim.Connect();
  const TransferId first = sim.Send(sim.a(), sim.Files({3'000'000}));
  const TransferId back = sim.Send(sim.b(), sim.Files({3'000'000}));
  sim.b().disk_room = 1'000'000;
  sim.RunFor(Duration::Seconds(10));
  CHECK(sim.a().CodeOf(EventType::kFailed) == "out-of-space");
  CHECK_FALSE(sim.Delivered(sim.a(), sim.b(), first));
  CHECK(sim.Delivered(sim.b(), sim.a(), back));
}

TEST_CASE("a peer that abuses HAVE, RESUME or the end of a stream is told so") {
  const auto code_after = [](const std::vector<Frame>& frames, bool accepted) {
    HostilePeer peer(12);
    const TransferId id = peer.victim().Offer({FileInfo{100'000, 0, "f", ""}}, {}, peer.now());
    peer.Drain();
    if (accepted) peer.SendFrame(kControlLane, AcceptFrame{id});
    for (Frame frame : frames) {
      if (auto* have = std::get_if<HaveFrame>(&frame)) have->transfer = id;
      peer.SendFrame(kControlLane, frame);
    }
    return peer.CloseCode();
  };
  const auto have = [](uint64_t begin, uint64_t end, uint32_t file = 0) {
    HaveFrame frame{{}, FileIndex(file), {}, 1};
    frame.ranges[0] = Range{begin, end};
    return frame;
  };
  CHECK(code_after({have(0, kLeafBytes)}, false).empty());
  CHECK(code_after({have(98'304, 100'000)}, false).empty());
  CHECK(code_after({have(0, kLeafBytes)}, true) == "protocol-violation");
  CHECK(code_after({have(0, 1000)}, false) == "protocol-violation");
  CHECK(code_after({have(0, 7 * kLeafBytes)}, false) == "protocol-violation");
  CHECK(code_after({have(0, kLeafBytes, 1)}, false) == "protocol-violation");
  CHECK(code_after({ResumeFrame{0}}, false) == "protocol-violation");
}

TEST_CASE("data past the end that a stream has shown is a violation") {
  const std::vector<uint8_t> payload(3 * kLeafBytes, 1);
  const auto code_after = [&payload](const std::vector<std::pair<uint64_t, size_t>>& parts) {
    HostilePeer peer(13);
    const TransferId id = peer.OwnTransfer(0);
    const std::vector<uint8_t> entries =
        testing::EncodeEntries({FileEntry{std::nullopt, 0, "stream", ""}});
    peer.SendFrame(kControlLane, ManifestFrame{id, {}, 1, 0, 1, entries});
    peer.victim().Accept(id, peer.now());
    peer.Drain();
    for (const auto& [offset, length] : parts) {
      peer.SendFrame(HostilePeer::kBulk,
                     DataFrame{id, FileIndex(0), offset, ByteView(payload).first(length)});
    }
    return peer.CloseCode();
  };
  CHECK(code_after({{0, kLeafBytes}, {kLeafBytes, 10}}).empty());
  CHECK(code_after({{kLeafBytes, 10}, {0, kLeafBytes}}).empty());
  CHECK(code_after({{0, 10}, {kLeafBytes, kLeafBytes}}) == "protocol-violation");
  CHECK(code_after({{kLeafBytes, kLeafBytes}, {0, 10}}) == "protocol-violation");
  CHECK(code_after({{0, 10}, {0, 20}}) == "protocol-violation");
}

}  // namespace
}  // namespace millrace
