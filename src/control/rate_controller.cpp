#include "control/rate_controller.h"

#include <algorithm>
#include <cmath>

namespace millrace {
namespace {

// What measuring adds to the round trip: pings are 5 to 25 ms apart, and acknowledgements wait for
// one.
constexpr Duration kMeasuring = Duration::Millis(20);
// A ping waits for as much on a link without a queue.
constexpr double kPacketsBeforePing = 2 * 1200;  // Bytes.
// Longer intervals between pings are silences.
constexpr Duration kMostPingInterval = Duration::Millis(150);
// A longer round trip is an outage, or a peer that answers what it likes.
constexpr Duration kLongestPath = Duration::Seconds(10);

// --- Start ---

// Round trips below 1 ms are those of timers.
constexpr Duration kLeastFirstRoundTrip = Duration::Millis(1);
// A start ends when so much queue has built on top of what others had put there: the least of
// HyStart++ (RFC 9406, section 4.3). What is under way by then adds to it for a round trip. It has
// to stand out of the noise; should that be taken for the link all the same, the start goes on soon
// (kLeastRestart). On a slow path two packets are no queue, either.
constexpr Duration kStartQueue = Duration::Millis(4);
constexpr int64_t kStartJitters = 3;
// ... unless what arrives keeps up with what was sent, and the queue is no longer than radio links
// and busy processors make one.
constexpr double kKeepsUp = 0.85;
constexpr Duration kMostNoise = Duration::Millis(12);
// It runs ahead of what arrives by no more than this, so that it passes the bottleneck's rate by no
// more than that either: a doubling in one delay of the loop, and what measuring misses.
constexpr double kMostStartGain = 2.5;
// Up to what arrived when the link was last seen full it runs ahead by less: the link may be as
// wide as it was, and an overshoot would cost all lanes their windows.
constexpr double kRestartGain = 1.25;
// The rate doubles in a delay of the loop and this.
constexpr Duration kDoublingMargin = Duration::Millis(10);
// Where not a quarter more arrives for two delays of the loop, and this at the least, though so
// much more was sent, the link is full, although no queue shows (BBR: full pipe). A receiver whose
// event loop stands still for 100 ms hears of nothing meanwhile, and that several times in a row.
constexpr Duration kLeastFlat = Duration::Millis(400);
constexpr double kGrowth = 1.25;
constexpr double kFlatGain = 1.4;
// After a start there is the most to drain: what was sent too much for a delay of the loop, in the
// link's queue and before the windows of lanes; but no less than this.
constexpr double kStartDrainGain = 0.5;
// A start from a rate that was held and that found no tenth more was in vain; the next one waits.
constexpr double kWorthwhile = 1.1;
constexpr Duration kLeastRestartPause = Duration::Millis(500);
constexpr int64_t kMostRestartDoublings = 4;

// --- Hold ---

// The queue that is aimed at is a falling function of the bandwidth, everywhere. Of two senders
// that see the same queue the slower one then aims higher and takes from the faster, until they are
// equal. 10 ms at 20 Mbit/s; with the power of 3/4 it is 80 ms at 1.3 Mbit/s and 3 ms at 100
// Mbit/s.
constexpr double kTargetSeconds = 0.010;
constexpr double kTargetBytesPerSecond = 2.5e6;
constexpr Duration kLeastTargetQueue = Duration::Millis(3);
constexpr Duration kMostTargetQueue = Duration::Millis(80);
// In the background it is what two packets take: less than any other transfer aims at.
constexpr double kBackgroundTargetBytes = 2 * 1200;
// A target within the noise would take a busy event loop for a full link.
constexpr int64_t kJitters = 1;
// From here on, or from the noise where that is more, there is a queue.
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
// What is added makes no more than one and a half times the target before it is seen: a delay of
// the loop later, and by several pings.
constexpr Duration kUnseen = Duration::Millis(50);
// A busy event loop delays the newest pings by no more than this.
constexpr Duration kMostStall = Duration::Millis(15);
// While the queue stays below its target, what is added doubles with each one and a half delays of
// the loop, and this at the least.
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
// ... and over so many records.
constexpr double kLeastRecords = 10;
// More than the rate of sending arrives where a queue drains, or where a receiver stood still; the
// former is this much. The greatest rate of sending is forgotten by a hundredth with each ping.
constexpr double kMostArrival = 1.5;
constexpr double kSentMemory = 0.99;
constexpr Duration kLeastMemory = Duration::Millis(50);

// --- Drain ---

// Where no ping found the queue empty for so long (BBR: ProbeRTTInterval, 5 s), a drain takes off a
// quarter.
constexpr Duration kDrainInterval = Duration::Seconds(5);
constexpr double kDrainGain = 0.75;

// --- Test of a queue that stands ---

// A queue this much above its target ...
constexpr Duration kMuchQueue = Duration::Millis(4);
// ... that stands for three delays of the loop, and this at the least, is tested:
constexpr int64_t kStuckLoops = 3;
constexpr Duration kLeastStuck = Duration::Millis(300);
// at half of what arrives it shrinks by half of the time that passes, if it is this sender's;
constexpr double kTestGain = 0.5;
constexpr Duration kLeastTest = Duration::Millis(50);
// it has changed by less than a quarter, or it has shrunk, or it has grown.
constexpr double kSameQueue = 0.25;
// The lanes hold so many times what the path does where the link has lost it.
constexpr double kMostHeld = 1.5;
constexpr Duration kTestPause = Duration::Seconds(1);
// A path does not change more often; what looks like it is a rival.
constexpr Duration kRebaseInterval = Duration::Seconds(10);

// --- Rival ---

// Two lanes run as fast as their congestion windows let them: they are Reno flows like others, and
// get their share by the same rules.
constexpr double kRivalGain = 2;
// Each so often it is tested whether the rival is still there: at half of what arrives this
// sender's own queue is gone after twice its length, but for this part of it.
constexpr Duration kRivalTestInterval = Duration::Seconds(10);
constexpr double kRivalQueue = 0.4;

// In the background this part of the bandwidth shows whether the rival is still there. Its queue is
// empty for a while each time that it has halved its window, but not for so long.
constexpr double kTrickle = 0.05;
constexpr Duration kRivalGone = Duration::Seconds(2);

// --- In flight ---

// More than any pool of pieces, and a size_t of 32 bits holds it, whatever the round trip is said
// to be.
constexpr double kMostInFlightBytes = 1 << 30;

// Time as a fraction of `whole`.
double Share(Duration part, Duration whole) { return part.seconds() / whole.seconds(); }

Duration Seconds(double seconds) { return Duration::Micros(static_cast<int64_t>(seconds * 1e6)); }

}  // namespace

Duration RateController::LoopDelay() const {
  // What is seen of a queue has waited in it, and the way back may have one as well.
  const Duration path =
      std::max(queue_delay_.min_round_trip().value_or(Duration()), queue_delay_.round_trip());
  // On slow links pings are further apart.
  return std::min(path, kLongestPath) + std::max(kMeasuring, (ping_interval_ - kMeasuring / 2) * 2);
}

Duration RateController::DeliveryWindow() const {
  if (starting()) {
    // Half of it says sooner what arrives, and is still many records.
    return std::max(one_window_ ? LoopDelay() : LoopDelay() / 2, kLeastStartWindow);
  }
  const double grain = kLeastRecords * record_bytes_ / bandwidth_;
  const Duration records = Seconds(std::min(grain, DeliveryRate::kLongestWindow.seconds()));
  return std::max({LoopDelay(), records, kLeastWindow});
}

double RateController::delivered_bytes_per_second() const {
  // Of the time that acknowledgements cover, those of other lanes are still to come.
  const Timestamp known_until = arrived_at_ + (Duration() - spread_);
  const double arrived = delivery_.BytesPerSecond(DeliveryWindow(), known_until);
  return std::min(arrived, most_sent_ * kMostArrival);
}

double RateController::SentBefore(Timestamp now) const {
  return sending_.BytesPerSecond(DeliveryWindow(), now + (Duration() - LoopDelay() - spread_));
}

// Wireless links keep packets in order. Where many are under way, all of them are as late as the
// latest one: the jitter is low then, and the delay looks like a queue. It has to be measured
// before this sender's own bulk. Pings that wait for a packet or two on a slow link are no noise.
Duration RateController::Noise(int64_t jitters) const {
  const Duration packets =
      Seconds(kPacketsBeforePing / std::max(delivered_bytes_per_second(), 1.0));
  const Duration wireless = idle_noise_ > packets ? idle_noise_ : Duration();
  return std::max(queue_delay_.jitter() * jitters, wireless);
}

Duration RateController::TargetQueue() const {
  // The power of 3/4.
  const double root = std::sqrt(kTargetBytesPerSecond / bandwidth_);
  const double own =
      background_ ? kBackgroundTargetBytes / bandwidth_ : kTargetSeconds * root * std::sqrt(root);
  return std::clamp(Seconds(own), kLeastTargetQueue, kMostTargetQueue) + Noise(kJitters);
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
  double bytes = 4 * record_bytes_ + pacing_bytes_per_second() * span.seconds();
  if (phase_ == Phase::kStart) {
    // As much as has arrived may be sent twice over: where nothing is heard, nothing is added.
    bytes = std::min(bytes, start_flight_ + 2 * (delivered_ - start_delivered_));
  }
  return static_cast<size_t>(std::min(bytes, kMostInFlightBytes));
}

void RateController::SetBandwidth(double bytes_per_second) {
  bandwidth_ = std::clamp(bytes_per_second, kLeastBytesPerSecond, kMostBytesPerSecond);
}

void RateController::SetMostBytesPerSecond(double most) {
  // That starts found no more under the old limit says nothing.
  if (most > most_) {
    restarts_in_vain_ = 0;
    next_restart_ = Timestamp();
  }
  most_ = most;
}

void RateController::OnPing(const PingSample& sample, const Sending& sending, Timestamp now) {
  if (sample.round_trip < Duration()) return;
  queue_delay_.OnPing(sample, now);
  if (!knows_path_) {
    knows_path_ = true;
    const Duration round_trip = std::max(*queue_delay_.min_round_trip(), kLeastFirstRoundTrip);
    rate_ = std::max(rate_, kFirstFlightBytes / round_trip.seconds());
    BeginStart(now);
  }
  most_sent_ = std::max(SentBefore(now), most_sent_ * kSentMemory);
  const Duration since_last = now - pinged_at_;
  // What passes a round trip is a silence, during which nothing was learned.
  const Duration elapsed = std::min(since_last, LoopDelay());
  pinged_at_ = now;
  ping_interval_ = ping_interval_ + (std::min(since_last, kMostPingInterval) - ping_interval_) / 8;
  const Duration some = std::max(std::min(kSomeQueue, TargetQueue() / 2), Noise(kJitters));
  if (queue_delay_.queue() >= some) standing_at_ = now;
  if (queue_delay_.newest_queue() >= std::max(kSomeQueue, TargetQueue())) reached_at_ = now;
  switch (phase_) {
    case Phase::kStart:
      Start(elapsed, sending, now);
      break;
    case Phase::kHold:
      Hold(elapsed, sending, now);
      break;
    case Phase::kDrain:
      Drain(now);
      break;
    case Phase::kTest:
      Test(sending, now);
      break;
    case Phase::kRival:
      Rival(elapsed, now);
      break;
    case Phase::kYield:
      Yield(now);
      break;
  }
  rate_ = std::clamp(rate_, kLeastBytesPerSecond, kMostBytesPerSecond);
}

// --- Start ---

void RateController::BeginStart(Timestamp now) {
  phase_ = Phase::kStart;
  others_queue_ = Duration();
  start_delivered_ = delivered_;
  start_flight_ = std::max(kFirstFlightBytes, rate_ * LoopDelay().seconds());
  flat_rate_ = 0;
  flat_at_ = now;
}

bool RateController::StartIsFlat(double delivered, bool pacing_bound, Timestamp now) {
  if (!pacing_bound || delivered >= flat_rate_ * kGrowth || rate_ < delivered * kFlatGain) {
    flat_rate_ = std::max(flat_rate_, delivered);
    flat_at_ = now;
  }
  return now - flat_at_ >= std::max(LoopDelay() * 2 + kMeasuring, kLeastFlat);
}

void RateController::Start(Duration elapsed, const Sending& sending, Timestamp now) {
  const double delivered = delivered_bytes_per_second();
  if (now < sent_at_ || now - sent_at_ < *queue_delay_.min_round_trip()) {
    others_queue_ = queue_delay_.queue();
    idle_noise_ = queue_delay_.LinkJitter();
    flat_at_ = now;
    return;
  }
  const Duration packets = Seconds(kPacketsBeforePing / bandwidth_);
  const Duration limit = std::max({kStartQueue, Noise(kStartJitters), packets});
  const Duration queue = queue_delay_.newest_queue() - others_queue_;
  // Where all that was sent arrives, it is not this sender's queue.
  const bool keeps_up = delivered > SentBefore(now) * kKeepsUp && queue < limit + kMostNoise;
  const bool queued = queue > limit && !keeps_up;
  if (queued || StartIsFlat(delivered, sending.pacing_bound(), now)) {
    if (delivered > 0) EndStart(delivered, sending.link_bound(), now);
    return;
  }
  const double gain = delivered < full_bandwidth_ * kWorthwhile ? kRestartGain : kMostStartGain;
  if (delivered > bandwidth_) {
    SetBandwidth(delivered);
  } else if (delivered > 0 && !sending.pacing_bound()) {
    // What could not be tried is not known.
    FollowDelivered(elapsed, LoopDelay() * 4);
    rate_ = std::min(rate_, bandwidth_ * gain);
  }
  const double doubled = rate_ * std::exp2(Share(elapsed, LoopDelay() + kDoublingMargin));
  rate_ = std::max(rate_, std::min(doubled, bandwidth_ * gain));
}

void RateController::EndStart(double delivered, bool link_bound, Timestamp now) {
  start_in_doubt_ = true;
  start_ended_at_ = now;
  start_rate_ = rate_;
  start_queue_ = queue_delay_.newest_queue();
  start_filled_link_ = link_bound;
  const bool in_vain = delivered < fine_bandwidth_ * kWorthwhile;
  restarts_in_vain_ = in_vain ? std::min(restarts_in_vain_ + 1, kMostRestartDoublings) : 0;
  next_restart_ =
      now + std::max(LoopDelay() * 4, kLeastRestartPause) * (int64_t{1} << restarts_in_vain_);
  // A slow source says nothing about the link.
  SetBandwidth(link_bound ? delivered : std::max(delivered, bandwidth_));
  StartDrain(now);
  // It was more than the bandwidth by less and less back to nothing, a delay of the loop ago: so
  // half as much less takes it off in the next one.
  rate_ = std::max(bandwidth_ * kStartDrainGain, bandwidth_ - (start_rate_ - bandwidth_) / 2);
}

// The answer to the end of a start is seen a round trip later, and from then on a queue falls by
// less than the time that passes, since something is still sent. One that is gone sooner was not
// this sender's: a busy event loop, mostly. (RFC 9406, section 4.3, goes on with a slow start then,
// too.) Only what two records make, back to back on a slow link, comes and goes like that as well.
void RateController::DoubtStart(Timestamp now) {
  // What was sent into the queue arrives as fast as the link can.
  SetBandwidth(std::max(bandwidth_, delivered_bytes_per_second()));
  if (now - start_ended_at_ >= *queue_delay_.min_round_trip() + start_queue_) {
    start_in_doubt_ = false;
    fine_bandwidth_ = bandwidth_;
    if (start_filled_link_) full_bandwidth_ = bandwidth_;
    return;
  }
  const bool more_than_records = start_queue_.seconds() * bandwidth_ > 2 * record_bytes_;
  if (!more_than_records || queue_delay_.newest_queue() >= kSomeQueue) return;
  start_in_doubt_ = false;
  rate_ = start_rate_;
  BeginStart(now);
}

// --- Hold ---

// Single windows are some percent off.
Duration RateController::Memory() const { return std::max(LoopDelay(), kLeastMemory); }

void RateController::FollowDelivered(Duration elapsed, Duration memory) {
  SetBandwidth(bandwidth_ +
               (delivered_bytes_per_second() - bandwidth_) * std::min(1.0, Share(elapsed, memory)));
}

void RateController::TakeBandwidth(Duration elapsed, bool pacing_bound) {
  const Duration queue = queue_delay_.queue();
  const bool less = delivered_bytes_per_second() < bandwidth_;
  // What is sent below the rate tells nothing of the link, except that it carries that; unless the
  // link's queue is long all the same.
  if (less && !pacing_bound && queue < TargetQueue() * 2) return;
  // Without a queue what arrives is what was sent, and less of it is a gap in that.
  if (less && queue < kSomeQueue) return;
  FollowDelivered(elapsed, Memory());
}

double RateController::Correction(Timestamp now) {
  // What the newest pings see may be a busy event loop, but not much of it.
  const Duration queue = std::max(queue_delay_.queue(), queue_delay_.newest_queue() - kMostStall);
  const Duration excess = queue - TargetQueue();
  // A queue that is to go goes within two delays of the path, whatever it adds to them now.
  const Duration loop = excess > Duration() ? LoopDelay() - queue_delay_.queue() : LoopDelay();
  const Duration horizon = std::max(loop * 2, kLeastHorizon);
  double correction = Share(Duration() - excess, horizon);
  if (correction > 0) {
    // What the newest pings see may be there to stay.
    if (queue_delay_.newest_queue() > TargetQueue()) return 0;
    // The longer the queue stays below its target, the more there may be to find, or to take from a
    // sender that has more.
    const Duration doubling = std::max(LoopDelay() * 3 / 2, kLeastQuiet);
    correction *= std::exp2(std::min(Share(now - reached_at_, doubling), kMostQuietDoublings));
  }
  const double most =
      std::min(kMostCorrection, Share(TargetQueue() * 3 / 2, LoopDelay() + kUnseen));
  correction = std::clamp(correction, kLeastCorrection, most);
  const double arrived_share = delivered_bytes_per_second() / std::max(SentBefore(now), 1.0);
  return up_.Limit({correction, bandwidth_, arrived_share, queue_delay_.queue(), TargetQueue(),
                    LoopDelay() + DeliveryWindow()},
                   now);
}

void RateController::Hold(Duration elapsed, const Sending& sending, Timestamp now) {
  TakeBandwidth(elapsed, sending.pacing_bound());
  if (sending.pacing_bound() && queue_delay_.queue() >= TargetQueue()) full_bandwidth_ = bandwidth_;
  rate_ = bandwidth_ * (1 + Correction(now));
  const bool quiet = now - standing_at_ > std::max(LoopDelay() * 3, kLeastRestart);
  if (sending.pacing_delays() && quiet && now >= next_restart_) return BeginStart(now);
  if (QueueIsStuck(sending.pacing_bound(), now)) return background_ ? BeginYield() : BeginTest(now);
  if (now < next_drain_) return;
  next_drain_ = now + kDrainInterval;
  if (now - queue_delay_.empty_at() < kDrainInterval) return;
  StartDrain(now);
}

// --- Drain ---

void RateController::StartDrain(Timestamp now) {
  phase_ = Phase::kDrain;
  next_drain_ = now + kDrainInterval;
  // A quarter less empties the queue within four times its length.
  drain_until_ = now + LoopDelay() + queue_delay_.newest_queue() * 4;
  drain_known_at_ = now + LoopDelay() + DeliveryWindow();
  rate_ = bandwidth_ * kDrainGain;
}

// That there is no queue then is this sender's doing, and says nothing about the link.
void RateController::ForgetQueue(Timestamp now) {
  reached_at_ = now;
  standing_at_ = now;
  fine_at_ = now;
}

void RateController::Drain(Timestamp now) {
  ForgetQueue(now);
  if (start_in_doubt_) return DoubtStart(now);
  if (queue_delay_.empty_at() == now || now >= drain_until_) {
    phase_ = Phase::kHold;
    return;
  }
  if (now < drain_known_at_ || queue_delay_.queue() < TargetQueue()) return;
  // What arrives from a queue is the rate of the link.
  SetBandwidth(delivered_bytes_per_second());
  rate_ = std::min(rate_, bandwidth_ * kDrainGain);
}

// --- A queue that stands ---

bool RateController::QueueIsStuck(bool pacing_bound, Timestamp now) {
  // A low target is missed by more.
  const Duration much = background_ ? std::max(kMuchQueue, TargetQueue()) : kMuchQueue;
  if (!pacing_bound || queue_delay_.queue() <= TargetQueue() + much) {
    fine_at_ = now;
    fine_bandwidth_ = bandwidth_;
    was_fine_ = was_fine_ || pacing_bound;
    return false;
  }
  return now >= next_test_ && now - fine_at_ >= std::max(LoopDelay() * kStuckLoops, kLeastStuck);
}

void RateController::BeginTest(Timestamp now) {
  rival_tested_ = phase_ == Phase::kRival;
  phase_ = Phase::kTest;
  test_queue_ = queue_delay_.queue();
  test_until_ = now + LoopDelay() + std::max(test_queue_, kLeastTest) * (rival_tested_ ? 2 : 1);
  rate_ = std::min(rate_, delivered_bytes_per_second() * kTestGain);
}

void RateController::Test(const Sending& sending, Timestamp now) {
  if (now < test_until_) return;
  const double left = Share(queue_delay_.queue(), test_queue_);
  phase_ = Phase::kHold;
  next_test_ = now + kTestPause;
  ForgetQueue(now);
  if (rival_tested_ && left > kRivalQueue) return BeginRival(now);
  if (left < 1 - kSameQueue) {
    // It is this sender's, and what arrives from a queue is the rate of the link.
    SetBandwidth(delivered_bytes_per_second());
    return;
  }
  // Again, or before this sender had come.
  if (now < next_rebase_ || !was_fine_) return BeginRival(now);
  // More under way than pings take: the lanes hold what the link has lost.
  const double path_bytes = delivered_bytes_per_second() * LoopDelay().seconds();
  const double held = static_cast<double>(sending.in_flight_bytes) - 4 * record_bytes_;
  if (left > 1 + kSameQueue || held > kMostHeld * path_bytes) return;
  next_rebase_ = now + kRebaseInterval;
  queue_delay_.Rebase(now);
  SetBandwidth(std::max(bandwidth_, fine_bandwidth_));
  rate_ = bandwidth_;
}

void RateController::BeginRival(Timestamp now) {
  phase_ = Phase::kRival;
  next_test_ = now + kRivalTestInterval;
}

void RateController::Rival(Duration elapsed, Timestamp now) {
  FollowDelivered(elapsed, Memory());
  rate_ = std::max(bandwidth_, kInitialBytesPerSecond) * kRivalGain;
  if (now >= next_test_) BeginTest(now);
}

void RateController::BeginYield() {
  phase_ = Phase::kYield;
  rate_ = bandwidth_ * kTrickle;
}

void RateController::Yield(Timestamp now) {
  // A path that got longer looks like a rival, until its delay is the new base.
  if (now - standing_at_ > std::max(LoopDelay() * 3, kRivalGone)) BeginStart(now);
}

}  // namespace millrace
