// What a sender is found to have waited for, with one thing slow at a time; and the chunk size of a
// running transfer.

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <numeric>

#include "report/bottleneck.h"
#include "support/simulation.h"

namespace millrace {
namespace {

using testing::DiskOptions;
using testing::LinkOptions;
using testing::Simulation;

// The shares of one transfer, or of its first 20 seconds.
WaitingShares SharesOf(Simulation& sim, uint64_t bytes) {
  sim.Connect();
  sim.Send(sim.a(), sim.Files({bytes}));
  sim.RunUntil([&sim] { return sim.a().Find(EventType::kDone) != nullptr; }, Duration::Seconds(20));
  const std::optional<WaitingShares> shares = sim.a().session->waiting(sim.now());
  REQUIRE(shares);
  CHECK(std::accumulate(shares->begin(), shares->end(), 0.0) == Catch::Approx(1));
  CHECK_FALSE(sim.b().session->waiting(sim.now()));  // It sent nothing.
  return *shares;
}

// What the receiver says of the same.
WaitingShares ReceiverShares(Simulation& sim) {
  const std::optional<WaitingShares> shares = sim.b().session->receive_waiting(sim.now());
  REQUIRE(shares);
  CHECK(std::accumulate(shares->begin(), shares->end(), 0.0) == Catch::Approx(1));
  CHECK_FALSE(sim.a().session->receive_waiting(sim.now()));  // It received nothing.
  return *shares;
}

double Of(const WaitingShares& shares, Waiting waiting) {
  return shares[static_cast<size_t>(waiting)];
}

TEST_CASE("a slow source is what was waited for") {
  DiskOptions disk;
  disk.read_delay = Duration::Seconds(3);
  Simulation sim(1, {}, disk);
  const WaitingShares shares = SharesOf(sim, 8'000'000);
  CHECK(Of(shares, Waiting::kSource) > 0.7);
  CHECK(FindBottleneck({.waiting = shares}) == Bottleneck::kNone);
}

TEST_CASE("slow sealing is what was waited for") {
  DiskOptions disk;
  disk.seal_time = Duration::Millis(40);
  Simulation sim(2, {}, disk);
  const WaitingShares shares = SharesOf(sim, 8'000'000);
  CHECK(Of(shares, Waiting::kSeal) > 0.6);
  CHECK(FindBottleneck({.waiting = shares}) == Bottleneck::kCpu);
}

TEST_CASE("channels with tiny buffers are what was waited for") {
  SessionOptions options;
  options.water_marks = WaterMarks{16 * 1024, 1};
  LinkOptions link;
  link.bytes_per_second = 2'000'000;
  Simulation sim(3, link, {}, options);
  const WaitingShares shares = SharesOf(sim, 20'000'000);
  CHECK(Of(shares, Waiting::kChannel) > 0.6);
  CHECK(FindBottleneck({.waiting = shares}) == Bottleneck::kBackpressure);
}

TEST_CASE("a slow link is what was waited for") {
  LinkOptions link;
  link.bytes_per_second = 500'000;
  Simulation sim(4, link);
  const WaitingShares shares = SharesOf(sim, 5'000'000);
  CHECK(Of(shares, Waiting::kNetwork) > 0.8);
  CHECK(FindBottleneck({.waiting = shares}) == Bottleneck::kNetworkBandwidth);
  CHECK(Of(ReceiverShares(sim), Waiting::kNetwork) > 0.9);
}

TEST_CASE("a slow sink is what was waited for") {
  DiskOptions disk;
  disk.write_delay = Duration::Seconds(4);
  Simulation sim(5, {}, disk);
  const WaitingShares shares = SharesOf(sim, 20'000'000);
  CHECK(Of(shares, Waiting::kSink) > 0.7);
  CHECK(FindBottleneck({.waiting = shares}) == Bottleneck::kBackpressure);
  CHECK(Of(ReceiverShares(sim), Waiting::kSink) > 0.7);
}

TEST_CASE("a pause does not count, and another transfer begins anew") {
  LinkOptions link;
  link.bytes_per_second = 500'000;
  Simulation sim(6, link);
  sim.Connect();
  const TransferId id = sim.Send(sim.a(), sim.Files({3'000'000}));
  sim.RunFor(Duration::Seconds(2));
  sim.a().session->SetPaused(id, true, sim.now());
  sim.RunFor(Duration::Seconds(1));  // What was on its way arrives.
  const WaitingShares receiving = ReceiverShares(sim);
  sim.RunFor(Duration::Seconds(60));
  CHECK(Of(*sim.a().session->waiting(sim.now()), Waiting::kNetwork) > 0.8);
  CHECK(ReceiverShares(sim) == receiving);
  sim.a().session->Fail(id, ErrorCode::kCancelled, "", sim.now());

  sim.SetRate(50'000'000);
  sim.Send(sim.a(), sim.Files({100'000}));
  sim.RunUntil([&sim] { return sim.a().Find(EventType::kDone) != nullptr; });
  const Timestamp done = sim.now();
  const WaitingShares shares = *sim.a().session->waiting(done);
  sim.RunFor(Duration::Seconds(5));
  CHECK(*sim.a().session->waiting(sim.now()) == shares);  // Nothing to do since.
}

TEST_CASE("the chunk size of a running transfer follows the round trip") {
  struct Row {
    int64_t one_way_ms;
    size_t kib;
  };
  for (const Row& row : {Row{1, 256}, Row{15, 128}, Row{40, 64}, Row{75, 32}, Row{200, 16}}) {
    LinkOptions link;
    link.one_way_delay = Duration::Millis(row.one_way_ms);
    Simulation sim(7, link);
    sim.Connect();
    sim.Send(sim.a(), sim.Files({30'000'000}));
    sim.RunFor(Duration::Seconds(2));
    INFO("one way " << row.one_way_ms << " ms");
    CHECK(sim.a().session->chunks().chunk_bytes() == row.kib * 1024);
  }
}

TEST_CASE("losses that the peer has counted move the chunk size, and are the session's loss") {
  LinkOptions link;
  link.one_way_delay = Duration::Millis(1);
  Simulation sim(8, link);
  sim.Connect();
  sim.Send(sim.a(), sim.Files({60'000'000}));
  Session& session = *sim.a().session;
  CHECK_FALSE(session.loss());
  session.OnPacketCounts(1000, 1000, sim.now());
  session.OnPacketCounts(2000, 1940, sim.now());
  CHECK(*session.loss() == Catch::Approx(0.06));
  sim.RunFor(Duration::Seconds(2));
  CHECK(session.chunks().chunk_bytes() == 64 * 1024);
}

TEST_CASE("while all that fits into memory is on its way, the network is what is waited for") {
  LinkOptions link;
  link.one_way_delay = Duration::Millis(400);
  SessionOptions options;
  options.send_pool_bytes = 256 * 1024;
  Simulation sim(9, link, {}, options);
  const WaitingShares shares = SharesOf(sim, 2'000'000);
  CHECK(Of(shares, Waiting::kNetwork) > 0.8);
}

TEST_CASE("the profile of a session follows what its path is made of") {
  const bool cellular = GENERATE(false, true);
  Simulation sim(10);
  sim.Connect();
  sim.a().session->SetPath(!cellular, cellular);
  sim.Send(sim.a(), sim.Files({3'000'000}));
  sim.RunFor(Duration::Seconds(1));
  CHECK((sim.a().session->chunks().profile() == NetworkProfile::kMobile) == cellular);
}

}  // namespace
}  // namespace millrace
