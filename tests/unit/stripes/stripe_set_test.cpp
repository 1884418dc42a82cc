// Data striped over lanes that lose, delay, repeat, stall and close.

#include "stripes/stripe_set.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <map>
#include <set>
#include <string>

#include "support/random.h"

namespace millrace {
namespace {

using testing::Random;

// Two sets and the channels between them.
struct Pair {
  struct End {
    explicit End(const StripeOptions& options) : set(options) {}
    StripeSet set;
    std::vector<uint8_t> data;      // What it sends.
    std::vector<uint8_t> received;  // What it got, in place.
    std::vector<StripeEvent> events;
    std::map<LaneId, int> chunks;  // That it sent, by lane.
    bool twice = false;
    std::optional<Error> error;
  };
  struct Message {
    size_t to;
    LaneId lane;
    std::vector<uint8_t> bytes;
  };

  Pair(uint64_t seed, size_t lanes, Delivery delivery, StripeOptions options = {})
      : random(seed), ends{End(options), End(options)} {
    for (uint32_t id = 1; id <= lanes; ++id) Open(LaneId(id), delivery);
  }

  void Open(LaneId id, Delivery delivery) {
    for (End& end : ends) CHECK(end.set.OpenLane(id, kMaxMessageBytes, delivery).ok());
    open.insert(id);
  }
  void Close(LaneId id) {
    open.erase(id);
    for (End& end : ends) end.set.CloseLane(id);
  }

  void Send(size_t from, size_t bytes, size_t chunk_bytes) {
    ends[from].data = random.Bytes(bytes);
    REQUIRE(ends[from].set.Begin(bytes, chunk_bytes).ok());
  }

  void Poll(size_t side) {
    End& end = ends[side];
    while (const auto output = end.set.PollOutput(now)) {
      std::vector<uint8_t> bytes(output->bytes.begin(), output->bytes.end());
      if (output->is_chunk) {
        ++end.chunks[output->lane];
        const auto begin = end.data.begin() + static_cast<std::ptrdiff_t>(output->offset);
        bytes.insert(bytes.end(), begin, begin + static_cast<std::ptrdiff_t>(output->length));
      }
      if (stalled.count(output->lane) > 0 || random.Chance(loss)) continue;
      const int copies = random.Chance(duplication) ? 2 : 1;
      for (int i = 0; i < copies; ++i) {
        const auto delay = static_cast<int64_t>(10 + random.Below(jitter_ms + 1));
        flying.emplace(now + Duration::Millis(delay), Message{1 - side, output->lane, bytes});
      }
    }
    while (const auto event = end.set.PollEvent()) {
      end.events.push_back(*event);
    }
  }

  void Deliver(const Message& message) {
    End& end = ends[message.to];
    if (open.count(message.lane) == 0) return;
    if (const auto bytes = end.set.Begins(message.bytes)) {
      end.received.assign(static_cast<size_t>(*bytes), 0);
      if (refuses) return end.set.Decline(message.bytes, "no");
    }
    const Result<StripeArrival> arrival = end.set.HandleInput(message.lane, message.bytes, now);
    if (!arrival.ok()) {
      end.error = arrival.error();
      return;
    }
    Poll(message.to);
    if (!arrival.value().is_new || end.received.empty()) return;
    const auto payload =
        message.bytes.begin() + static_cast<std::ptrdiff_t>(arrival.value().payload);
    std::copy(payload, message.bytes.end(),
              end.received.begin() + static_cast<std::ptrdiff_t>(arrival.value().offset));
    end.twice = end.twice || !offsets.insert(arrival.value().offset).second;
  }

  // Lets time pass in steps of 5 ms; channels drain at once.
  void RunFor(int64_t millis) {
    for (const Timestamp end = now + Duration::Millis(millis); now < end;
         now = now + Duration::Millis(5)) {
      for (const size_t side : {size_t{0}, size_t{1}}) {
        for (const LaneId id : open) ends[side].set.SetBuffered(id, 0);
        Poll(side);
      }
      while (!flying.empty() && flying.begin()->first <= now) {
        const Message message = std::move(flying.begin()->second);
        flying.erase(flying.begin());
        Deliver(message);
      }
    }
  }

  size_t Count(size_t side, StripeEventType type) const {
    size_t count = 0;
    for (const StripeEvent& event : ends[side].events) count += event.type == type ? 1 : 0;
    return count;
  }
  // Of the last event of that type.
  Error ErrorOf(size_t side, StripeEventType type) const {
    Error error;
    for (const StripeEvent& event : ends[side].events) {
      if (event.type == type) error = event.error;
    }
    return error;
  }
  bool Arrived(size_t from) const {
    return Count(from, StripeEventType::kSent) == 1 &&
           Count(1 - from, StripeEventType::kReceived) == 1 &&
           ends[1 - from].received == ends[from].data && !ends[1 - from].twice;
  }

  Random random;
  double loss = 0;
  double duplication = 0;
  uint64_t jitter_ms = 0;
  bool refuses = false;
  Timestamp now = Timestamp::FromMicros(1'000'000);
  std::array<End, 2> ends;
  std::set<LaneId> open;
  std::set<LaneId> stalled;
  std::multimap<Timestamp, Message> flying;
  std::set<uint64_t> offsets;
};

TEST_CASE("data arrives in place at every length around a chunk, over any number of lanes") {
  const size_t bytes = GENERATE(size_t{0}, size_t{1}, size_t{19'999}, size_t{20'000},
                                size_t{20'001}, size_t{300'123});
  const size_t lanes = GENERATE(size_t{1}, size_t{2}, size_t{4}, size_t{16});
  Pair pair(bytes + lanes, lanes, Delivery::kReliable);
  pair.Send(0, bytes, 20'000);
  pair.RunFor(500);
  CHECK(pair.Arrived(0));
}

TEST_CASE("taking turns uses each lane alike") {
  Pair pair(1, 4, Delivery::kReliable, {.scheduler = Scheduler::kRoundRobin});
  pair.Send(0, 400'000, 10'000);
  pair.RunFor(500);
  REQUIRE(pair.Arrived(0));
  for (const auto& [lane, chunks] : pair.ends[0].chunks) CHECK(chunks == 10);
  CHECK(pair.ends[0].chunks.size() == 4);
  CHECK(pair.ends[0].set.lanes().at(LaneId(1)).counters().bytes_sent == 100'000);
  CHECK(pair.ends[1].set.lanes().at(LaneId(1)).counters().records_received == 10);
}

TEST_CASE("lossy lanes that reorder and repeat deliver everything once, both ways") {
  const uint64_t seed = GENERATE(Catch::Generators::range(uint64_t{1}, uint64_t{9}));
  Pair pair(seed, 3, Delivery::kUnreliable);
  pair.loss = 0.2;
  pair.duplication = 0.1;
  pair.jitter_ms = 60;
  pair.Send(0, 1'000'000, 16'000);
  pair.RunFor(30'000);
  CHECK(pair.Arrived(0));
  pair.offsets.clear();
  pair.Send(1, 500'000, 16'000);
  pair.RunFor(30'000);
  CHECK(pair.Arrived(1));
}

TEST_CASE("a lane that closes in the middle, and one that stalls, lose nothing") {
  Pair pair(4, 3, Delivery::kReliable);
  pair.Send(0, 20'000'000, 64'000);
  pair.RunFor(15);
  pair.stalled.insert(LaneId(2));
  pair.RunFor(15);
  pair.Close(LaneId(3));
  pair.RunFor(20'000);
  CHECK(pair.Arrived(0));
}

TEST_CASE("a lane opened meanwhile helps, and a number never comes twice") {
  Pair pair(5, 1, Delivery::kReliable, {.scheduler = Scheduler::kRoundRobin});
  pair.Send(0, 20'000'000, 64'000);
  pair.RunFor(15);
  pair.Open(LaneId(7), Delivery::kReliable);
  pair.RunFor(2000);
  CHECK(pair.Arrived(0));
  CHECK(pair.ends[0].chunks[LaneId(7)] > 0);
  pair.Close(LaneId(7));
  CHECK_FALSE(pair.ends[0].set.OpenLane(LaneId(7), kMaxMessageBytes, Delivery::kReliable).ok());
  CHECK_FALSE(pair.ends[0].set.OpenLane(LaneId(8), 1000, Delivery::kReliable).ok());
}

TEST_CASE("the last lane takes both directions with it, at once") {
  Pair pair(6, 2, Delivery::kReliable);
  pair.Send(0, 20'000'000, 64'000);
  pair.Send(1, 20'000'000, 64'000);
  pair.RunFor(30);
  pair.Close(LaneId(1));
  pair.RunFor(5);
  CHECK(pair.Count(0, StripeEventType::kSendFailed) == 0);
  pair.Close(LaneId(2));
  for (const size_t side : {size_t{0}, size_t{1}}) {
    pair.Poll(side);
    CHECK(pair.Count(side, StripeEventType::kSendFailed) == 1);
    CHECK(pair.Count(side, StripeEventType::kReceiveFailed) == 1);
    CHECK(pair.ErrorOf(side, StripeEventType::kSendFailed).code == ErrorCode::kLaneClosed);
    CHECK(pair.ErrorOf(side, StripeEventType::kReceiveFailed).code == ErrorCode::kLaneClosed);
  }
}

TEST_CASE("a refusal ends the sending, even where it is lost at first") {
  Pair pair(7, 2, Delivery::kUnreliable);
  pair.loss = 0.5;
  pair.refuses = true;
  pair.Send(0, GENERATE(size_t{10}, size_t{2'000'000}), 64'000);
  pair.RunFor(20'000);
  CHECK(pair.Count(0, StripeEventType::kSent) == 0);
  CHECK(pair.Count(0, StripeEventType::kSendFailed) == 1);
  CHECK(pair.ErrorOf(0, StripeEventType::kSendFailed).code == ErrorCode::kRejected);
  CHECK(pair.ErrorOf(0, StripeEventType::kSendFailed).detail == "no");
  CHECK_FALSE(pair.ends[0].set.sending());
}

TEST_CASE("a transfer may be refused in the middle") {
  Pair pair(10, 2, Delivery::kReliable);
  pair.Send(0, 20'000'000, 64'000);
  pair.RunFor(30);
  CHECK(pair.ends[1].set.received_bytes() > 0);
  pair.ends[1].set.Refuse("");
  pair.RunFor(60);
  CHECK(pair.Count(0, StripeEventType::kSendFailed) == 1);
  CHECK(pair.ErrorOf(0, StripeEventType::kSendFailed).detail == "refused");
}

TEST_CASE("a cancelled transfer ends at the other side, and the next one arrives") {
  Pair pair(8, 2, Delivery::kReliable);
  pair.Send(0, 20'000'000, 64'000);
  pair.RunFor(30);
  pair.ends[0].set.Cancel("enough");
  CHECK_FALSE(pair.ends[0].set.sending());
  pair.RunFor(30);
  CHECK(pair.Count(1, StripeEventType::kReceiveFailed) == 1);
  CHECK(pair.ErrorOf(1, StripeEventType::kReceiveFailed).detail == "enough");
  pair.offsets.clear();
  pair.ends[1].twice = false;
  pair.Send(0, 100'000, 64'000);
  pair.RunFor(2000);
  CHECK(pair.Arrived(0));
}

TEST_CASE("a reason that is too long is cut between characters, and the peer takes it") {
  const std::string kept(kMaxReasonBytes - 2, 'x');
  const std::string reason = kept + "€ and more";
  const bool cancels = GENERATE(true, false);
  Pair pair(11, 2, Delivery::kReliable);
  pair.Send(0, 20'000'000, 64'000);
  pair.RunFor(30);
  if (cancels) {
    pair.ends[0].set.Cancel(reason);
  } else {
    pair.ends[1].set.Refuse(reason);
  }
  pair.RunFor(60);
  for (const Pair::End& end : pair.ends) CHECK_FALSE(end.error);
  const size_t told = cancels ? 1 : 0;
  const auto type = cancels ? StripeEventType::kReceiveFailed : StripeEventType::kSendFailed;
  CHECK(pair.Count(told, type) == 1);
  CHECK(pair.ErrorOf(told, type).detail == kept);
}

TEST_CASE("lanes pause at their marks, say when they drain, and the window bounds what is ahead") {
  StripeSet set({.water_marks = {100'000, 10'000}});
  REQUIRE(set.OpenLane(LaneId(1), kMaxMessageBytes, Delivery::kReliable).ok());
  CHECK_FALSE(set.Begin(UINT64_MAX, 1000).ok());
  REQUIRE(set.Begin(64'000'000, 50'000).ok());
  CHECK_FALSE(set.Begin(10, 1000).ok());
  const Timestamp now = Timestamp::FromMicros(1);
  size_t bytes = 0;
  const auto poll = [&] {
    while (const auto output = set.PollOutput(now)) bytes += output->length;
  };
  poll();
  CHECK(bytes == 100'000);
  set.SetBuffered(LaneId(1), 20'000);
  poll();
  CHECK(bytes == 100'000);
  CHECK_FALSE(set.PollEvent());
  set.SetBuffered(LaneId(1), 10'000);
  CHECK(set.PollEvent()->type == StripeEventType::kDrained);
  for (int i = 0; i < 1000; ++i) {
    set.SetBuffered(LaneId(1), 0);
    poll();
  }
  CHECK(bytes <= StripeSet::kWindowBytes);
  CHECK(bytes > StripeSet::kWindowBytes - 50'000);
}

TEST_CASE("no message of a peer does harm, whatever is in it") {
  Random random(9);
  for (int run = 0; run < 300; ++run) {
    Pair pair(static_cast<uint64_t>(run), 2, Delivery::kReliable);
    pair.Send(0, 300'000, 16'000);
    pair.RunFor(10);
    for (int i = 0; i < 30; ++i) {
      std::vector<uint8_t> bytes = random.Bytes(random.Below(80));
      if (!pair.flying.empty() && random.Chance(0.7)) {
        bytes = pair.flying.begin()->second.bytes;
        const size_t reach = std::min<size_t>(bytes.size(), 40);
        bytes[random.Below(reach)] = static_cast<uint8_t>(random.Next());
      } else if (!bytes.empty()) {
        bytes[0] = static_cast<uint8_t>(1 + random.Below(2));
      }
      const size_t to = random.Below(2);
      const auto arrival = pair.ends[to].set.HandleInput(LaneId(1), bytes, pair.now);
      if (!arrival.ok()) CHECK(arrival.error().code == ErrorCode::kProtocolViolation);
      pair.Poll(to);
    }
  }
}

TEST_CASE("lanes that had paused go on under higher marks") {
  StripeSet set({.water_marks = {100'000, 10'000}});
  REQUIRE(set.OpenLane(LaneId(1), kMaxMessageBytes, Delivery::kReliable).ok());
  REQUIRE(set.Begin(1'000'000, 50'000).ok());
  size_t bytes = 0;
  const auto poll = [&] {
    while (const auto output = set.PollOutput(Timestamp::FromMicros(1))) bytes += output->length;
  };
  poll();
  CHECK(bytes == 100'000);
  // The 100,000 bytes with their headers are below this low mark.
  set.SetWaterMarks({200'000, 110'000});
  poll();
  CHECK(bytes == 200'000);
}

TEST_CASE("a set says when it has something to do, and how much the peer has") {
  StripeSet sender({});
  StripeSet receiver({});
  for (StripeSet* set : {&sender, &receiver}) {
    REQUIRE(set->OpenLane(LaneId(1), kMaxMessageBytes, Delivery::kReliable).ok());
    CHECK(set->NextTimeout().IsNever());
  }
  REQUIRE(sender.Begin(20'000, 10'000).ok());
  const Timestamp now = Timestamp::FromMicros(1'000'000);
  const auto chunk = sender.PollOutput(now);
  REQUIRE(chunk);
  CHECK(sender.NextTimeout() > now);
  CHECK_FALSE(sender.NextTimeout().IsNever());
  std::vector<uint8_t> message(chunk->bytes.begin(), chunk->bytes.end());
  message.resize(message.size() + chunk->length);
  REQUIRE(receiver.HandleInput(LaneId(1), message, now).ok());
  const Timestamp due = receiver.NextTimeout();
  REQUIRE(due < now + Duration::Seconds(1));
  CHECK_FALSE(receiver.PollOutput(due + Duration::Micros(-1)));
  const auto ack = receiver.PollOutput(due);
  REQUIRE(ack);
  CHECK(receiver.NextTimeout().IsNever());
  CHECK(sender.sent_bytes() == 0);
  REQUIRE(sender.HandleInput(LaneId(1), ack->bytes, due).ok());
  CHECK(sender.sent_bytes() == 10'000);
  CHECK(receiver.received_bytes() == 10'000);
}

}  // namespace
}  // namespace millrace
