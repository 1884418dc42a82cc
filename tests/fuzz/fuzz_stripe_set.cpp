// A lane set against a peer that says what it likes: chunks, acknowledgements, cancellations, pings
// and pongs with any content, on any lane, while lanes come and go. Whatever it says, the set ends
// with a typed error or goes on, rates stay within their bounds, and no timeout lies in the past
// once everything has been sent.

#include <algorithm>
#include <vector>

#include "fuzz/check.h"
#include "stripes/stripe_set.h"

namespace millrace {
namespace {

using testing::Check;

class Victim {
 public:
  explicit Victim(uint8_t kind)
      : set_(
            {.scheduler = (kind & 1) != 0 ? Scheduler::kRoundRobin : Scheduler::kEarliestCompletion,
             .paced = (kind & 2) != 0}) {
    const Delivery delivery = (kind & 4) != 0 ? Delivery::kReliable : Delivery::kUnreliable;
    for (uint32_t lane = 1; lane <= 3; ++lane) {
      Check(set_.OpenLane(LaneId(lane), kMaxMessageBytes, delivery).ok());
    }
    if ((kind & 8) != 0) set_.OpenPulse();
    Check(set_.Begin(400'000, (kind & 16) != 0 ? 0 : 20'000).ok());
  }

  // Answers whether the set can be used any longer.
  bool Step(ByteReader& input) {
    const uint8_t step = input.U8();
    const uint8_t choice = step >> 3;
    switch (step & 7) {
      case 0:
        now_ = now_ + Duration::Micros(int64_t{1} << choice);
        return true;
      case 1:
        set_.SetBuffered(Lane(choice), input.U16());
        return true;
      case 2:
        return Pong(input);
      case 3:
        return Acknowledge(Lane(choice), input);
      case 4:
        return Ping(input);
      case 5:
        Change(choice);
        return true;
      default:
        return Anything(Lane(choice), input);
    }
  }

  void Run() {
    for (int outputs = 0; set_.PollOutput(now_); ++outputs) Check(outputs < 10'000);
    while (set_.PollEvent()) continue;
    Check(set_.NextTimeout() > now_);
    const RateController& rate = set_.flow().rate();
    Check(rate.pacing_bytes_per_second() >= RateController::kLeastBytesPerSecond);
    Check(rate.pacing_bytes_per_second() <= RateController::kMostBytesPerSecond);
  }

 private:
  static LaneId Lane(uint8_t choice) {
    return choice % 5 == 4 ? kPulseLane : LaneId(uint32_t{choice} % 5u);
  }

  bool Handle(LaneId lane, ByteView message) {
    if (set_.Begins(message)) ++begun_;
    const auto arrival = set_.HandleInput(lane, message, now_);
    if (!arrival.ok()) Check(arrival.error().code == ErrorCode::kProtocolViolation);
    return arrival.ok();
  }

  bool Say(LaneId lane, const Frame& frame) {
    std::vector<uint8_t> message(kMaxAckFrameBytes + 64);
    ByteWriter writer(message);
    writer.U8(2);
    EncodeFrame(frame, writer);
    return Handle(lane, writer.written());
  }

  bool Ping(ByteReader& input) { return Say(kPulseLane, PingFrame{input.U64()}); }

  bool Pong(ByteReader& input) {
    const uint64_t token = input.U8();
    return Say(kPulseLane, PongFrame{token, Timestamp::FromMicros(Time(input))});
  }

  bool Acknowledge(LaneId lane, ByteReader& input) {
    AckFrame ack;
    ack.lane = lane;
    ack.largest_received_at = Timestamp::FromMicros(Time(input));
    const uint64_t begin = input.U8() % 32;
    ack.ranges[0] = Range{begin, begin + 1 + input.U8() % 4};
    ack.range_count = 1;
    return Say(LaneId(1), ack);
  }

  bool Anything(LaneId lane, ByteReader& input) {
    std::vector<uint8_t> message(input.U8() % 80);
    for (uint8_t& byte : message) byte = input.U8();
    return Handle(lane, message);
  }

  void Change(uint8_t choice) {
    if (choice == 0) return set_.ClosePulse();
    if (choice == 1) return set_.OpenPulse();
    if (choice == 2) return set_.Refuse("no");
    if (choice == 3) return set_.Cancel("no");
    if (choice < 8) return set_.CloseLane(LaneId(choice - 3u));
    if (set_.lanes().empty())
      static_cast<void>(set_.OpenLane(LaneId(choice), kMaxMessageBytes, Delivery::kReliable));
    static_cast<void>(set_.Begin(uint64_t{choice} * 10'000, 0));
  }

  int64_t Time(ByteReader& input) {
    const uint8_t kind = input.U8();
    if (kind < 128) return now_.micros() + (int64_t{kind} - 64) * 1000;
    return static_cast<int64_t>(input.U64());
  }

  StripeSet set_;
  Timestamp now_ = Timestamp::FromMicros(1'000'000);
  size_t begun_ = 0;
};

}  // namespace
}  // namespace millrace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1 || size > 2048) return 0;
  millrace::ByteReader input(millrace::ByteView(data, size));
  millrace::Victim victim(input.U8());
  while (!input.AtEnd()) {
    if (!victim.Step(input)) return 0;
    victim.Run();
  }
  return 0;
}
