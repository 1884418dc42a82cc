// Random transfers over random links, each from one seed: every run ends with the bytes delivered
// and proven on both sides, or with a typed error on both, before its deadline.
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
using testing::FileBytes;
using testing::LinkOptions;
using testing::Random;
using testing::SimPeer;
using testing::Simulation;

uint64_t NumberFrom(const char* name, uint64_t fallback) {
  const char* text = std::getenv(name);
  return text == nullptr ? fallback : std::strtoull(text, nullptr, 10);
}

size_t RandomSize(Random& random) {
  constexpr size_t kChunk = 256 * 1024;
  switch (random.Below(5)) {
    case 0:
      return static_cast<size_t>(random.Below(3));
    case 1:
      return kLeafBytes - 1 + static_cast<size_t>(random.Below(3));
    case 2:
      return kChunk - 1 + static_cast<size_t>(random.Below(3));
    default:
      return static_cast<size_t>(random.Below(3'000'000));
  }
}

std::vector<FileBytes> RandomFiles(Random& random) {
  std::vector<FileBytes> files(random.Between(1, 4));
  for (FileBytes& file : files) file = random.Bytes(RandomSize(random));
  return files;
}

struct Trouble {
  enum Kind { kNone, kCancel, kBulkLaneCloses, kControlLaneCloses, kBentRecord, kSilence } kind;
  Duration after;
};

Trouble RandomTrouble(Random& random) {
  const Duration after = Duration::Millis(static_cast<int64_t>(random.Below(2000)));
  if (random.Chance(0.6)) return {Trouble::kNone, after};
  return {static_cast<Trouble::Kind>(random.Between(1, 5)), after};
}

void Strike(Simulation& sim, Trouble::Kind kind, TransferId id) {
  switch (kind) {
    case Trouble::kNone:
      return;
    case Trouble::kCancel: {
      SimPeer& ender = sim.random().Chance(0.5) ? sim.a() : sim.b();
      return ender.session->Fail(id, ErrorCode::kCancelled, "", sim.now());
    }
    case Trouble::kBulkLaneCloses:
      return sim.CloseLane(LaneId(1));
    case Trouble::kControlLaneCloses:
      return sim.CloseLane(kControlLane);
    case Trouble::kBentRecord:
      sim.tamper = [struck = false](size_t, LaneId, std::vector<uint8_t>& message) mutable {
        if (!struck) message[message.size() / 2] ^= 4;
        struck = true;
        return true;
      };
      return;
    case Trouble::kSilence:
      sim.tamper = [](size_t, LaneId, std::vector<uint8_t>&) { return false; };
      return;
  }
}

size_t Ended(const SimPeer& peer) {
  return peer.Count(EventType::kDone) + peer.Count(EventType::kFailed);
}

void CheckEqual(const SimPeer& from, const SimPeer& to) {
  for (const Event& done : to.events) {
    if (done.type != EventType::kDone) continue;
    const auto sent = from.sources.find(done.transfer);
    if (sent != from.sources.end()) CHECK(sent->second == to.sinks.at(done.transfer));
  }
}

void RunSeed(uint64_t seed) {
  Random random(seed);
  LinkOptions link;
  link.one_way_delay = Duration::Micros(static_cast<int64_t>(random.Below(300'000)));
  link.jitter = Duration::Micros(static_cast<int64_t>(random.Below(100'000)));
  link.bytes_per_second = random.Between(500'000, 50'000'000);
  DiskOptions disk;
  if (random.Chance(0.3)) disk.read_delay = Duration::Millis(int64_t(random.Below(50)));
  if (random.Chance(0.3)) disk.write_delay = Duration::Millis(int64_t(random.Below(200)));
  Simulation sim(random.Next(), link, disk);
  sim.Connect();
  REQUIRE(sim.a().session->established());

  const TransferId there = sim.Send(sim.a(), RandomFiles(random));
  size_t transfers = 1;
  if (random.Chance(0.4)) {
    sim.Send(sim.b(), RandomFiles(random));
    ++transfers;
  }
  const auto ended = [&] { return Ended(sim.a()) >= transfers && Ended(sim.b()) >= transfers; };
  const Trouble trouble = RandomTrouble(random);
  sim.RunUntil(ended, trouble.after);
  if (!ended()) Strike(sim, trouble.kind, there);
  sim.RunUntil(ended, Duration::Seconds(300));

  // A side that never heard of an offer has nothing to end.
  const auto settled = [](const SimPeer& peer) { return peer.session->closed(); };
  CHECK((ended() || (settled(sim.a()) && settled(sim.b()))));
  CheckEqual(sim.a(), sim.b());
  CheckEqual(sim.b(), sim.a());
  if (trouble.kind == Trouble::kNone) {
    CHECK(sim.a().Count(EventType::kDone) == transfers);
    CHECK(sim.b().Count(EventType::kDone) == transfers);
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

}  // namespace
}  // namespace millrace
