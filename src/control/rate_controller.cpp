#include "control/rate_controller.h"

#include <algorithm>
#include <cmath>

#include "base/leaf.h"
#include "measure/first_window.h"

namespace millrace {
namespace {

// What measuring adds to the round trip: pings are 5 to 25 ms apart, and acknowledgements wait for
// one.
constexpr Duration kMeasuring = Duration::Millis(20);

// --- Start ---

// A first window in a round trip, as TCP's (RFC 6928), where that is more than the usual beginning;
// round trips below 1 ms are those of timers.
constexpr Duration kLeastFirstRoundTrip = Duration::Millis(1);
// A start ends when so much queue has built on top of what others had put there: the least of
// HyStart++ (RFC 9406, section 4.3). What is under way by then adds to it for a round trip. It has
// to stand out of the noise of busy event loops; should one be taken for the link all the same, the
// start goes on soon (kLeastRestart).
constexpr Duration kStartQueue = Duration::Millis(4);
constexpr int64_t kStartJitters = 3;

// It runs ahead of what arrives by no more than the doubling of one delay of the loop, so that it
// passes the bottleneck's rate by no more than that either.
constexpr double kMostStartGain = 2;
// After a start there is the most to drain: what was sent too much for a delay of the loop, in the
// link's queue and before the windows of lanes; but no less than this.
constexpr double kStartDrainGain = 0.5;

// --- Hold ---

// The queue that is aimed at: a constant number of bytes of this sender's own, as in Vegas and Copa
// (Arun and Balakrishnan, NSDI 2018). Of two senders that see the same queue the slower one then
// aims higher and takes from the faster, until they are equal. Records leave in bursts; these are
// about two of 16 KiB, and one where records are larger than that.
constexpr double kTargetQueueBytes = 40'000;
// Above the noise of timers, and short enough for other traffic on the link: with what bursts add,
// the 95th percentile of the queueing delay stays below 60 ms.
constexpr Duration kLeastTargetQueue = Duration::Millis(4);
constexpr Duration kMostTargetQueue = Duration::Millis(25);
// A target within the noise would take a busy event loop for a full link.
constexpr int64_t kJitters = 2;
// From here on there is a queue; below is noise.
constexpr Duration kSomeQueue = Duration::Millis(3);
// Where none has stood for so long, or two delays of the loop, something else limits: a busy
// processor makes pings wait every now and then.
constexpr Duration kLeastRoom = Duration::Millis(200);
// A queue is corrected within two delays of the loop, and not within less than the grain of pings
// and records allows to see.
constexpr Duration kLeastHorizon = Duration::Millis(80);
// No faster than 1.15 times what the link is known to carry, never below a half: that empties a
// queue as long as it has stood, and what arrives still tells of the link. (Down to a tenth, a link
// of 100 ms whose rate had fallen to a quarter carried nothing for one to three seconds: queue and
// lanes ran dry, and little arrived because little was sent.)
constexpr double kMostCorrection = 0.15;
constexpr double kLeastCorrection = -0.5;
// While there is no queue, what is added doubles with each one and a half delays of the loop, and
// this at the least.
constexpr Duration kLeastQuiet = Duration::Millis(100);
constexpr double kMostQuietDoublings = 10;
// Where none shows for three delays of the loop, and this at the least, the link has become wider,
// or the start had ended too soon: it starts again from there.
constexpr Duration kLeastRestart = Duration::Millis(300);

// What arrives is measured over this long at least: a receiver whose event loop stands still for 50
// ms hears of nothing meanwhile and of much at once afterwards. A start that doubles within as much
// has to look closer.
constexpr Duration kLeastWindow = Duration::Millis(200);
constexpr Duration kLeastStartWindow = Duration::Millis(40);
// ... and over so many records of one leaf.
constexpr double kLeastRecords = 10;
constexpr Duration kLeastMemory = Duration::Millis(50);

// --- Drain ---

// Where no ping found the queue empty for so long (BBR: ProbeRTTInterval, 5 s), a drain takes off a
// quarter.
constexpr Duration kDrainInterval = Duration::Seconds(5);
constexpr double kDrainGain = 0.75;

// --- In flight ---

// More than any pool of pieces, and a size_t of 32 bits holds it, whatever the round trip is said
// to be.
constexpr double kMostInFlightBytes = 1 << 30;

// Time as a fraction of `whole`.
double Share(Duration part, Duration whole) { return part.seconds() / whole.seconds(); }

}  // namespace

Duration RateController::LoopDelay() const {
  return queue_delay_.min_round_trip().value_or(Duration()) + kMeasuring;
}

Duration RateController::DeliveryWindow() const {
  if (starting()) return std::max(LoopDelay(), kLeastStartWindow);
  const double grain_seconds = kLeastRecords * static_cast<double>(kLeafBytes) / bandwidth_;
  const double most = DeliveryRate::kLongestWindow.seconds();
  const auto grain = Duration::Micros(static_cast<int64_t>(std::min(grain_seconds, most) * 1e6));
  return std::max({LoopDelay(), grain, kLeastWindow});
}

Duration RateController::TargetQueue() const {
  const double seconds = std::max(kTargetQueueBytes, record_bytes_) / bandwidth_;
  const auto own = Duration::Micros(static_cast<int64_t>(seconds * 1e6));
  return std::clamp(std::max(own, queue_delay_.jitter() * kJitters), kLeastTargetQueue,
                    kMostTargetQueue);
}

bool RateController::HasRoom(Timestamp now) const {
  return now - standing_at_ > std::max(LoopDelay() * 2, kLeastRoom);
}

double RateController::pacing_bytes_per_second() const {
  return std::clamp(rate_, kLeastBytesPerSecond, std::max(most_, kLeastBytesPerSecond));
}

size_t RateController::in_flight_limit_bytes() const {
  // A record takes three round trips through a young congestion window of SCTP, which sends four
  // packets at once and then two for each acknowledged one. Busy event loops hold acknowledgements
  // for a while, too.
  const Duration span = LoopDelay() * 7 / 2 + Duration::Millis(100);
  const double bytes = pacing_bytes_per_second() * span.seconds();
  return 4 * kLeafBytes + static_cast<size_t>(std::min(bytes, kMostInFlightBytes));
}

void RateController::OnPing(Duration round_trip, bool pacing_bound, Timestamp now) {
  if (round_trip < Duration()) return;
  // What passes a round trip is a silence, during which nothing was learned.
  const Duration elapsed = std::min(now - pinged_at_, LoopDelay());
  pinged_at_ = now;
  queue_delay_.OnPing(round_trip, now);
  if (queue_delay_.queue() >= kSomeQueue) standing_at_ = now;
  if (queue_delay_.newest_queue() >=
      std::max({kSomeQueue, TargetQueue() / 2, queue_delay_.jitter() * kJitters}))
    queued_at_ = now;
  switch (phase_) {
    case Phase::kStart:
      Start(elapsed, pacing_bound, now);
      break;
    case Phase::kHold:
      Hold(elapsed, pacing_bound, now);
      break;
    case Phase::kDrain:
      Drain(now);
      break;
  }
  bandwidth_ = std::clamp(bandwidth_, kLeastBytesPerSecond, kMostBytesPerSecond);
  rate_ = std::clamp(rate_, kLeastBytesPerSecond, kMostBytesPerSecond);
}

void RateController::Start(Duration elapsed, bool pacing_bound, Timestamp now) {
  const Duration round_trip = std::max(*queue_delay_.min_round_trip(), kLeastFirstRoundTrip);
  rate_ = std::max(rate_, kFirstWindowBytes / round_trip.seconds());
  const double delivered = delivered_bytes_per_second();
  if (now < sent_at_ || now - sent_at_ < round_trip) {
    others_queue_ = queue_delay_.queue();
    return;
  }
  if (queue_delay_.newest_queue() >
      others_queue_ + std::max(kStartQueue, queue_delay_.jitter() * kStartJitters)) {
    if (delivered > 0) EndStart(delivered, now);
    return;
  }
  if (delivered > bandwidth_) {
    bandwidth_ = delivered;
  } else if (delivered > 0 && !pacing_bound) {
    // What could not be tried is not known.
    bandwidth_ += (delivered - bandwidth_) * std::min(1.0, Share(elapsed, LoopDelay() * 4));
    rate_ = std::min(rate_, bandwidth_ * kMostStartGain);
  }
  // As fast as passes a queue of one bandwidth-delay product by little, in the model of SCTP over
  // links of 4 to 110 ms: the end is seen a round trip late, and what measuring takes.
  const Duration doubling = LoopDelay() * 3 / 2 + kMeasuring * 2;
  const double doubled = rate_ * std::exp2(Share(elapsed, doubling));
  rate_ = std::max(rate_, std::min(doubled, bandwidth_ * kMostStartGain));
}

void RateController::EndStart(double delivered, Timestamp now) {
  start_in_doubt_ = true;
  start_ended_at_ = now;
  start_rate_ = rate_;
  start_queue_ = queue_delay_.newest_queue();
  // What arrives is seen late, but no later than the doubling that the rate is ahead of it.
  bandwidth_ = std::max(delivered, rate_ / kMostStartGain);
  StartDrain(now);
  // It was more than the bandwidth by less and less back to nothing, a delay of the loop ago: so
  // half as much less takes it off in the next one.
  rate_ = std::max(bandwidth_ * kStartDrainGain, bandwidth_ - (start_rate_ - bandwidth_) / 2);
}

void RateController::TakeBandwidth(Duration elapsed, bool pacing_bound) {
  const double delivered = delivered_bytes_per_second();
  const Duration queue = queue_delay_.queue();
  const bool less = delivered < bandwidth_;
  // What is sent below the rate tells nothing of the link, except that it carries that; unless the
  // link's queue is long all the same.
  if (less && !pacing_bound && queue < TargetQueue() * 2) return;
  // Without a queue what arrives is what was sent, and less of it is a gap in that.
  if (less && queue < kSomeQueue) return;
  // Smoothed over a round trip, since single windows are some percent off.
  const Duration memory = std::max(LoopDelay(), kLeastMemory);
  bandwidth_ += (delivered - bandwidth_) * std::min(1.0, Share(elapsed, memory));
}

double RateController::Correction(Timestamp now) const {
  const Duration horizon = std::max(LoopDelay() * 2, kLeastHorizon);
  double correction = Share(TargetQueue() - queue_delay_.queue(), horizon);
  if (correction > 0) {
    // What the newest pings see may be there to stay.
    if (queue_delay_.newest_queue() > TargetQueue()) return 0;
    // The longer no queue shows, the more there may be to find.
    const Duration doubling = std::max(LoopDelay() * 3 / 2, kLeastQuiet);
    correction *= std::exp2(std::min(Share(now - queued_at_, doubling), kMostQuietDoublings));
  }
  return std::clamp(correction, kLeastCorrection, kMostCorrection);
}

void RateController::Hold(Duration elapsed, bool pacing_bound, Timestamp now) {
  TakeBandwidth(elapsed, pacing_bound);
  rate_ = bandwidth_ * (1 + Correction(now));
  if (pacing_bound && now - standing_at_ > std::max(LoopDelay() * 3, kLeastRestart)) {
    phase_ = Phase::kStart;
    others_queue_ = Duration();
    return;
  }
  if (now < next_drain_) return;
  next_drain_ = now + kDrainInterval;
  if (now - queue_delay_.empty_at() < kDrainInterval) return;
  StartDrain(now);
}

void RateController::StartDrain(Timestamp now) {
  phase_ = Phase::kDrain;
  next_drain_ = now + kDrainInterval;
  // A quarter less empties the queue within four times its length.
  drain_until_ = now + LoopDelay() + queue_delay_.newest_queue() * 4;
  rate_ = bandwidth_ * kDrainGain;
}

void RateController::Drain(Timestamp now) {
  // That there is no queue now is this sender's doing, and says nothing about the link.
  queued_at_ = now;
  if (start_in_doubt_) return DoubtStart(now);
  if (queue_delay_.empty_at() == now || now >= drain_until_) phase_ = Phase::kHold;
}

// The answer to the end of a start is seen a round trip later, and from then on a queue falls by
// less than the time that passes, since something is still sent. One that is gone sooner was not
// this sender's: a busy event loop, mostly. (RFC 9406, section 4.3, goes on with a slow start then,
// too.) Only what two records make, back to back on a slow link, comes and goes like that as well.
void RateController::DoubtStart(Timestamp now) {
  // What was sent into the queue arrives as fast as the link can.
  bandwidth_ = std::max(bandwidth_, delivered_bytes_per_second());
  if (now - start_ended_at_ >= *queue_delay_.min_round_trip() + start_queue_) {
    start_in_doubt_ = false;
    return;
  }
  const bool more_than_records = start_queue_.seconds() * bandwidth_ > 2 * record_bytes_;
  if (!more_than_records || queue_delay_.newest_queue() >= kSomeQueue) return;
  start_in_doubt_ = false;
  phase_ = Phase::kStart;
  rate_ = start_rate_;
}

}  // namespace millrace
