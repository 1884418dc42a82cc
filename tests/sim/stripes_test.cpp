// The lanes of `millrace/parts`: four channels of one connection, and the pulse lane, in the model.
// One line a row with MILLRACE_RATE_TABLE=1.

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "stripes/stripe_set.h"
#include "support/percentile.h"
#include "support/sctp_network.h"

namespace millrace {
namespace {

using testing::ConnectionId;
using testing::kPayloadShare;
using testing::Percentile;
using testing::SctpAssociation;
using testing::SctpNetwork;
using testing::SharedLinkOptions;

constexpr size_t kLanes = 4;
// The most that an event loop lets a timer or a message wait.
constexpr Duration kTimerGrain = Duration::Millis(4);

// Two sets on one connection, of which the first one sends.
class StripeFlow {
 public:
  StripeFlow(const SharedLinkOptions& link, bool paced, uint64_t seed)
      : network_(link, seed), sets_{StripeSet(Options(paced)), StripeSet(Options(paced))} {
    network_.on_message = [this](ConnectionId id, size_t side,
                                 const std::vector<uint8_t>& message) {
      OnMessage(id, side, message);
    };
    network_.on_buffered = [this](ConnectionId id, size_t side, size_t buffered) {
      sets_[side].SetBuffered(LaneOf(id), buffered);
    };
    channels_.push_back(network_.Open(SctpAssociation::Kind::kUnordered));
    for (size_t i = 1; i < kLanes; ++i) {
      channels_.push_back(network_.AddChannel(channels_[0], SctpAssociation::Kind::kUnordered));
    }
    channels_.push_back(network_.AddChannel(channels_[0], SctpAssociation::Kind::kUnreliable));
    for (StripeSet& set : sets_) {
      for (uint32_t lane = 1; lane <= kLanes; ++lane) {
        REQUIRE(set.OpenLane(LaneId(lane), kMaxMessageBytes, Delivery::kReliable).ok());
      }
      set.OpenPulse();
    }
  }

  // Sends so many bytes, for as long as `limit` at most.
  void Send(uint64_t bytes, size_t chunk_bytes, Duration limit) {
    done_ = false;
    REQUIRE(sets_[0].Begin(bytes, chunk_bytes).ok());
    const Timestamp deadline = network_.now() + limit;
    progress_at_ = network_.now();
    while (!done_ && network_.now() < deadline) {
      Pump(0);
      Pump(1);
      Timestamp next = std::min(network_.NextHappening(), deadline);
      for (const StripeSet& set : sets_) next = std::min(next, OnGrain(set.NextTimeout()));
      next = std::max(next, network_.now());
      network_.AdvanceTo(std::min(next, next_sample_));
      if (network_.now() >= next_sample_) Sample();
    }
  }

  Timestamp now() const { return network_.now(); }
  uint64_t sent_bytes() const { return sent_bytes_; }
  uint64_t new_bytes() const { return new_bytes_; }
  Duration longest_silence() const { return longest_silence_; }
  Duration QueuePercentile(double share) const { return Percentile(queue_samples_, share); }

 private:
  static StripeOptions Options(bool paced) {
    return {.scheduler = Scheduler::kRoundRobin, .paced = paced};
  }
  // Timers of a page fire on multiples of the grain.
  Timestamp OnGrain(Timestamp at) const {
    if (at.IsNever() || at <= network_.now())
      return at.IsNever() ? at : network_.now() + kTimerGrain;
    const int64_t grain = kTimerGrain.micros();
    return Timestamp::FromMicros((at.micros() + grain - 1) / grain * grain);
  }
  LaneId LaneOf(ConnectionId id) const {
    const auto it = std::find(channels_.begin(), channels_.end(), id);
    const auto index = static_cast<size_t>(it - channels_.begin());
    return index == kLanes ? kPulseLane : LaneId(static_cast<uint32_t>(index + 1));
  }
  ConnectionId ChannelOf(LaneId lane) const {
    return lane == kPulseLane ? channels_[kLanes] : channels_[lane.value - 1];
  }
  void Sample() {
    next_sample_ = next_sample_ + Duration::Millis(5);
    queue_samples_.push_back(network_.link(0).QueueDelay(network_.now()));
  }
  void Pump(size_t side) {
    StripeSet& set = sets_[side];
    while (const auto output = set.PollOutput(network_.now())) {
      std::vector<uint8_t> message(output->bytes.begin(), output->bytes.end());
      message.resize(message.size() + output->length);
      if (side == 0) sent_bytes_ += output->length;
      network_.Send(ChannelOf(output->lane), side, std::move(message));
    }
    while (const auto event = set.PollEvent()) {
      REQUIRE(event->type != StripeEventType::kSendFailed);
      if (event->type == StripeEventType::kSent) done_ = true;
    }
  }
  void OnMessage(ConnectionId id, size_t side, const std::vector<uint8_t>& message) {
    const Result<StripeArrival> arrival =
        sets_[side].HandleInput(LaneOf(id), message, network_.now());
    REQUIRE(arrival.ok());
    if (!arrival.value().is_new) return;
    new_bytes_ += message.size() - arrival.value().payload;
    longest_silence_ = std::max(longest_silence_, network_.now() - progress_at_);
    progress_at_ = network_.now();
  }

  SctpNetwork network_;
  std::array<StripeSet, 2> sets_;
  std::vector<ConnectionId> channels_;
  bool done_ = false;
  uint64_t sent_bytes_ = 0;
  uint64_t new_bytes_ = 0;
  Timestamp progress_at_;
  Duration longest_silence_;
  Timestamp next_sample_ = Timestamp::FromMicros(1'000'000);
  std::vector<Duration> queue_samples_;
};

struct Measured {
  double share = 0;
  double again = 0;
  Duration queue_p95;
  Duration silence;
};

// The defaults of a LaneSet: without pacing, chunks of 64 KiB.
Measured Measure(const SharedLinkOptions& link, bool paced, uint64_t bytes, uint64_t seed) {
  StripeFlow flow(link, paced, seed);
  const Timestamp start = flow.now();
  flow.Send(bytes, paced ? 0 : 64 * 1024, Duration::Seconds(120));
  const double mbits =
      static_cast<double>(flow.new_bytes()) * 8e-6 / (flow.now() - start).seconds();
  return {mbits / link.mbits_per_second / kPayloadShare,
          static_cast<double>(flow.sent_bytes()) / static_cast<double>(flow.new_bytes()) - 1,
          flow.QueuePercentile(0.95), flow.longest_silence()};
}

Measured Median(const SharedLinkOptions& link, bool paced, uint64_t bytes) {
  std::vector<Measured> runs;
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    runs.push_back(Measure(link, paced, bytes, seed));
  }
  std::sort(runs.begin(), runs.end(),
            [](const Measured& x, const Measured& y) { return x.share < y.share; });
  return runs[1];
}

struct Row {
  const char* name;
  double mbits;
  int rtt_ms;
  double loss;
  size_t queue_bytes;
  double least_of_free;    // Of what the same set carries without pacing.
  double least_share = 0;  // Of the ceiling.
  double seconds = 10;     // At the ceiling.
};

// One window of Reno carries what it does on links that lose, and pacing cannot change that. Where
// only the queue overflows, pacing avoids it.
constexpr Row kRows[] = {
    {"dsl-0.5", 0.5, 60, 0.005, 30'000, 0.9, 0.8}, {"bufferbloat-1", 1, 40, 0, 125'000, 1, 0.85},
    {"slow-2", 2, 60, 0.005, 60'000, 0.95, 0.75},  {"long-lossy-2", 2, 300, 0.01, 75'000, 0.85},
    {"usual-20", 20, 40, 0, 100'000, 0.95},        {"deep-20", 20, 40, 0, 1'000'000, 1.3, 0.9},
    {"rtt100", 20, 100, 0, 250'000, 1.5, 0.8},     {"rtt50-1", 20, 50, 0.01, 250'000, 0.9, 0, 3},
    {"fast-100", 100, 20, 0, 250'000, 0.9, 0, 2}};

TEST_CASE("a paced lane set sends nothing twice, and carries no less") {
  for (const Row& row : kRows) {
    DYNAMIC_SECTION(row.name) {
      const SharedLinkOptions link{Duration::Micros(row.rtt_ms * 500), row.mbits, row.queue_bytes,
                                   row.loss};
      const auto bytes = std::max<uint64_t>(
          1'000'000, static_cast<uint64_t>(row.mbits * kPayloadShare / 8e-6 * row.seconds));
      const Measured paced = Median(link, true, bytes);
      const Measured free = Median(link, false, bytes);
      if (std::getenv("MILLRACE_RATE_TABLE") != nullptr) {
        for (const bool is_paced : {true, false}) {
          const Measured& of = is_paced ? paced : free;
          std::printf("%-14s %-6s share %.3f, again %.3f, queue p95 %4.0f ms, silence %.1f s\n",
                      row.name, is_paced ? "paced" : "free", of.share, of.again,
                      of.queue_p95.millis(), of.silence.seconds());
        }
      }
      CHECK(paced.again <= 0.05);
      CHECK(paced.share >= free.share * row.least_of_free);
      CHECK(paced.share >= row.least_share);
    }
  }
}

}  // namespace
}  // namespace millrace
