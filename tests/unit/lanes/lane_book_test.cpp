#include "lanes/lane_book.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <set>

#include "support/random.h"

namespace millrace {
namespace {

using testing::Random;

constexpr size_t kRecordBytes = 1000;
constexpr Duration kRoundTrip = Duration::Millis(50);

constexpr Timestamp At(int64_t millis) { return Timestamp::FromMicros(millis * 1000); }

AckFrame Ack(LaneId lane, uint64_t begin, uint64_t end) {
  AckFrame ack;
  ack.lane = lane;
  ack.ranges[ack.range_count++] = Range{begin, end};
  return ack;
}

using Pieces = std::vector<uint64_t>;

// A book, and the pieces that it reported as lost.
struct Fixture {
  explicit Fixture(uint32_t lanes = 0, Delivery delivery = Delivery::kReliable) {
    for (uint32_t id = 1; id <= lanes; ++id) Open(id, delivery);
  }

  Lane* Open(uint32_t id, Delivery delivery = Delivery::kReliable) {
    return book.Open(Lane({LaneId(id), delivery, {100'000, 10'000}, kMaxMessageBytes}));
  }
  Lane& At(uint32_t id) { return *book.Find(LaneId(id)); }

  void Send(uint32_t id, uint64_t piece, Timestamp now) { Send(At(id), piece, now); }
  void Send(Lane& lane, uint64_t piece, Timestamp now) {
    book.Send(lane, [&](Lane& to) {
      to.sent().OnSent(PieceId(piece), kRecordBytes, true, now);
      return true;
    });
  }

  // The lane that is picked; 0 where none is.
  uint32_t Pick(Scheduler scheduler = Scheduler::kEarliestCompletion) {
    const Lane* lane = book.Pick(Choice(scheduler));
    return lane == nullptr ? 0 : lane->id().value;
  }
  static LaneChoice Choice(Scheduler scheduler = Scheduler::kEarliestCompletion) {
    return {.scheduler = scheduler,
            .record_bytes = kRecordBytes,
            .round_trip = kRoundTrip,
            .backlog = std::nullopt,
            .except = std::nullopt};
  }

  auto OnLost() {
    return [this](PieceId piece) {
      lost.push_back(piece.value);
      return settled.count(piece.value) == 0;
    };
  }
  Pieces DetectLosses(Timestamp now) {
    lost.clear();
    book.DetectLosses(now, OnLost());
    return lost;
  }
  Status Acknowledge(const AckFrame& ack, Timestamp now) {
    return book.OnAck(ack, now, acked, acked_lane);
  }

  LaneBook<Lane> book;
  Pieces lost;
  std::set<uint64_t> settled;  // Lost pieces that need not be sent again.
  AckedRecords acked;
  Lane* acked_lane = nullptr;
};

// --- Which lane takes the next record ---

TEST_CASE("round robin gives each lane its turn and passes over those that are full") {
  Fixture f(3);
  Pieces turns;
  for (uint64_t piece = 0; piece < 6; ++piece) {
    if (piece == 4) f.At(2).gate().OnBuffered(100'000);
    const uint32_t id = f.Pick(Scheduler::kRoundRobin);
    turns.push_back(id);
    f.Send(id, piece, At(0));
  }
  CHECK(turns == Pieces{1, 2, 3, 1, 3, 1});
}

TEST_CASE("the earliest completion wins: less in flight, or more speed") {
  Fixture f(2);
  f.Send(1, 0, At(0));
  CHECK(f.Pick() == 2);
  SECTION("a fast lane finishes first although it holds more") {
    for (int64_t ms = 4; ms < 400; ms += 4) {
      f.At(1).load().OnAcked(40'000, true, kRoundTrip, At(ms));
    }
    for (uint64_t piece = 1; piece < 10; ++piece) f.Send(1, piece, At(400));
    CHECK(f.Pick() == 1);
  }
}

TEST_CASE(
    "among lanes that would finish together the first one is taken, whichever was used last") {
  Fixture f(3);
  CHECK(f.Pick() == 1);
  f.Send(3, 0, At(0));
  REQUIRE(f.Acknowledge(Ack(LaneId(3), 0, 1), At(50)).ok());
  CHECK(f.Pick() == 1);
}

TEST_CASE("no lane is picked where all are full, excepted or gone") {
  Fixture f(1);
  LaneChoice choice = Fixture::Choice();
  choice.except = LaneId(1);
  CHECK(f.book.Pick(choice) == nullptr);
  f.At(1).gate().OnBuffered(100'000);
  CHECK(f.Pick() == 0);
  f.book.Close(LaneId(1), f.OnLost());
  CHECK(f.Pick() == 0);
}

TEST_CASE("a stalled lane gets one record at a time while another lane moves") {
  Fixture f(2);
  f.Send(1, 0, At(0));
  f.DetectLosses(At(1000));
  REQUIRE(f.At(1).sent().stalled());
  REQUIRE(f.Pick() == 1);
  f.Send(1, 1, At(1000));
  for (uint64_t piece = 2; piece < 20; ++piece) {
    REQUIRE(f.Pick() == 2);
    f.Send(2, piece, At(1000));
  }
  REQUIRE(f.Acknowledge(Ack(LaneId(1), 1, 2), At(1100)).ok());
  CHECK(f.Pick() == 1);
  f.Send(1, 20, At(1100));
  CHECK(f.Pick() == 1);  // It moves again.
}

TEST_CASE("while a lane is stalled, the newest lane comes before those in reserve") {
  Fixture f(3);
  REQUIRE(f.Pick() == 1);
  f.Send(1, 0, At(0));
  f.DetectLosses(At(1000));
  REQUIRE(f.At(1).sent().stalled());
  f.Send(1, 1, At(1000));
  f.Open(4);
  LaneChoice one_lane = Fixture::Choice();
  one_lane.most_lanes = 1;
  CHECK(f.book.Pick(one_lane) == &f.At(4));
  f.book.Close(LaneId(1), f.OnLost());
  CHECK(f.book.Pick(one_lane) == &f.At(2));
}

// --- Losses, probes, copies ---

TEST_CASE("a silent lane gives all its pieces to the others") {
  Fixture f(2);
  for (uint64_t piece = 0; piece < 5; ++piece) f.Send(1, piece, At(0));
  CHECK(f.book.loss_timeout() == At(1000));
  CHECK(f.DetectLosses(At(999)).empty());
  CHECK(f.DetectLosses(At(1000)) == Pieces{0, 1, 2, 3, 4});
  CHECK(f.book.in_flight_bytes() == 0);
  CHECK(f.book.PickForProbe() == nullptr);
}

TEST_CASE("a silent lane without a moving one beside it has two pieces sent again, as probes") {
  Fixture f(1);
  for (uint64_t piece = 0; piece < 5; ++piece) f.Send(1, piece, At(0));
  f.settled = {0};  // Reported, but not worth a probe.
  CHECK(f.DetectLosses(At(1000)) == Pieces{0, 1, 2});
  CHECK(f.book.in_flight_bytes() == 2 * kRecordBytes);
  f.At(1).gate().OnBuffered(100'000);
  CHECK(f.book.PickForProbe() == nullptr);
  f.At(1).gate().OnBuffered(0);
  CHECK(f.book.PickForProbe() == &f.At(1));
  CHECK(f.book.PickForProbe() == &f.At(1));
  CHECK(f.book.PickForProbe() == nullptr);
}

TEST_CASE("a late piece is copied once, to another lane, if it is wanted") {
  Fixture f(2);
  f.Send(1, 0, At(0));
  f.Send(1, 1, At(50));
  const auto pick = [&](bool wanted, Timestamp sent_before) {
    return f.book.PickForCopy(Fixture::Choice(), sent_before, [wanted](PieceId) { return wanted; });
  };
  CHECK(pick(true, At(0)).first == nullptr);
  CHECK(pick(false, At(10)).first == nullptr);
  const auto [lane, piece] = pick(true, At(10));
  REQUIRE(lane == &f.At(2));
  CHECK(piece == PieceId(0));
  CHECK(pick(true, At(10)).first == nullptr);
  CHECK(pick(true, At(51)).second == PieceId(1));
  CHECK(f.book.in_flight_bytes() == 2 * kRecordBytes);
}

TEST_CASE("there is no copy where no other lane has room") {
  Fixture f(2);
  f.Send(1, 0, At(0));
  f.At(2).gate().OnBuffered(100'000);
  const auto any = [](PieceId) { return true; };
  CHECK(f.book.PickForCopy(Fixture::Choice(), At(10), any).first == nullptr);
  f.At(2).gate().OnBuffered(0);
  CHECK(f.book.PickForCopy(Fixture::Choice(), At(10), any).first == &f.At(2));
}

// --- Lanes come and go ---

TEST_CASE("a number comes once in a connection") {
  Fixture f(1);
  CHECK(f.Open(1) == nullptr);
  f.book.Close(LaneId(1), f.OnLost());
  CHECK(f.Open(1) == nullptr);
  CHECK(f.Open(9) != nullptr);
  CHECK(f.Open(5) != nullptr);
  f.book.Reset(f.OnLost());
  CHECK(f.book.empty());
  CHECK(f.Open(1) != nullptr);
}

TEST_CASE("a lane that closes loses its pieces in flight") {
  Fixture f(2);
  for (uint64_t piece = 0; piece < 3; ++piece) f.Send(1, piece, At(0));
  f.Send(2, 7, At(0));
  REQUIRE(f.Acknowledge(Ack(LaneId(1), 1, 2), At(10)).ok());
  f.book.Close(LaneId(1), f.OnLost());
  CHECK(f.lost == Pieces{0, 2});
  CHECK(f.book.in_flight_bytes() == kRecordBytes);
  f.book.Close(LaneId(1), f.OnLost());
  CHECK(f.lost.size() == 2);
}

TEST_CASE("collapsed lanes are retired, but never the last one") {
  Fixture f(3);
  for (uint32_t id = 1; id <= 3; ++id) f.Send(id, id, At(0));
  Pieces retired;
  double mean_rate = 0;
  f.book.Retire(
      kRoundTrip,
      [&](const Lane&, double mean) {
        mean_rate = mean;
        return true;
      },
      [&](const Lane& lane) {
        CHECK(lane.sent().in_flight() == 1);
        retired.push_back(lane.id().value);
      },
      f.OnLost());
  CHECK(retired == Pieces{1, 2});
  CHECK(f.lost == Pieces{1, 2});
  CHECK(f.book.size() == 1);
  CHECK(mean_rate == f.At(3).load().BytesPerSecond(kRoundTrip));
}

// --- Acknowledgements ---

TEST_CASE("an acknowledgement names a lane that is there, was there, or breaks the protocol") {
  Fixture f(2);
  f.Send(1, 0, At(0));
  f.Send(2, 1, At(0));
  REQUIRE(f.Acknowledge(Ack(LaneId(1), 0, 1), At(10)).ok());
  CHECK(f.acked_lane == &f.At(1));
  CHECK(f.acked.pieces == std::vector{PieceId(0)});
  CHECK(f.acked.bytes == kRecordBytes);

  f.book.Close(LaneId(2), f.OnLost());
  CHECK(f.Acknowledge(Ack(LaneId(2), 0, 1), At(11)).ok());
  CHECK(f.acked_lane == nullptr);
  CHECK(f.acked.pieces.empty());
  CHECK(f.acked.bytes == 0);

  const Status unknown = f.Acknowledge(Ack(LaneId(3), 0, 1), At(12));
  REQUIRE_FALSE(unknown.ok());
  CHECK(unknown.error().code == ErrorCode::kProtocolViolation);
  CHECK_FALSE(f.Acknowledge(Ack(LaneId(1), 0, 2), At(13)).ok());  // Never sent.
}

TEST_CASE("owed acknowledgements are packed while there is room, the rest next time, in turn") {
  Fixture f(3);
  const auto owe = [&f](uint32_t id) {
    f.At(id).received().Insert(PacketNumber(0), At(0));
    f.At(id).received().OnAckEliciting(At(0));
  };
  const auto pack = [&f](size_t room) {
    std::vector<uint32_t> packed;
    f.book.PackAcks([](const ReceivedRecords& received) { return received.owes_ack(); },
                    [&](Lane& lane) {
                      if (packed.size() == room) return false;
                      lane.received().TakeAck(lane.id());
                      packed.push_back(lane.id().value);
                      return true;
                    });
    return packed;
  };
  for (uint32_t id = 1; id <= 3; ++id) owe(id);
  CHECK(f.book.ack_due() == At(25));
  CHECK(pack(1) == std::vector<uint32_t>{1});
  // Though the first one owes another, the others come before it.
  owe(1);
  CHECK(pack(2) == std::vector<uint32_t>{2, 3});
  CHECK(f.At(1).received().ack_due() == At(25));
  CHECK(pack(3) == std::vector<uint32_t>{1});
  CHECK(f.book.ack_due().IsNever());
  CHECK(pack(3).empty());
}

// --- What is known of all lanes ---

TEST_CASE("buffers and message lengths are judged over all lanes") {
  Fixture f;
  CHECK(f.book.max_message_bytes() == 0);
  f.book.Open(Lane({LaneId(1), Delivery::kReliable, {1000, 100}, 60'000}));
  f.book.Open(Lane({LaneId(2), Delivery::kReliable, {1000, 100}, 20'000}));
  CHECK(f.book.max_message_bytes() == 20'000);
  CHECK(f.book.LeastBuffered() == &f.At(1));
  CHECK_FALSE(f.book.WindowsAreFull());
  f.At(1).gate().OnBuffered(1000);
  CHECK(f.book.LeastBuffered() == &f.At(2));
  f.At(2).gate().OnBuffered(1);
  CHECK(f.book.WindowsAreFull());
  CHECK_FALSE(f.book.ChannelsAreFull());
  f.At(2).gate().OnBuffered(1000);
  CHECK(f.book.ChannelsAreFull());
  f.book.SetWaterMarks({5000, 2000});
  CHECK_FALSE(f.book.ChannelsAreFull());
}

TEST_CASE("losses of unreliable lanes count on when the lane is gone") {
  Fixture f(1);
  f.Open(2, Delivery::kUnreliable);
  CHECK(f.book.HasUnreliable());
  for (uint64_t piece = 0; piece < 5; ++piece) f.Send(2, piece, At(0));
  REQUIRE(f.Acknowledge(Ack(LaneId(2), 3, 5), At(10)).ok());
  CHECK(f.DetectLosses(At(10)) == Pieces{0, 1});
  CHECK(f.book.unreliable().acked == 2);
  CHECK(f.book.unreliable().lost == 2);
  f.book.Close(LaneId(2), f.OnLost());
  CHECK_FALSE(f.book.HasUnreliable());
  CHECK(f.book.unreliable().acked == 2);
  CHECK(f.book.unreliable().lost == 2);
}

TEST_CASE("totals count the lanes that are gone, also those of earlier connections") {
  Fixture fixture(3);
  CHECK(fixture.book.totals().bytes_sent == 0);
  for (const uint32_t id : {1u, 2u, 3u}) {
    fixture.At(id).counters() = {.bytes_sent = 100 * id,
                                 .bytes_received = 10 * id,
                                 .records_sent = id,
                                 .records_received = 2 * id};
  }
  const auto check = [&fixture](uint64_t more) {
    const LaneCounters totals = fixture.book.totals();
    CHECK(totals.bytes_sent == 600 + more);
    CHECK(totals.bytes_received == 60 + more);
    CHECK(totals.records_sent == 6 + more);
    CHECK(totals.records_received == 12 + more);
  };
  check(0);
  fixture.book.Close(LaneId(2), [](PieceId) { return true; });
  check(0);
  fixture.book.Close(LaneId(2), [](PieceId) { return true; });
  check(0);
  fixture.book.Reset([](PieceId) { return true; });
  check(0);
  fixture.Open(1)->counters() = {
      .bytes_sent = 1, .bytes_received = 1, .records_sent = 1, .records_received = 1};
  check(1);
}

TEST_CASE("what is in flight is the sum over the lanes, whatever happens") {
  const uint64_t seed = GENERATE(Catch::Generators::range(uint64_t{1}, uint64_t{101}));
  Random random(seed);
  Fixture f(3, random.Chance(0.5) ? Delivery::kReliable : Delivery::kUnreliable);
  uint32_t next_lane = 4;
  uint64_t next_piece = 0;
  Timestamp now = At(1000);
  for (int step = 0; step < 300; ++step) {
    now = now + Duration::Millis(static_cast<int64_t>(random.Below(400)));
    const LaneId id(static_cast<uint32_t>(random.Between(1, next_lane - 1)));
    const Lane* lane = f.book.Find(id);
    switch (random.Below(8)) {
      case 0:
        f.Open(next_lane++);
        break;
      case 1:
        if (random.Chance(0.3)) f.book.Close(id, f.OnLost());
        break;
      case 2:
        f.DetectLosses(now);
        break;
      case 3:
        if (lane != nullptr && lane->sent().next_number().value > 0) {
          const uint64_t end = random.Between(1, lane->sent().next_number().value);
          REQUIRE(f.Acknowledge(Ack(id, random.Below(end), end), now).ok());
        }
        break;
      case 4:
        if (Lane* probe = f.book.PickForProbe()) f.Send(*probe, next_piece++, now);
        break;
      case 5:
        f.book.Retire(
            kRoundTrip, [&](const Lane&, double) { return random.Chance(0.05); },
            [](const Lane&) {}, f.OnLost());
        break;
      default:
        if (Lane* picked = f.book.Pick(Fixture::Choice())) f.Send(*picked, next_piece++, now);
    }
    size_t sum = 0;
    for (const auto& [_, each] : f.book.lanes()) sum += each.sent().in_flight_bytes();
    REQUIRE(f.book.in_flight_bytes() == sum);
  }
  f.book.Reset(f.OnLost());
  CHECK(f.book.in_flight_bytes() == 0);
}

}  // namespace
}  // namespace millrace
