#include "control/flow_control.h"

#include <algorithm>

#include "base/leaf.h"

namespace millrace {
namespace {

// A record is a burst in the link's queue, and each one costs two browsers about a third of a
// millisecond of processor, whatever its size (measured: 1,800 records of 16 KiB instead of 230 of
// 128 KiB cost 30 MB 0.6 s more).
constexpr double kRecordSeconds = 0.008;
// Its lane is not kept for long: a lane whose window is held down by losses takes records of one
// leaf.
constexpr double kLaneSeconds = 0.06;

// Of the recent time. What is left explains no more than the noise of what is measured.
constexpr double kPacingBound = 0.7;

// A turn of an event loop that has little to do, and what a busy one takes longer: on average pings
// differ by a quarter of the longest delays.
constexpr Duration kLeastBacklog = Duration::Millis(20);
constexpr Duration kMostBacklog = Duration::Millis(100);
constexpr int64_t kBacklogJitters = 4;

// Often enough to see a queue grow within a round trip; a start grows faster. Each ping and its
// answer cost two browsers a third of a millisecond too.
constexpr Duration kLeastPingInterval = Duration::Millis(15);
constexpr Duration kLeastStartPingInterval = Duration::Millis(5);
// On slow links pings and what answers them, some 150 bytes with all headers, take a share that is
// not missed.
constexpr double kPingBytes = 150;
constexpr double kPingShare = 0.015;
constexpr Duration kMostPingInterval = Duration::Millis(25);

}  // namespace

void FlowControl::OnPong(Duration round_trip, size_t open_lanes, Timestamp now) {
  open_lanes_ = open_lanes;
  ++pongs_;
  const bool pacing_bound = limits_.Of(SendLimit::kRate) > kPacingBound;
  rate_.OnPing(round_trip, pacing_bound, now);
  pacer_.SetRate(rate_.pacing_bytes_per_second(), now);
  if (!KnowsRoundTrip()) return;
  planner_.Update({open_lanes, limits_.Of(SendLimit::kLanes), rate_.HasRoom(now),
                   rate_.delivered_bytes_per_second(), min_round_trip()},
                  now);
}

size_t FlowControl::RecordPayload(size_t most_bytes) const {
  const double rate = std::min(rate_.pacing_bytes_per_second(), rate_.bandwidth_bytes_per_second());
  const double lane_rate = rate / static_cast<double>(std::max<size_t>(open_lanes_, 1));
  const auto bytes = static_cast<size_t>(std::min(rate * kRecordSeconds, lane_rate * kLaneSeconds));
  const size_t leaves = std::max<size_t>(1, bytes / kLeafBytes);
  return std::min(leaves * kLeafBytes, most_bytes);
}

Duration FlowControl::LaneBacklog() const {
  return std::min(kLeastBacklog + rate_.queue_delay().jitter() * kBacklogJitters, kMostBacklog);
}

Duration FlowControl::PingInterval() const {
  const double seconds = kPingBytes / (kPingShare * rate_.pacing_bytes_per_second());
  const Duration least = rate_.starting() ? kLeastStartPingInterval : kLeastPingInterval;
  return std::clamp(Duration::Micros(static_cast<int64_t>(seconds * 1e6)), least,
                    kMostPingInterval);
}

}  // namespace millrace
