#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <map>
#include <string>
#include <vector>

#include "mesh/incoming_stream.h"
#include "mesh/outgoing_stream.h"
#include "support/random.h"

namespace millrace {
namespace {

using Outcome = IncomingStream::Outcome;

Timestamp At(int64_t ms) { return Timestamp::FromMicros(ms * 1000); }

MessagePacket Message(uint64_t sequence, std::string_view text, uint64_t oldest = 0) {
  return {sequence, oldest, 0, false, AsBytes(text)};
}

std::string Popped(IncomingStream& stream) {
  std::string all;
  Delivered message;
  while (stream.Pop(message)) all += AsText(message.payload);
  return all;
}

TEST_CASE("messages are delivered in order, whatever order they come in, each once") {
  IncomingStream stream(false, {});
  CHECK(stream.OnMessage(Message(2, "c")) == Outcome::kTaken);
  CHECK(stream.OnMessage(Message(1, "b")) == Outcome::kTaken);
  CHECK(stream.OnMessage(Message(2, "X")) == Outcome::kDuplicate);
  CHECK(Popped(stream).empty());
  CHECK(stream.waiting_bytes() == 2);
  CHECK(stream.OnMessage(Message(0, "a")) == Outcome::kTaken);
  CHECK(Popped(stream) == "abc");
  CHECK(stream.OnMessage(Message(0, "X")) == Outcome::kDuplicate);
  CHECK(stream.waiting_bytes() == 0);
}

TEST_CASE("unordered messages are delivered as they come, each once") {
  IncomingStream stream(true, {});
  for (const uint64_t sequence : {uint64_t{2}, uint64_t{0}, uint64_t{2}, uint64_t{1}}) {
    stream.OnMessage(Message(sequence, std::to_string(sequence)));
  }
  CHECK(Popped(stream) == "201");
}

TEST_CASE("what waits is bounded, and the next message in order always fits") {
  IncomingStream stream(false, {4, 5});
  CHECK(stream.OnMessage(Message(4, "e")) == Outcome::kOutOfRoom);
  CHECK(stream.OnMessage(Message(2, "ccc")) == Outcome::kTaken);
  CHECK(stream.OnMessage(Message(1, "bbb")) == Outcome::kOutOfRoom);
  CHECK(stream.Ack().used().size() == 1);
  CHECK(stream.OnMessage(Message(0, "a long one")) == Outcome::kTaken);
  CHECK(stream.OnMessage(Message(1, "bbb")) == Outcome::kTaken);
  CHECK(Popped(stream) == "a long onebbbccc");
}

TEST_CASE("nothing below the oldest number is waited for") {
  IncomingStream stream(false, {});
  stream.OnMessage(Message(7, "h", 6));
  CHECK(Popped(stream).empty());
  CHECK(stream.OnMessage(Message(7, "h", 7)) == Outcome::kDuplicate);
  CHECK(Popped(stream) == "h");
  CHECK(stream.Ack().next == 8);
}

TEST_CASE("an acknowledgement names the newest ranges that fit") {
  IncomingStream stream(true, {});
  for (uint64_t sequence = 1; sequence < 2 * kMaxMeshAckRanges + 6; sequence += 2) {
    stream.OnMessage(Message(sequence, ""));
  }
  const MeshAckPacket ack = stream.Ack();
  CHECK(ack.next == 0);
  CHECK(ack.range_count == kMaxMeshAckRanges);
  CHECK(ack.used().back() == Range{2 * kMaxMeshAckRanges + 5, 2 * kMaxMeshAckRanges + 6});
}

MeshAckPacket AckUpTo(uint64_t next) {
  MeshAckPacket ack;
  ack.next = next;
  return ack;
}

TEST_CASE("a message is kept until each receiver has it or has left") {
  OutgoingStream stream({}, {});
  CHECK(stream.Add(AsBytes("x"), 0, false, At(0)).error().code == ErrorCode::kInvalidArgument);
  stream.AddReceiver("a", At(0));
  stream.AddReceiver("b", At(0));
  CHECK(stream.Add(AsBytes("0"), 0, false, At(0)).value() == 0);
  CHECK(stream.Add(AsBytes("1"), 0, false, At(0)).value() == 1);
  uint64_t settled = 99;
  CHECK(stream.OnAck("a", AckUpTo(2), At(10)).ok());
  CHECK(stream.OnAck("nobody", AckUpTo(2), At(10)).ok());
  CHECK_FALSE(stream.PopSettled(settled));
  CHECK(stream.OnAck("b", AckUpTo(1), At(10)).ok());
  CHECK(stream.PopSettled(settled));
  CHECK(settled == 0);
  CHECK(stream.oldest() == 1);
  CHECK_FALSE(stream.OnAck("b", AckUpTo(3), At(10)).ok());
  stream.RemoveReceiver("b");
  CHECK(stream.PopSettled(settled));
  CHECK(settled == 1);
  CHECK(stream.kept_bytes() == 0);
}

TEST_CASE("a source that is not acknowledged is slowed down") {
  OutgoingStream stream({2, 5}, {});
  stream.AddReceiver("a", At(0));
  const std::vector<uint8_t> too_long(kMaxMeshPayloadBytes + 1);
  CHECK(stream.Add(too_long, 0, false, At(0)).error().code == ErrorCode::kTooLarge);
  CHECK(stream.Add(AsBytes("x"), kMaxVarint + 1, false, At(0)).error().code ==
        ErrorCode::kInvalidArgument);
  CHECK(stream.Add(AsBytes("123"), 0, false, At(0)).ok());
  CHECK(stream.Add(AsBytes("456"), 0, false, At(0)).error().code == ErrorCode::kTooLarge);
  CHECK(stream.Add(AsBytes("4"), 0, false, At(0)).ok());
  CHECK(stream.Add(AsBytes(""), 0, false, At(0)).error().code == ErrorCode::kTooLarge);
  CHECK(stream.OnAck("a", AckUpTo(1), At(1)).ok());
  CHECK(stream.Add(AsBytes("456"), 0, false, At(1)).value() == 2);
}

TEST_CASE("what is not acknowledged goes out again, less and less often") {
  OutgoingStream stream({}, {Duration::Millis(500), Duration::Seconds(2), 2});
  stream.AddReceiver("a", At(0));
  for (int i = 0; i < 4; ++i) CHECK(stream.Add(AsBytes("x"), 0, false, At(0)).ok());
  MeshAckPacket ack = AckUpTo(0);
  ack.ranges[0] = {1, 2};
  ack.range_count = 1;
  CHECK(stream.OnAck("a", ack, At(100)).ok());
  CHECK(stream.NextResend() == At(600));
  CHECK(stream.DueResends(At(599)).empty());
  const std::vector<OutgoingStream::Resend> due = stream.DueResends(At(600));
  REQUIRE(due.size() == 1);
  CHECK(due[0].receiver == "a");
  CHECK(due[0].sequences == std::vector<uint64_t>{0, 2});
  CHECK(stream.NextResend() == At(1600));
  CHECK(stream.DueResends(At(1600)).size() == 1);
  CHECK(stream.NextResend() == At(3600));
  CHECK(stream.DueResends(At(3600)).size() == 1);
  CHECK(stream.NextResend() == At(5600));
  CHECK(stream.OnAck("a", AckUpTo(4), At(5000)).ok());
  CHECK(stream.NextResend().IsNever());
}

TEST_CASE("who joins gets what is still kept, and need not wait for what is not") {
  OutgoingStream out({}, {});
  out.AddReceiver("a", At(0));
  for (const char* text : {"0", "1", "2"}) CHECK(out.Add(AsBytes(text), 0, false, At(0)).ok());
  CHECK(out.OnAck("a", AckUpTo(1), At(1)).ok());
  out.AddReceiver("late", At(2));
  CHECK(out.NextResend() == At(2));
  IncomingStream in(false, {});
  for (const auto& due : out.DueResends(At(2))) {
    for (const uint64_t sequence : due.sequences) {
      MessagePacket packet;
      REQUIRE(out.Find(sequence, packet));
      in.OnMessage(packet);
    }
  }
  CHECK(Popped(in) == "12");
  CHECK(out.OnAck("late", in.Ack(), At(3)).ok());
  CHECK(out.oldest() == 1);
}

// A network that loses, doubles and reorders, in both directions.
TEST_CASE("every message arrives once and in order over a network that loses and reorders") {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    INFO("seed " << seed);
    testing::Random random(seed);
    constexpr int kReceivers = 3;
    constexpr int kMessages = 100;
    const bool unordered = random.Chance(0.5);
    OutgoingStream out({16, 1000}, {});
    std::vector<IncomingStream> in(kReceivers, IncomingStream(unordered, {16, 40}));
    std::vector<std::vector<int>> got(kReceivers);
    for (int i = 0; i < kReceivers; ++i) out.AddReceiver(std::to_string(i), At(0));
    std::multimap<int64_t, std::pair<int, uint64_t>> flying;
    int sent = 0;
    uint64_t settled = 0;
    int settled_count = 0;
    int64_t ms = 0;
    const auto launch = [&](int receiver, uint64_t sequence) {
      for (int copy = 0; copy < 2; ++copy) {
        if (random.Chance(0.4)) continue;
        flying.emplace(ms + static_cast<int64_t>(random.Below(300)), std::pair(receiver, sequence));
      }
    };
    for (; settled_count < kMessages && ms < 3'600'000; ms += 5) {
      if (sent < kMessages) {
        const Result<uint64_t> sequence = out.Add(AsBytes(std::to_string(sent)), 0, false, At(ms));
        if (sequence.ok()) {
          ++sent;
          for (int i = 0; i < kReceivers; ++i) launch(i, sequence.value());
        }
      }
      for (const auto& due : out.DueResends(At(ms))) {
        for (const uint64_t sequence : due.sequences) {
          launch(std::stoi(std::string(due.receiver)), sequence);
        }
      }
      while (!flying.empty() && flying.begin()->first <= ms) {
        const auto [receiver, sequence] = flying.begin()->second;
        flying.erase(flying.begin());
        MessagePacket packet;
        if (!out.Find(sequence, packet)) continue;
        IncomingStream& stream = in[static_cast<size_t>(receiver)];
        stream.OnMessage(packet);
        Delivered message;
        while (stream.Pop(message)) {
          got[static_cast<size_t>(receiver)].push_back(
              std::stoi(std::string(AsText(message.payload))));
        }
        if (random.Chance(0.3)) continue;
        REQUIRE(out.OnAck(std::to_string(receiver), stream.Ack(), At(ms)).ok());
      }
      while (out.PopSettled(settled)) ++settled_count;
    }
    REQUIRE(settled_count == kMessages);
    for (std::vector<int>& numbers : got) {
      if (unordered) std::sort(numbers.begin(), numbers.end());
      REQUIRE(numbers.size() == kMessages);
      for (int i = 0; i < kMessages; ++i) CHECK(numbers[static_cast<size_t>(i)] == i);
    }
  }
}

}  // namespace
}  // namespace millrace
