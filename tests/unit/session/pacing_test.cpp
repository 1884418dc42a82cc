// What a session sends when, against a peer that acknowledges as it likes.

#include <catch2/catch_test_macros.hpp>

#include "support/hostile_peer.h"

namespace millrace {
namespace {

using testing::HostilePeer;

constexpr size_t kFileBytes = 4'000'000;

const SealedLane& Bulk(HostilePeer& peer) { return peer.victim().lanes().at(HostilePeer::kBulk); }

// The victim sends a file that the peer has accepted.
void BeginSending(HostilePeer& peer) {
  const TransferId id = peer.victim().Offer({FileInfo{kFileBytes, 0, "f", ""}}, {}, peer.now());
  peer.Drain();
  peer.SendFrame(kControlLane, AcceptFrame{id});
  peer.SendFrame(kControlLane, CreditFrame{id, kFileBytes});
}

// Answers all reads and takes all outputs at that time.
void PumpAt(HostilePeer& peer, Timestamp now) {
  Session& victim = peer.victim();
  victim.AdvanceTime(now);
  victim.SetBuffered(HostilePeer::kBulk, 0, now);
  for (bool busy = true; busy;) {
    busy = false;
    while (const auto read = victim.PollRead()) {
      victim.ReadDone(read->chunk, read->bytes.size(), now);
      busy = true;
    }
    while (const auto output = victim.PollOutput(now)) {
      peer.Observe(*output);
      busy = true;
    }
    victim.SetBuffered(kPulseLane, 0, now);
  }
}

TEST_CASE("records are paced from the first one, and the session says when the next may go") {
  HostilePeer peer(1);
  BeginSending(peer);
  const Timestamp start = peer.now();
  PumpAt(peer, start);
  const uint64_t first = Bulk(peer).counters().bytes_sent;
  CHECK(first > 0);
  CHECK(first < 200'000);
  REQUIRE(peer.victim().NextTimeout() > start);
  CHECK(peer.victim().NextTimeout() < start + Duration::Millis(50));
  PumpAt(peer, start);
  CHECK(Bulk(peer).counters().bytes_sent == first);
}

TEST_CASE("nothing is sent twice while there is more to read") {
  HostilePeer peer(3);
  BeginSending(peer);
  Session& victim = peer.victim();
  victim.OpenLane(LaneId(2), kMaxMessageBytes, Delivery::kReliable, peer.now());
  // A round trip is known.
  REQUIRE(peer.last_ping());
  peer.Advance(Duration::Millis(20));
  peer.SendFrame(PongFrame{*peer.last_ping(), peer.now()});
  REQUIRE(victim.round_trip().smoothed());
  uint64_t read_bytes = 0;
  // Nothing is acknowledged, so that all of it is late soon; and each poll finds nothing ready.
  for (Timestamp now = peer.now(); now < peer.now() + Duration::Millis(300);
       now = now + Duration::Millis(20)) {
    victim.AdvanceTime(now);
    victim.SetBuffered(HostilePeer::kBulk, 0, now);
    victim.SetBuffered(LaneId(2), 0, now);
    while (victim.PollOutput(now)) {
    }
    if (const auto read = victim.PollRead()) {
      read_bytes += read->bytes.size();
      victim.ReadDone(read->chunk, read->bytes.size(), now);
    }
  }
  uint64_t sent_bytes = 0;
  for (const auto& [id, lane] : victim.lanes()) sent_bytes += lane.counters().bytes_sent;
  CHECK(sent_bytes > 20'000);
  CHECK(sent_bytes < read_bytes + read_bytes / 50);
}

TEST_CASE("acknowledgements whose times run backwards, lie or stand still do not stop a transfer") {
  const Timestamp kLies[] = {Timestamp(), Timestamp::Never(), Timestamp::FromMicros(1),
                             Timestamp::FromMicros(1'000'000'000'000)};
  HostilePeer peer(2);
  BeginSending(peer);
  Timestamp now = peer.now();
  uint64_t acked = 0;
  for (int step = 0; step < 6000; ++step) {
    now = now + Duration::Millis(4);
    PumpAt(peer, now);
    const uint64_t sent = Bulk(peer).sent().next_number().value;
    AckFrame ack;
    ack.lane = HostilePeer::kBulk;
    ack.largest_received_at = kLies[static_cast<size_t>(step) % std::size(kLies)];
    ack.ranges[ack.range_count++] = Range{0, sent};
    if (sent > acked) peer.SendFrame(ack);
    acked = sent;
    // Pongs of nothing and of the far past, and one of the newest ping that lies about its time.
    peer.SendFrame(PongFrame{static_cast<uint64_t>(step), now});
    peer.SendFrame(PongFrame{static_cast<uint64_t>(now.micros()), now});
    peer.SendFrame(PongFrame{peer.last_ping().value_or(0), ack.largest_received_at});
    REQUIRE_FALSE(peer.victim().closed());
    const double rate = peer.victim().flow().rate().pacing_bytes_per_second();
    REQUIRE(rate >= RateController::kLeastBytesPerSecond);
    REQUIRE(rate <= RateController::kMostBytesPerSecond);
  }
  CHECK(Bulk(peer).counters().bytes_sent >= kFileBytes / 2);
}

TEST_CASE("new marks count for the lanes that are open and for those to come") {
  HostilePeer peer(4);
  const WaterMarks before = Bulk(peer).gate().marks();
  peer.victim().SetWaterMarks({50'000, 10'000});
  peer.OpenBulk(LaneId(2));
  CHECK(peer.victim().control_lane()->gate().marks().high < before.high);
  REQUIRE(peer.victim().lanes().size() == 2);
  for (const auto& [id, lane] : peer.victim().lanes()) {
    CHECK(lane.gate().marks().high == 50'000);
    CHECK(lane.gate().marks().low == 10'000);
  }
}

TEST_CASE("a lane that stands still is tried again, but not while its channel is full") {
  HostilePeer peer(5);
  BeginSending(peer);
  PumpAt(peer, peer.now());
  Session& victim = peer.victim();
  const uint64_t sent = Bulk(peer).counters().records_sent;
  REQUIRE(sent > 0);
  const auto poll = [&](Timestamp now) {
    victim.AdvanceTime(now);
    while (const auto output = victim.PollOutput(now)) peer.Observe(*output);
    return Bulk(peer).counters().records_sent;
  };
  victim.SetBuffered(HostilePeer::kBulk, kMaxHighWater, peer.now());
  const Timestamp late = peer.now() + Duration::Seconds(5);
  CHECK(poll(late) == sent);
  CHECK(Bulk(peer).sent().stalled());
  victim.SetBuffered(HostilePeer::kBulk, 0, late);
  victim.SetBuffered(kPulseLane, 0, late);
  // The peer is heard, so what is sent now has a chance.
  CHECK(poll(late) == sent);
  peer.SendFrame(PongFrame{*peer.last_ping(), late});
  CHECK(poll(late) > sent);
}

}  // namespace
}  // namespace millrace
