// A session that is closed: what it said before arrives, then its goodbye, and both sides know.

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include "support/hostile_peer.h"
#include "support/simulation.h"

namespace millrace {
namespace {

using testing::HostilePeer;
using testing::LinkOptions;
using testing::Random;
using testing::SimPeer;
using testing::Simulation;

// The place of the first event of that type; all events come before one that is missing.
size_t PlaceOf(const SimPeer& peer, EventType type) {
  size_t place = 0;
  while (place < peer.events.size() && peer.events[place].type != type) ++place;
  return place;
}

LinkOptions RandomLink(Random& random) {
  LinkOptions link;
  link.one_way_delay = Duration::Millis(static_cast<int64_t>(random.Below(200)));
  link.jitter = Duration::Millis(static_cast<int64_t>(random.Below(50)));
  link.bytes_per_second = random.Between(50'000, 12'500'000);
  link.delivery = random.Chance(0.5) ? Delivery::kReliable : Delivery::kUnreliable;
  link.loss = random.Chance(0.5) ? 0.05 : 0;
  link.bulk_lanes = random.Between(1, 4);
  return link;
}

TEST_CASE("a receiver that closes as soon as it has stored its last file leaves the sender done") {
  const uint64_t seed = GENERATE(Catch::Generators::range(uint64_t{1}, uint64_t{201}));
  Random random(seed);
  const LinkOptions link = RandomLink(random);
  Simulation sim(seed, link);
  sim.Connect();
  std::vector<uint64_t> sizes(random.Between(1, 12));
  for (uint64_t& size : sizes) size = random.Below(40'000);
  size_t received = 0;
  sim.on_event = [&](SimPeer& peer, const Event& event) {
    if (event.type != EventType::kFileReceived || ++received < sizes.size()) return;
    // Right after the simulation has said that the file is stored, and before anything is sent.
    sim.Schedule(Duration(),
                 [&sim, &peer] { peer.session->Close(ErrorCode::kClosed, "", sim.now()); });
  };
  sim.Send(sim.a(), sim.Files(sizes));
  REQUIRE(sim.RunUntil([&sim] { return sim.a().session->closed() && sim.b().session->closed(); }));
  CHECK(sim.b().Count(EventType::kDone) == 1);
  CHECK(sim.a().Count(EventType::kDone) == 1);
  CHECK(sim.a().Count(EventType::kFailed) == 0);
  CHECK(PlaceOf(sim.a(), EventType::kDone) < PlaceOf(sim.a(), EventType::kClosed));
  CHECK(sim.a().CodeOf(EventType::kClosed) == "closed");
  // The goodbye is acknowledged, and the acknowledgement confirmed, though each of them may be
  // lost.
  CHECK(
      sim.RunUntil([&sim] { return !sim.a().session->draining() && !sim.b().session->draining(); },
                   link.one_way_delay * 2 + Duration::Millis(500)));
}

TEST_CASE("an offer to a session that the peer has ended fails as that session's transfers do") {
  Simulation sim(1);
  sim.Connect();
  sim.Send(sim.a(), sim.Files({5'000'000}));
  sim.RunFor(Duration::Millis(200));
  sim.b().session->Close(ErrorCode::kClosed, "", sim.now());
  REQUIRE(sim.RunUntil([&sim] { return sim.a().Count(EventType::kFailed) == 1; }));
  CHECK(sim.a().CodeOf(EventType::kFailed) == "closed");
  sim.a().session->Offer({FileInfo{1, 0, "again", ""}}, {}, sim.now());
  const std::optional<Event> event = sim.a().session->PollEvent();
  REQUIRE(event);
  CHECK(event->type == EventType::kFailed);
  CHECK(event->error.code == ErrorCode::kClosed);
}

TEST_CASE("what was said right before a session closed arrives, and nothing after") {
  Simulation sim(1);
  sim.Connect();
  for (uint8_t i = 0; i < 20; ++i) {
    sim.a().session->Message(std::vector<uint8_t>(10'000, i), sim.now());
  }
  sim.a().session->Close(ErrorCode::kClosed, "bye", sim.now());
  sim.a().session->Message(std::vector<uint8_t>{1}, sim.now());
  sim.RunFor(Duration::Seconds(1));
  CHECK(sim.b().Count(EventType::kMessage) == 20);
  CHECK(PlaceOf(sim.b(), EventType::kClosed) == sim.b().events.size() - 1);
  CHECK(sim.b().Find(EventType::kClosed)->error.detail == "bye");
  CHECK(sim.b().Find(EventType::kClosed)->flag);
}

TEST_CASE("a session that was closed drains until the peer has acknowledged its goodbye") {
  LinkOptions link;
  link.one_way_delay = Duration::Millis(100);
  Simulation sim(2, link);
  sim.Connect();
  CHECK_FALSE(sim.a().session->draining());
  sim.a().session->Close(ErrorCode::kClosed, "", sim.now());
  CHECK(sim.a().session->draining());
  sim.RunFor(Duration::Millis(195));
  CHECK(sim.a().session->draining());
  sim.RunFor(Duration::Millis(10));
  CHECK_FALSE(sim.a().session->draining());
  // It cannot know yet that its acknowledgement has arrived.
  CHECK(sim.b().session->draining());
  sim.RunFor(Duration::Millis(100));
  CHECK_FALSE(sim.b().session->draining());
  CHECK(sim.a().session->NextTimeout().IsNever());
  CHECK(sim.b().session->NextTimeout().IsNever());
}

TEST_CASE("two sides that close at once acknowledge each other") {
  LinkOptions link;
  link.one_way_delay = Duration::Millis(100);
  Simulation sim(3, link);
  sim.Connect();
  for (SimPeer* peer : {&sim.a(), &sim.b()}) {
    peer->session->Close(ErrorCode::kClosed, "", sim.now());
  }
  sim.RunFor(Duration::Millis(305));
  for (const SimPeer* peer : {&sim.a(), &sim.b()}) {
    CHECK_FALSE(peer->session->draining());
    CHECK(peer->Count(EventType::kClosed) == 1);
    CHECK_FALSE(peer->Find(EventType::kClosed)->flag);
  }
}

// Drops the pulse messages of a side from now on, up to so many.
void DropPulse(Simulation& sim, size_t side, int count) {
  sim.tamper = [side, count](size_t from, LaneId lane, std::vector<uint8_t>&) mutable {
    return from != side || lane != kPulseLane || count-- <= 0;
  };
}

TEST_CASE("a lost acknowledgement of a goodbye is sent again each 100 ms until it is answered") {
  LinkOptions link;
  link.one_way_delay = Duration::Millis(20);
  Simulation sim(8, link);
  sim.Connect();
  sim.RunFor(Duration::Seconds(1));
  DropPulse(sim, 1, 2);
  sim.a().session->Close(ErrorCode::kClosed, "", sim.now());
  sim.RunFor(Duration::Millis(235));
  CHECK(sim.a().session->draining());
  sim.RunFor(Duration::Millis(10));
  CHECK_FALSE(sim.a().session->draining());
  sim.RunFor(Duration::Millis(25));
  CHECK_FALSE(sim.b().session->draining());
}

TEST_CASE("a side that hears no answer to its acknowledgement of a goodbye ends after 0.5 s") {
  Simulation sim(9);
  sim.Connect();
  DropPulse(sim, 0, 1'000'000);
  sim.a().session->Close(ErrorCode::kClosed, "", sim.now());
  sim.RunFor(Duration::Millis(490));
  CHECK_FALSE(sim.a().session->draining());
  CHECK(sim.b().session->draining());
  sim.RunFor(Duration::Millis(30));
  CHECK_FALSE(sim.b().session->draining());
  CHECK_FALSE(sim.b().session->pulse_lane()->has_keys());
  CHECK(sim.b().session->NextTimeout().IsNever());
}

TEST_CASE("a peer that acknowledges nothing is waited for 2 s, and then the keys are gone") {
  Simulation sim(4);
  sim.Connect();
  sim.tamper = [](size_t, LaneId, std::vector<uint8_t>&) { return false; };
  Session& session = *sim.a().session;
  session.Close(ErrorCode::kClosed, "", sim.now());
  const Timestamp deadline = sim.now() + Session::kDrainTimeout;
  CHECK(session.NextTimeout() == deadline);
  sim.RunFor(Duration::Millis(1999));
  CHECK(session.draining());
  CHECK(session.control_lane()->has_keys());
  CHECK(session.pulse_lane()->has_keys());
  sim.RunFor(Duration::Millis(1));
  CHECK_FALSE(session.draining());
  CHECK_FALSE(session.control_lane()->has_keys());
  CHECK_FALSE(session.pulse_lane()->has_keys());
  CHECK(session.NextTimeout().IsNever());
  CHECK_FALSE(session.PollOutput(sim.now()));
}

TEST_CASE("a connection that goes takes the wait for its last words with it") {
  Simulation sim(5);
  sim.Connect();
  sim.a().session->Close(ErrorCode::kClosed, "", sim.now());
  REQUIRE(sim.a().session->draining());
  sim.a().session->CloseLane(kControlLane, sim.now());
  CHECK_FALSE(sim.a().session->draining());
  CHECK(sim.a().Count(EventType::kClosed) == 0);  // Not polled yet: closing says it once.
  sim.RunFor(Duration::Seconds(1));
  CHECK(sim.a().Count(EventType::kClosed) == 1);
}

TEST_CASE("a failure is told at once: what waited before it is dropped") {
  HostilePeer peer(6);
  peer.victim().Message(std::vector<uint8_t>(50'000, 1), peer.now());
  peer.SendRaw(kControlLane, std::vector<uint8_t>(40, 1));
  REQUIRE(peer.victim().closed());
  size_t outputs = 0;
  size_t bytes = 0;
  while (const auto output = peer.victim().PollOutput(peer.now())) {
    ++outputs;
    bytes += output->message.size();
  }
  CHECK(outputs == 1);
  CHECK(bytes < 1000);
}

TEST_CASE("a session that is closed hears nothing but acknowledgements") {
  HostilePeer peer(7);
  peer.victim().Close(ErrorCode::kClosed, "", peer.now());
  REQUIRE(peer.victim().draining());
  peer.Drain();
  const size_t events = peer.events().size();
  peer.SendFrame(kControlLane, SignalFrame{"too late"});
  peer.SendFrame(kControlLane, MessageFrame{false, std::vector<uint8_t>{1, 2, 3}});
  peer.SendRaw(kControlLane, std::vector<uint8_t>(40, 1));
  peer.SendRaw(HostilePeer::kBulk, std::vector<uint8_t>(40, 1));
  peer.Drain();
  CHECK(peer.events().size() == events);
  CHECK(peer.victim().draining());
  peer.AcknowledgeControl();
  CHECK_FALSE(peer.victim().draining());
  CHECK_FALSE(peer.victim().control_lane()->has_keys());
}

}  // namespace
}  // namespace millrace
