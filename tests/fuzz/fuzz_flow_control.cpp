// Rate control against a peer that says what it likes: acknowledgements of everything or nothing,
// receive times that lie, jump or run backwards, delays below zero or of centuries. Whatever it
// says, rates, records, intervals and lanes stay within their bounds, and the next record is due
// after a time that follows from what was sent.

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/leaf.h"
#include "control/flow_control.h"
#include "fuzz/check.h"

namespace millrace {
namespace {

using testing::Check;

constexpr size_t kMostRecord = 64 * 1024;
constexpr LaneLimits kLimits{1, 32};

class Peer {
 public:
  explicit Peer(uint8_t kind) : flow_(kLimits) {
    flow_.SetBackground((kind & 1) != 0);
    if ((kind & 2) != 0) flow_.SetMostBytesPerSecond(static_cast<double>(kind) * 10'000, now_);
  }

  void Step(ByteReader& input) {
    const uint8_t step = input.U8();
    const uint8_t choice = step >> 3;
    switch (step & 7) {
      case 0:
        return Send(choice);
      case 1:
        return Answer(Duration::Micros(int64_t{input.U16()} * 8), ClockTime(input));
      case 2:
        // A round trip of any size, below zero as well.
        return Answer(Duration::Micros(Signed(input)), ClockTime(input));
      case 3:
        return Acknowledge(size_t{input.U16()} << (choice % 16), ClockTime(input));
      case 4:
        flow_.OnLimited(static_cast<SendLimit>(choice % 5), now_);
        return;
      case 5:
        now_ = now_ + Duration::Micros(int64_t{1} << choice);
        return;
      case 6:
        flow_.OnRetired(now_);
        flow_.SetMostBytesPerSecond(static_cast<double>(choice) * 1'000, now_);
        Check(!flow_.IsCollapsed({false, 1e9, 1.0, 0}, now_));
        Check(flow_.IsCollapsed({true, 1e9, 1.0, 0}, now_));
        return;
      default:
        // As a session runs while all is well.
        Send(3);
        now_ = now_ + Duration::Millis(choice);
        return Answer(Duration::Millis(choice), now_);
    }
  }

  void CheckBounds() const {
    const RateController& rate = flow_.rate();
    Check(rate.pacing_bytes_per_second() >= RateController::kLeastBytesPerSecond);
    Check(rate.pacing_bytes_per_second() <= RateController::kMostBytesPerSecond);
    Check(rate.bandwidth_bytes_per_second() >= RateController::kLeastBytesPerSecond);
    Check(rate.bandwidth_bytes_per_second() <= RateController::kMostBytesPerSecond);
    Check(rate.delivered_bytes_per_second() >= 0);
    Check(rate.in_flight_limit_bytes() > 0 && rate.in_flight_limit_bytes() <= size_t{1} << 30);
    const size_t record = flow_.RecordPayload(kMostRecord);
    Check(record >= kGrainBytes && record <= kMostRecord && record % kGrainBytes == 0);
    Check(flow_.LaneBacklog() > Duration() && flow_.LaneBacklog() <= Duration::Millis(100));
    Check(flow_.PingInterval() >= Duration::Millis(1));
    Check(flow_.PingInterval() <= Duration::Millis(100));
    Check(flow_.lanes_wanted() >= kLimits.least && flow_.lanes_wanted() <= kLimits.most);
    Check(flow_.lanes_usable() >= 1);
    Check(flow_.min_round_trip() >= Duration());
    // Records of kMostRecord at the least rate take four seconds; they were sent when they might.
    Check(flow_.ready_at() <= now_ + Duration::Seconds(5));
  }

 private:
  static int64_t Signed(ByteReader& input) { return static_cast<int64_t>(input.U64()); }

  // On the peer's clock: near this side's, or anything.
  Timestamp ClockTime(ByteReader& input) {
    const uint8_t kind = input.U8();
    if (kind < 128) return now_ + Duration::Micros((int64_t{kind} - 64) * 1000);
    if (kind < 192) return Timestamp::FromMicros(Signed(input));
    return last_;
  }

  void Send(size_t records) {
    for (size_t i = 0; i < records && flow_.MaySend(in_flight_, now_); ++i) {
      const size_t bytes = flow_.RecordPayload(kMostRecord);
      flow_.OnSent(bytes, now_);
      in_flight_ += bytes;
    }
  }

  void Answer(Duration round_trip, Timestamp received_at) {
    last_ = received_at;
    PingSample sample = PingSample::Between(now_, received_at, now_);
    sample.round_trip = round_trip;
    flow_.OnPong(sample, 1 + in_flight_ % 32, in_flight_, now_);
  }

  void Acknowledge(size_t bytes, Timestamp received_at) {
    last_ = received_at;
    in_flight_ -= std::min(bytes, in_flight_);
    lane_since_ = flow_.OnAcked(bytes, lane_since_, received_at, now_);
    Check(lane_since_ <= now_);
  }

  FlowControl flow_;
  size_t in_flight_ = 0;
  Timestamp now_ = Timestamp::FromMicros(1'000'000);
  Timestamp lane_since_ = Timestamp::FromMicros(1'000'000);
  Timestamp last_;
};

}  // namespace
}  // namespace millrace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1 || size > 2048) return 0;
  millrace::ByteReader input(millrace::ByteView(data, size));
  millrace::Peer peer(input.U8());
  while (!input.AtEnd()) {
    peer.Step(input);
    peer.CheckBounds();
  }
  return 0;
}
