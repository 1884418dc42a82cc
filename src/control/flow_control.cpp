#include "control/flow_control.h"

#include <algorithm>

#include "base/leaf.h"

namespace millrace {
namespace {

// A record is a burst in the link's queue, and each one costs two browsers about a third of a
// millisecond of processor, whatever its size (measured: 1,800 records of 16 KiB instead of 230 of
// 128 KiB cost 30 MB 0.6 s more). A start has to see how far apart its first packets arrive.
constexpr double kRecordSeconds = 0.008;
constexpr double kStartRecordSeconds = 0.004;
// Headers take a third less of 2 KiB than of 1 KiB.
constexpr size_t kLeastGrains = 2;
// Its lane is not kept for long: a lane whose window is held down by losses takes records of one
// leaf.
constexpr double kLaneSeconds = 0.06;

// Where the processor has limited for so much of the recent time, or the source has after the first
// bytes, short records only cost more of it.
constexpr double kIdle = 0.7;
constexpr double kIdleBytes = 100'000;

// A turn of an event loop that has little to do, and what a busy one takes longer: on average pings
// differ by a quarter of the longest delays.
constexpr Duration kLeastBacklog = Duration::Millis(20);
constexpr Duration kMostBacklog = Duration::Millis(100);
constexpr int64_t kBacklogJitters = 4;

// Often enough to see a queue grow within a round trip; a start grows faster. Each ping and its
// answer cost two browsers a third of a millisecond too.
constexpr Duration kPingInterval = Duration::Millis(20);
constexpr Duration kStartPingInterval = Duration::Millis(5);
// On slow links pings and what answers them, some 150 bytes with all headers, take a share that is
// not missed.
constexpr double kPingBytes = 150;
constexpr double kPingShare = 0.04;
constexpr Duration kMostPingInterval = Duration::Millis(100);
// On a long path the control connection's window holds four packets in a round trip, where losses
// or SCTP's first timeout have it down. Pings of some 70 bytes leave room in it for other messages.
constexpr int64_t kPingsPerRoundTrip = 24;

}  // namespace

void FlowControl::OnPong(const PingSample& sample, size_t open_lanes, size_t in_flight,
                         Timestamp now) {
  open_lanes_ = open_lanes;
  ++pongs_;
  const double own = limits_.Of(SendLimit::kSource) + limits_.Of(SendLimit::kProcessor);
  rate_.OnPing(sample, {limits_.Of(SendLimit::kRate), own, in_flight}, now);
  pacer_.SetRate(rate_.pacing_bytes_per_second(), now);
  if (!KnowsRoundTrip()) return;
  planner_.Update(
      {open_lanes, limits_.Of(SendLimit::kLanes), rate_.HasRoom(now),
       rate_.delivered_bytes_per_second(), min_round_trip(), rate_.pacing_bytes_per_second(),
       round_trip(), rate_.starting(), rate_.was_full()},
      now);
}

size_t FlowControl::RecordPayload(size_t most_bytes) const {
  const double rate = std::min(rate_.pacing_bytes_per_second(), rate_.bandwidth_bytes_per_second());
  const double lane_rate = rate / static_cast<double>(std::max<size_t>(open_lanes_, 1));
  const double seconds = rate_.starting() ? kStartRecordSeconds : kRecordSeconds;
  const auto bytes = static_cast<size_t>(std::min(rate * seconds, lane_rate * kLaneSeconds));
  const size_t least = rate_.starting() ? 1 : kLeastGrains;
  const size_t grains = std::max<size_t>(LinkIsIdle() ? kLeafGrains : least, bytes / kGrainBytes);
  return std::min(grains * kGrainBytes, most_bytes);
}

bool FlowControl::LinkIsIdle() const {
  if (limits_.Of(SendLimit::kProcessor) > kIdle) return true;
  return limits_.Of(SendLimit::kSource) > kIdle && rate_.delivered_bytes() > kIdleBytes;
}

Duration FlowControl::LaneBacklog() const {
  return std::min(kLeastBacklog + rate_.queue_delay().jitter() * kBacklogJitters, kMostBacklog);
}

Duration FlowControl::PingInterval() const {
  const double seconds = kPingBytes / (kPingShare * rate_.pacing_bytes_per_second());
  const Duration often = rate_.starting() ? kStartPingInterval : kPingInterval;
  const Duration least = std::max(often, min_round_trip() / kPingsPerRoundTrip);
  return std::clamp(Duration::Micros(static_cast<int64_t>(seconds * 1e6)),
                    std::min(least, kMostPingInterval), kMostPingInterval);
}

}  // namespace millrace
