// What a session writes down of a transfer, and that it goes the same way without.

#include "report/trace.h"

#include <algorithm>
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <string>
#include <vector>

#include "support/rate_simulation.h"
#include "support/simulation.h"

namespace millrace {
namespace {

using testing::LinkOptions;
using testing::Simulation;

SessionOptions Traced() {
  SessionOptions options;
  options.trace = true;
  return options;
}

// The entries of both sides, taken as a shim takes them: again and again.
struct Entries {
  std::vector<TraceEntry> sender;
  std::vector<TraceEntry> receiver;

  void Take(Simulation& sim) {
    while (const auto entry = sim.a().session->PollTrace()) sender.push_back(*entry);
    while (const auto entry = sim.b().session->PollTrace()) receiver.push_back(*entry);
  }
};

bool IsDone(Simulation& sim) { return sim.a().Find(EventType::kDone) != nullptr; }

Entries Run(Simulation& sim, Duration limit = Duration::Seconds(120)) {
  Entries entries;
  CHECK(sim.RunUntil(
      [&] {
        entries.Take(sim);
        return IsDone(sim);
      },
      limit));
  return entries;
}

std::optional<double> NumberOf(const TraceEntry& entry, std::string_view name) {
  for (const TraceField& field : entry) {
    if (field.name == name) return field.number;
  }
  return std::nullopt;
}

// Such as "lane open" or "rate start", in order.
std::vector<std::string> Changes(const std::vector<TraceEntry>& entries) {
  std::vector<std::string> changes;
  for (const TraceEntry& entry : entries) {
    for (const TraceField& field : entry) {
      if (field.name != "state" && field.name != "phase") continue;
      changes.push_back(std::string(entry.type()) + " " + std::string(field.text));
    }
  }
  return changes;
}

size_t Count(const std::vector<std::string>& changes, std::string_view which) {
  return static_cast<size_t>(std::count(changes.begin(), changes.end(), which));
}

TEST_CASE("a transfer's trace has its lanes, its rate and how the link was") {
  LinkOptions link;
  link.bytes_per_second = 500'000;
  link.bulk_lanes = 4;
  Simulation sim(1, link, {}, Traced());
  sim.Connect();
  const Timestamp begun = sim.now();
  sim.Send(sim.a(), sim.Files({10'000'000}));
  const Entries entries = Run(sim);

  const std::vector<std::string> changes = Changes(entries.sender);
  CHECK(Count(changes, "lane open") == 4);
  CHECK(Count(changes, "rate start") == 1);
  CHECK(Count(changes, "stall begin") == 0);

  double acked = 0;
  std::optional<Timestamp> last;
  for (const TraceEntry& entry : entries.sender) {
    if (entry.type() != "link") continue;
    CHECK(entry.at() >= begun);
    if (last) CHECK(entry.at() - *last >= SessionTrace::kLeastInterval);
    last = entry.at();
    CHECK(*NumberOf(entry, "acked") >= acked);
    acked = *NumberOf(entry, "acked");
    CHECK(NumberOf(entry, "lanes") == 4);
    CHECK(*NumberOf(entry, "pacing") > 0);
    if (const auto source = NumberOf(entry, "waitSource")) {
      const double sum = *source + *NumberOf(entry, "waitSeal") + *NumberOf(entry, "waitChannel") +
                         *NumberOf(entry, "waitNetwork") + *NumberOf(entry, "waitSink");
      CHECK(sum == Catch::Approx(1));
    }
  }
  CHECK(acked > 9'000'000);
  // About ten a second of some five.
  CHECK(entries.sender.size() > 40);

  double received = 0;
  for (const TraceEntry& entry : entries.receiver) {
    received = std::max(received, NumberOf(entry, "received").value_or(0));
  }
  CHECK(received > 9'000'000);
}

TEST_CASE("watching changes nothing, and where nobody asks there is no trace") {
  LinkOptions link;
  link.bulk_lanes = 3;
  link.loss = 0.02;
  link.delivery = Delivery::kUnreliable;
  Simulation plain(2, link);
  Simulation watched(2, link, {}, Traced());
  for (Simulation* sim : {&plain, &watched}) {
    sim->Connect();
    sim->Send(sim->a(), sim->Files({3'000'000}));
  }
  CHECK(plain.RunUntil([&] { return IsDone(plain); }));
  const Entries entries = Run(watched);
  CHECK(plain.now() == watched.now());
  CHECK_FALSE(plain.a().session->PollTrace());
  size_t lost = 0;
  for (const TraceEntry& entry : entries.sender) lost += entry.type() == "loss" ? 1 : 0;
  CHECK(lost > 0);
}

TEST_CASE("lanes that close or stand still, and a dark link, are in it") {
  LinkOptions link;
  link.bulk_lanes = 3;
  link.bytes_per_second = 300'000;
  link.reopen_after = Duration::Millis(200);
  Simulation sim(3, link, {}, Traced());
  sim.Connect();
  sim.Send(sim.a(), sim.Files({6'000'000}));
  sim.RunFor(Duration::Seconds(1));
  const std::vector<LaneId> lanes = sim.BulkLanes();
  sim.CloseLane(lanes[0]);
  sim.StallLane(lanes[1]);
  sim.RunFor(Duration::Seconds(3));
  sim.Blackout(Duration::Seconds(4));
  const Entries entries = Run(sim);
  const std::vector<std::string> changes = Changes(entries.sender);
  CHECK(Count(changes, "lane closed") > 0);
  CHECK(Count(changes, "lane stalled") > 0);
  CHECK(Count(changes, "stall begin") > 0);
  CHECK(Count(changes, "stall end") == Count(changes, "stall begin"));
}

TEST_CASE("a transfer that takes long has fewer samples a minute") {
  LinkOptions link;
  link.bytes_per_second = 20'000;
  Simulation sim(4, link, {}, Traced());
  sim.Connect();
  sim.Send(sim.a(), sim.Files({12'000'000}));
  const Entries entries = Run(sim, Duration::Seconds(1200));
  const double seconds = (entries.sender.back().at() - entries.sender.front().at()).seconds();
  CHECK(seconds > 550);
  // 600 in the first minute, then as many each time that it has taken e times as long.
  CHECK(entries.sender.size() < 2500);
}

TEST_CASE("the phases of the rate are in it, in order") {
  testing::RateOptions options;
  options.link.mbits_per_second = 20;
  options.session.trace = true;
  testing::RateSimulation sim(options, 5);
  testing::RateFlow& flow = sim.AddFlow();
  sim.Send(flow, 4'000'000);
  REQUIRE(sim.RunUntil([&] { return flow.done(); }, Duration::Seconds(30)));
  std::vector<TraceEntry> entries;
  while (const auto entry = flow.sender().PollTrace()) entries.push_back(*entry);
  std::vector<std::string> phases = Changes(entries);
  std::erase_if(phases, [](const std::string& change) { return !change.starts_with("rate"); });
  REQUIRE(phases.size() >= 3);
  CHECK(phases[0] == "rate start");
  CHECK(phases[1] == "rate drain");
  CHECK(phases[2] == "rate hold");
}

}  // namespace
}  // namespace millrace
