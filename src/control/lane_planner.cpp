#include "control/lane_planner.h"

#include <algorithm>
#include <cmath>

#include "measure/first_window.h"

namespace millrace {
namespace {

// The lanes that are opened before anything is known of the rate: as many first windows as 10
// Mbit/s need.
constexpr double kFirstBytesPerSecond = 1'250'000;

// What a lane costs to open, each way: descriptions, and the handshakes of ICE, DTLS and SCTP
// (measured in Chromium at 300 ms and 2 Mbit/s).
constexpr double kLaneBytes = 5'000;
// More lanes than the path fills take no more than this at the rate of sending.
constexpr double kSpareSeconds = 0.08;

// So many are asked for in a round trip. The control connection's window may hold no more than four
// packets, where losses or SCTP's first timeout have it down; half of a description's 500 bytes
// each, and pings, which would wait behind more and look like a queue.
constexpr int64_t kAskedPerRoundTrip = 6;

// On longer paths windows take too long to grow: more lanes than usual are opened at once.
constexpr Duration kLongRoundTrip = Duration::Millis(250);

// SCTP's first retransmission timeout (dcSCTP's rto_initial). On longer paths it expires before a
// lane's first acknowledgement, and slow start ends at the least threshold.
constexpr Duration kFirstTimeout = Duration::Millis(500);

// From here on windows limit; the rest is the grain of records.
constexpr double kLimited = 0.15;
// Below this they do not.
constexpr double kFree = 0.01;
// More lanes pay where they carry a tenth more.
constexpr double kPay = 1.1;
// After lanes that did not pay, and before some that are not needed go.
constexpr Duration kPatience = Duration::Seconds(10);
constexpr Duration kUnneeded = Duration::Seconds(2);
// Four round trips bring a fresh window to five times its size, or to where losses hold it.
constexpr int64_t kTrialRoundTrips = 4;
// A lane's window never stays below four packets (dcSCTP's least slow start threshold; 1,160 bytes
// of file each). More lanes than fill the path with that only overflow its queue.
constexpr double kLeastWindowBytes = 4 * 1160;
constexpr Duration kLeastTrial = Duration::Millis(500);
// A lane that carries a quarter of the mean and less than a first window each round trip has had a
// retransmission timeout or several losses in a row; one packet a round trip is what it gains.
constexpr double kCollapsed = 0.25;
// ... and what it holds is not held up for longer than this or four round trips.
constexpr Duration kMostHeld = Duration::Seconds(1);

Duration Trial(Duration round_trip) { return std::max(kLeastTrial, round_trip * kTrialRoundTrips); }

}  // namespace

LanePlanner::LanePlanner(LaneLimits limits)
    : limits_(limits),
      wanted_(FirstLanes(Duration(), kFirstBytesPerSecond)),
      asked_(wanted_),
      first_(wanted_) {}

size_t LanePlanner::FirstLanes(Duration round_trip, double bytes_per_second) const {
  const double bytes = bytes_per_second * round_trip.seconds();
  const double lanes = std::ceil(bytes / kFirstWindowBytes);
  const size_t long_path = round_trip >= kFirstTimeout ? limits_.most : kManyLanes;
  const size_t most =
      std::min(round_trip >= kLongRoundTrip ? long_path : kUsualLanes, limits_.most);
  const size_t least = std::max(limits_.least, std::min(kFirstLanes, most));
  return std::max(least, static_cast<size_t>(std::min(lanes, static_cast<double>(most))));
}

// On a long path that is slow they would only overflow its queue. But a start may have ended for
// nothing.
double LanePlanner::FirstRate() const {
  if (!last_.was_full || last_.round_trip < kLongRoundTrip) return kFirstBytesPerSecond;
  return std::clamp(last_.bytes_per_second, kFirstBytesPerSecond / 4, kFirstBytesPerSecond);
}

size_t LanePlanner::NextLanes() const {
  const size_t many = StartsLow() ? limits_.most : kManyLanes;
  const size_t most = wanted_ < kUsualLanes ? kUsualLanes : many;
  return std::min({most, limits_.most, wanted_ * 2, MostLanes()});
}

bool LanePlanner::StartsLow() const { return last_.round_trip >= kFirstTimeout; }

// Windows that lanes limit grow with the lanes, so twice as many may be of use as fill the path
// now, where they are cheap; and one is spare.
size_t LanePlanner::MostLanes() const {
  const auto cheap = static_cast<size_t>(last_.bytes_per_second * kSpareSeconds / kLaneBytes);
  return std::max(limits_.least, fed_ + std::min(fed_, cheap) + 1);
}

size_t LanePlanner::usable() const {
  if (last_.lanes_share > kLimited || last_.open < 2) return fed_;
  return std::min(fed_, last_.open - 1);
}

// Collapsed ones are being replaced meanwhile.
bool LanePlanner::MostAreOpen() const { return last_.open * 4 >= wanted_ * 3; }

bool LanePlanner::LanesLimit() const { return last_.lanes_share > kLimited && last_.has_room; }

bool LanePlanner::MayGrow(Timestamp now) const {
  if (!LanesLimit() || now < next_ || !MostAreOpen() || wanted_ >= NextLanes()) return false;
  return wanted_ < kUsualLanes || now - grew_at_ >= Trial(last_.round_trip);
}

void LanePlanner::Update(const Input& input, Timestamp now) {
  Plan(input, now);
  Ask(now);
}

void LanePlanner::Plan(const Input& input, Timestamp now) {
  last_ = input;
  const double path_bytes = input.bytes_per_second * input.round_trip.seconds();
  const bool young = input.starting && !StartsLow() && !(input.was_full && LanesLimit());
  const double usable = std::ceil(path_bytes / (young ? kFirstWindowBytes : kLeastWindowBytes));
  fed_ =
      std::max<size_t>(1, static_cast<size_t>(std::min(usable, static_cast<double>(limits_.most))));
  const size_t first = std::min(FirstLanes(input.round_trip, FirstRate()), MostLanes());
  // Nothing but the round trip has spoken so far.
  const bool follows = wanted_ == first_;
  const size_t before = wanted_;
  wanted_ = std::max(!follows ? wanted_ : StartsLow() ? std::min(wanted_, input.open) : 0, first);
  first_ = first;
  // Where lanes do not limit, nothing holds their windows down so far.
  if (wanted_ > before || input.lanes_share <= kFree) grew_at_ = now;
  if (input.lanes_share > kFree) needed_at_ = now;
  if (before_ > 0) return Judge(now);
  if (MayGrow(now)) {
    before_ = wanted_;
    grew_at_ = now;
    delivered_before_ = input.delivered_bytes_per_second;
    wanted_ = NextLanes();
    judged_at_ = Timestamp::Never();
  } else if (now - needed_at_ >= kUnneeded && wanted_ > first) {
    wanted_ -= (wanted_ - first + 1) / 2;
    needed_at_ = now;
  }
}

void LanePlanner::Ask(Timestamp now) {
  const Duration interval = std::max(last_.round_trip / kAskedPerRoundTrip, Duration::Micros(1));
  const int64_t more = (now - asked_at_).micros() / interval.micros();
  if (wanted_ > asked_ && more < 1) return;
  const size_t most = asked_ + static_cast<size_t>(std::min<int64_t>(more, kAskedPerRoundTrip));
  asked_ = std::min(wanted_, most);
  asked_at_ = now;
}

void LanePlanner::Judge(Timestamp now) {
  if (judged_at_.IsNever()) {
    if (!MostAreOpen()) return;
    judged_at_ = now + Trial(last_.round_trip);
    // Windows that losses took down while the lanes were made have nothing to do with these.
    delivered_before_ = std::min(delivered_before_, last_.delivered_bytes_per_second);
    return;
  }
  if (last_.delivered_bytes_per_second >= delivered_before_ * kPay) {
    before_ = 0;
    next_ = now + last_.round_trip * 2;
  } else if (now >= judged_at_) {
    wanted_ = before_;
    before_ = 0;
    next_ = now + kPatience;
  }
}

bool LanePlanner::IsCollapsed(const LaneState& lane, Timestamp now) const {
  if (lane.stalled) return true;
  if (lane.bytes_per_second >= kCollapsed * lane.mean_bytes_per_second) return false;
  const double held_seconds =
      static_cast<double>(lane.in_flight_bytes) / std::max(lane.bytes_per_second, 1.0);
  if (held_seconds > std::max(kMostHeld, last_.recent_round_trip * 4).seconds()) return true;
  const double first_window =
      kFirstWindowBytes / std::max(last_.round_trip, Duration::Millis(1)).seconds();
  return LanesLimit() && now - retired_at_ >= Trial(last_.round_trip) &&
         lane.bytes_per_second < first_window;
}

}  // namespace millrace
