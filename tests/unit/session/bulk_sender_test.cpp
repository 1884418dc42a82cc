// The next bulk record, or the one reason why there is none.

#include "session/bulk_sender.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>

#include "support/handshakes.h"
#include "wire/record.h"

namespace millrace {
namespace {

using testing::FixedSecrets;

PingSample Took(Duration round_trip) { return {round_trip, round_trip / 2}; }

constexpr LaneId kLane{1};
constexpr WaterMarks kMarks{1 << 20, 1 << 18};
constexpr uint64_t kFileBytes = 20'000'000;

// A sender of bulk whose source answers when it is told to.
struct Fixture {
  TransferId Offer(uint64_t size, uint64_t credit = kMaxFileBytes) {
    const TransferId id = sender.Offer(FileList(files(size)), {});
    REQUIRE(sender.OnAccept(AcceptFrame{id}).ok());
    REQUIRE(sender.OnCredit(CreditFrame{id, credit}).ok());
    return id;
  }
  std::vector<FileInfo>& files(uint64_t size) {
    files_ = {FileInfo{size, 0, "f", ""}};
    return files_;
  }
  void OpenLane(LaneId id = kLane, size_t max_message_bytes = kMaxMessageBytes) {
    REQUIRE(bulk.OpenLane({id, Delivery::kReliable, kMarks, max_message_bytes}, secrets,
                          kRecordsPerEpoch, now));
  }
  void ReadAll() {
    sender.SetChunkBytes(bulk.chunks().chunk_bytes());
    while (const auto read = sender.PollRead()) sender.ReadDone(read->chunk, read->bytes.size());
  }
  // Sends what may go now, with all that its source has; channels drain at once.
  size_t SendAll() {
    size_t records = 0;
    while (true) {
      ReadAll();
      if (!bulk.Poll(now, out)) return records;
      if (Lane* lane = bulk.lanes().Find(kLane)) lane->gate().OnBuffered(0);
      ++records;
    }
  }
  // Lets time pass and sends whenever pacing lets a record go, until something else keeps it.
  void SendUntilHeld() {
    for (int i = 0; i < 10'000; ++i) {
      SendAll();
      if (bulk.due().IsNever()) return;
      REQUIRE(bulk.due() > now);
      now = bulk.due();
    }
  }
  void AcknowledgeAll() { Acknowledge(kLane); }
  void Acknowledge(LaneId lane) {
    AckFrame ack;
    ack.lane = lane;
    ack.largest_received_at = now;
    ack.ranges[ack.range_count++] = Range{0, bulk.lanes().Find(lane)->sent().next_number().value};
    if (ack.ranges[0].end == 0) return;
    bulk.lanes().Find(lane)->gate().OnBuffered(0);
    REQUIRE(bulk.OnAck(ack, now).ok());
  }
  Holdup Reason() {
    CHECK_FALSE(bulk.Poll(now, out));
    return bulk.holdup();
  }
  Backpressure& gate() { return bulk.lanes().Find(kLane)->gate(); }

  MemoryBudget memory{kMaxStateBytes};
  FrameQueue frames{memory};
  EventQueue events;
  Sender sender{9 * 1024 * 1024, memory, frames, events};
  BulkSender bulk{sender, {}};
  SessionSecrets secrets = FixedSecrets(Role::kInitiator, {});
  Timestamp now = Timestamp::FromMicros(1'000'000);
  std::vector<uint8_t> out = std::vector<uint8_t>(kMaxMessageBytes);
  std::vector<FileInfo> files_;
};

TEST_CASE("nothing is sent where no transfer is accepted and running") {
  Fixture f;
  CHECK(f.Reason() == Holdup::kNothing);
  f.OpenLane();
  CHECK(f.Reason() == Holdup::kNothing);
  const TransferId id = f.Offer(kFileBytes);
  f.ReadAll();
  f.sender.SetPausedHere(id, true);
  CHECK(f.Reason() == Holdup::kNothing);
  CHECK(f.bulk.due().IsNever());
}

TEST_CASE("nothing is sent without a lane, or before the source has answered") {
  Fixture f;
  f.Offer(kFileBytes);
  CHECK(f.Reason() == Holdup::kNoLane);
  f.OpenLane();
  CHECK(f.Reason() == Holdup::kSource);
  const std::optional<ReadRequest> read = f.sender.PollRead();
  REQUIRE(read);
  CHECK(f.Reason() == Holdup::kSource);
  f.sender.ReadDone(read->chunk, read->bytes.size());
  CHECK(f.bulk.Poll(f.now, f.out));
}

TEST_CASE("pacing holds the next record, for as long as it says") {
  Fixture f;
  f.Offer(kFileBytes);
  f.OpenLane();
  CHECK(f.SendAll() > 0);
  CHECK(f.bulk.holdup() == Holdup::kPacing);
  REQUIRE(f.bulk.due() > f.now);
  f.gate().OnBuffered(kMarks.high);
  CHECK(f.Reason() == Holdup::kPacingAndChannels);
  f.gate().OnBuffered(0);
  f.now = f.bulk.due() + Duration::Micros(-1);
  CHECK(f.Reason() == Holdup::kPacing);
  f.now = f.bulk.due();
  CHECK(f.bulk.Poll(f.now, f.out));
}

TEST_CASE("channels above their high marks take nothing, whatever pacing allows") {
  Fixture f;
  f.Offer(kFileBytes);
  f.OpenLane();
  f.ReadAll();
  f.gate().OnBuffered(kMarks.high);
  CHECK(f.Reason() == Holdup::kChannels);
  CHECK(f.bulk.due().IsNever());
  f.OpenLane(LaneId(2));
  CHECK(f.bulk.Poll(f.now, f.out));
}

TEST_CASE("as much is in flight as the path holds, or the windows are full") {
  Fixture f;
  f.Offer(kFileBytes);
  f.OpenLane();
  f.bulk.OnPong(Took(Duration::Millis(20)), f.now);
  f.SendUntilHeld();
  CHECK(f.bulk.holdup() == Holdup::kInFlight);
  CHECK(f.bulk.lanes().in_flight_bytes() >= f.bulk.flow().rate().in_flight_limit_bytes());
  f.gate().OnBuffered(1);
  CHECK(f.Reason() == Holdup::kWindows);
  f.AcknowledgeAll();
  CHECK(f.bulk.Poll(f.now, f.out));
}

TEST_CASE("the end of a transfer waits for acknowledgements, then for the sink") {
  Fixture f;
  f.Offer(10'000);
  f.OpenLane();
  f.SendUntilHeld();
  CHECK(f.Reason() == Holdup::kAcknowledgement);
  CHECK(f.bulk.IsPending());
  f.AcknowledgeAll();
  CHECK(f.Reason() == Holdup::kSink);
  CHECK_FALSE(f.bulk.IsPending());
}

TEST_CASE("without credit the sink is waited for") {
  Fixture f;
  const TransferId id = f.Offer(kFileBytes, kLeafBytes);
  f.OpenLane();
  f.SendUntilHeld();
  f.AcknowledgeAll();
  CHECK(f.Reason() == Holdup::kSink);
  REQUIRE(f.sender.OnCredit(CreditFrame{id, kFileBytes}).ok());
  CHECK(f.Reason() == Holdup::kSource);
}

TEST_CASE("each lane gets records that its channel carries, whatever the others carry") {
  Fixture f;
  f.OpenLane(LaneId(1), kMaxMessageBytes);
  f.OpenLane(LaneId(2), kMinMessageBytes);
  for (int i = 0; i < 10; ++i) f.bulk.OnPong(Took(Duration::Millis(20)), f.now);
  f.Offer(kFileBytes);
  std::map<LaneId, size_t> longest;
  // All that was sent arrives within a round trip, so the rate and the records grow.
  for (int i = 0; i < 50; ++i) {
    f.ReadAll();
    while (const auto output = f.bulk.Poll(f.now, f.out)) {
      longest[output->lane] = std::max(longest[output->lane], output->message.size());
      f.ReadAll();
    }
    f.now = f.now + Duration::Millis(20);
    for (const LaneId lane : {LaneId(1), LaneId(2)}) f.Acknowledge(lane);
    f.bulk.OnPong(Took(Duration::Millis(20)), f.now);
  }
  CHECK(longest[LaneId(1)] > kMinMessageBytes);
  CHECK(longest[LaneId(2)] <= kMinMessageBytes);
  CHECK(longest[LaneId(2)] > kGrainBytes);
}

TEST_CASE("long records of a young lane are followed by messages that let its window go") {
  Fixture f;
  f.OpenLane();
  f.Offer(kFileBytes);
  for (int i = 0; i < 10; ++i) f.bulk.OnPong(Took(Duration::Millis(20)), f.now);
  for (int i = 0; i < 50; ++i) {
    f.SendAll();
    f.now = f.now + Duration::Millis(20);
    f.AcknowledgeAll();
    f.bulk.OnPong(Took(Duration::Millis(20)), f.now);
  }
  f.OpenLane(LaneId(2));
  f.bulk.CloseLane(kLane);
  f.Offer(kFileBytes);
  f.ReadAll();
  f.now = f.now + Duration::Millis(50);
  std::vector<size_t> lengths;
  while (const auto output = f.bulk.Poll(f.now, f.out)) lengths.push_back(output->message.size());
  REQUIRE(lengths.size() >= 4);
  CHECK(lengths[0] > 4 * 1160);
  for (size_t i = 1; i <= 3; ++i) CHECK(lengths[i] == kRecordOverheadBytes + 1);
}

TEST_CASE("a new path is measured anew, under the same limit of the user's") {
  Fixture f;
  BulkSender bulk(f.sender, {.most_bytes_per_second = 50'000});
  for (int i = 0; i < 10; ++i) bulk.OnPong(Took(Duration::Millis(20)), f.now);
  REQUIRE(bulk.flow().KnowsRoundTrip());
  bulk.StartPath(Timestamp());
  CHECK_FALSE(bulk.flow().KnowsRoundTrip());
  CHECK(bulk.flow().min_round_trip() == Duration());
  CHECK(bulk.flow().rate().pacing_bytes_per_second() <= 50'000);

  bulk.SetMostBytesPerSecond(40'000, Timestamp());
  CHECK(bulk.flow().rate().pacing_bytes_per_second() <= 40'000);
  bulk.StartPath(Timestamp());
  CHECK(bulk.flow().rate().pacing_bytes_per_second() <= 40'000);
  bulk.SetMostBytesPerSecond(0, Timestamp());
  CHECK(bulk.flow().rate().pacing_bytes_per_second() == RateController::kInitialBytesPerSecond);
}

}  // namespace
}  // namespace millrace
