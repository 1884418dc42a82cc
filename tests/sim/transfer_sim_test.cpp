// Random transfers over random links with random faults, each from one seed: every run ends, before
// its deadline, with every byte delivered once and proven on both sides, or with a typed error on
// both.
//
// MILLRACE_SIM_SEEDS: how many seeds to run. MILLRACE_SIM_SEED: run just this one.

#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <string>
#include <vector>

#include "support/simulation.h"

namespace millrace {
namespace {

using testing::DiskOptions;
using testing::LinkOptions;
using testing::Random;
using testing::SimFile;
using testing::SimPeer;
using testing::Simulation;

uint64_t NumberFrom(const char* name, uint64_t fallback) {
  const char* text = std::getenv(name);
  return text == nullptr ? fallback : std::strtoull(text, nullptr, 10);
}

Duration RandomDuration(Random& random, Duration most) {
  return Duration::Micros(
      static_cast<int64_t>(random.Below(static_cast<uint64_t>(most.micros()) + 1)));
}

uint64_t RandomSize(Random& random) {
  constexpr uint64_t kChunk = 256 * 1024;
  switch (random.Below(5)) {
    case 0:
      return random.Below(3);
    case 1:
      return kLeafBytes - 1 + random.Below(3);
    case 2:
      return kChunk - 1 + random.Below(3);
    default:
      return random.Below(3'000'000);
  }
}

std::vector<SimFile> RandomFiles(Simulation& sim, Random& random) {
  std::vector<uint64_t> sizes(random.Between(1, 4));
  for (uint64_t& size : sizes) size = RandomSize(random);
  std::vector<SimFile> files = sim.Files(sizes);
  for (SimFile& file : files) file.is_stream = random.Chance(0.2);
  return files;
}

LinkOptions RandomLink(Random& random) {
  LinkOptions link;
  link.one_way_delay = RandomDuration(random, Duration::Millis(300));
  link.jitter = RandomDuration(random, Duration::Millis(100));
  link.bytes_per_second = random.Between(500'000, 50'000'000);
  link.bulk_lanes = random.Between(1, 4);
  if (random.Chance(0.5)) link.delivery = Delivery::kUnreliable;
  // The loss of messages: up to what 30 % of packets would be for messages of one packet.
  if (random.Chance(0.6)) link.loss = static_cast<double>(random.Below(300)) / 1000.0;
  if (random.Chance(0.3)) link.duplication = static_cast<double>(random.Below(100)) / 1000.0;
  if (random.Chance(0.8)) link.reopen_after = RandomDuration(random, Duration::Seconds(3));
  if (random.Chance(0.8)) link.reconnect_after = RandomDuration(random, Duration::Seconds(10));
  return link;
}

SessionOptions RandomSession(Random& random) {
  constexpr size_t kChunks[] = {16, 64, 128, 256, 1024, 4096};
  SessionOptions options;
  options.chunk_bytes = kChunks[random.Below(6)] * 1024;
  options.reconnect_timeout = Duration::Seconds(60);
  options.lane_timeout = Duration::Seconds(15);
  if (random.Chance(0.5)) options.scheduler = Scheduler::kRoundRobin;
  return options;
}

enum class Fault {
  kCancel,
  kLaneCloses,
  kLaneStalls,
  kConnectionBreaks,
  kBlackout,
  kRateChanges,
  kBentRecord,
  kSilence,
  kDiskFull,
  kClockJumps,
  kPause,
  kSourceShrinks,
};
constexpr uint64_t kFaults = 12;

// Whether every transfer still has to arrive after such a fault.
bool IsSurvivable(Fault fault, const LinkOptions& link) {
  switch (fault) {
    case Fault::kLaneCloses:
      return link.reopen_after.has_value();
    case Fault::kConnectionBreaks:
      return link.reconnect_after.has_value();
    case Fault::kLaneStalls:
      return link.bulk_lanes > 1;
    case Fault::kBlackout:
    case Fault::kRateChanges:
    case Fault::kPause:
      return true;
    default:
      return false;
  }
}

SimPeer& Either(Simulation& sim) { return sim.random().Chance(0.5) ? sim.a() : sim.b(); }

void Strike(Simulation& sim, Fault fault, TransferId id, const LinkOptions& link) {
  const std::vector<LaneId> lanes = sim.BulkLanes();
  switch (fault) {
    case Fault::kCancel:
      return Either(sim).session->Fail(id, ErrorCode::kCancelled, "", sim.now());
    case Fault::kLaneCloses:
      if (!lanes.empty()) sim.CloseLane(lanes[sim.random().Below(lanes.size())]);
      return;
    case Fault::kLaneStalls:
      // One of several: when all stand still, nothing can be done but wait.
      if (lanes.size() > 1) sim.StallLane(lanes.front());
      return;
    case Fault::kConnectionBreaks:
      return sim.BreakConnection();
    case Fault::kBlackout:
      // Shorter than what counts as the end of the peer.
      return sim.Blackout(Duration::Seconds(static_cast<int64_t>(sim.random().Between(2, 20))));
    case Fault::kRateChanges: {
      const uint64_t rate = link.bytes_per_second;
      return sim.SetRate(sim.random().Chance(0.5) ? rate * 10 : rate / 10);
    }
    case Fault::kBentRecord:
      sim.tamper = [struck = false](size_t, LaneId, std::vector<uint8_t>& message) mutable {
        if (!struck) message[message.size() / 2] ^= 4;
        struck = true;
        return true;
      };
      return;
    case Fault::kSilence:
      sim.tamper = [](size_t, LaneId, std::vector<uint8_t>&) { return false; };
      return;
    case Fault::kDiskFull:
      sim.b().disk_room = sim.random().Below(500'000);
      return;
    case Fault::kClockJumps:
      return sim.JumpClock(RandomDuration(sim.random(), Duration::Seconds(20)));
    case Fault::kPause: {
      Session& session = *Either(sim).session;
      session.SetPaused(id, true, sim.now());
      sim.RunFor(RandomDuration(sim.random(), Duration::Seconds(5)));
      return session.SetPaused(id, false, sim.now());
    }
    case Fault::kSourceShrinks:
      for (SimFile& file : sim.a().sources[id]) {
        if (!file.is_stream) file.shrunk_to = file.size / 2;
      }
      return;
  }
}

size_t Ended(const SimPeer& peer) {
  return peer.Count(EventType::kDone) + peer.Count(EventType::kFailed);
}

void RunSeed(uint64_t seed) {
  Random random(seed);
  const LinkOptions link = RandomLink(random);
  DiskOptions disk;
  if (random.Chance(0.3)) disk.read_delay = RandomDuration(random, Duration::Millis(50));
  if (random.Chance(0.3)) disk.write_delay = RandomDuration(random, Duration::Millis(200));
  Simulation sim(random.Next(), link, disk, RandomSession(random));
  if (random.Chance(0.2)) sim.b().existing_leaves = random.Below(40);
  sim.Connect();
  REQUIRE(sim.a().session->established());

  const TransferId there = sim.Send(sim.a(), RandomFiles(sim, random));
  size_t transfers = 1;
  if (random.Chance(0.4)) {
    sim.Send(sim.b(), RandomFiles(sim, random));
    ++transfers;
  }
  const auto ended = [&] { return Ended(sim.a()) >= transfers && Ended(sim.b()) >= transfers; };
  bool survivable = true;
  const uint64_t faults = random.Chance(0.3) ? 0 : random.Between(1, 3);
  for (uint64_t i = 0; i < faults; ++i) {
    sim.RunUntil(ended, RandomDuration(random, Duration::Seconds(2)));
    if (ended()) break;
    const auto fault = static_cast<Fault>(random.Below(kFaults));
    survivable = survivable && IsSurvivable(fault, link);
    Strike(sim, fault, there, link);
  }
  sim.RunUntil(ended, Duration::Seconds(1200));

  // A side that never heard of an offer has nothing to end but its session.
  const bool over = sim.a().session->closed() && sim.b().session->closed();
  CHECK((ended() || over));
  CHECK(sim.Sound(sim.a(), sim.b()));
  CHECK(sim.Sound(sim.b(), sim.a()));
  CHECK(sim.a().session->send_pool_used() <= SessionOptions{}.send_pool_bytes);
  if (survivable) {
    CHECK(sim.a().Count(EventType::kDone) == transfers);
    CHECK(sim.b().Count(EventType::kDone) == transfers);
    CHECK(sim.Delivered(sim.a(), sim.b(), there));
  }
}

TEST_CASE("every seed ends with equal bytes or a typed error") {
  const uint64_t only = NumberFrom("MILLRACE_SIM_SEED", 0);
  const uint64_t first = only == 0 ? 1 : only;
  const uint64_t count = only == 0 ? NumberFrom("MILLRACE_SIM_SEEDS", 200) : 1;
  for (uint64_t seed = first; seed < first + count; ++seed) {
    INFO("replay with: scripts/test.sh sim --seed " << seed);
    RunSeed(seed);
  }
}

// Past every 32-bit number. Run by name: it moves 4 GiB.
TEST_CASE("a file of 4 GiB and one byte arrives", "[.large]") {
  LinkOptions link;
  link.bytes_per_second = 1'000'000'000;
  link.bulk_lanes = 2;
  link.jitter = Duration::Millis(2);
  Simulation sim(1, link);
  sim.Connect();
  const TransferId id = sim.Send(sim.a(), sim.Files({(uint64_t{1} << 32) + 1}));
  const bool done = sim.RunUntil(
      [&sim] {
        return sim.a().Count(EventType::kDone) == 1 && sim.b().Count(EventType::kDone) == 1;
      },
      Duration::Seconds(600));
  REQUIRE(done);
  CHECK(sim.Delivered(sim.a(), sim.b(), id));
}

}  // namespace
}  // namespace millrace
