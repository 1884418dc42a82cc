#include "bench/transfer_bench.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "bench/peer.h"
#include "crypto/handshake.h"
#include "support/random.h"

namespace millrace::bench {
namespace {

using testing::Random;

// The compilers of a WebAssembly engine, the caches and the pools have settled by then.
constexpr size_t kWarmUpRounds = 40;
// What the lanes hold together when they pause.
constexpr size_t kRoundBytes = 1024 * 1024;
// Virtual time of a round.
constexpr Duration kRound = Duration::Millis(10);
// A transfer that has not ended after so many rounds more than it should take never will.
constexpr size_t kSpareRounds = 100;

double Median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

std::unique_ptr<Session> MakeSession(const BenchOptions& options, Random& random, Timestamp now) {
  SessionOptions session;
  session.chunks = FixedChunks(options.record_bytes);
  const size_t high = kRoundBytes / options.lanes;
  session.water_marks = {high, high / 4};
  auto handshake = std::make_unique<Handshake>(random.Bytes(Handshake::kEntropyBytes),
                                               HandshakeOptions{}, ByteView());
  return std::make_unique<Session>(session, std::move(handshake), now);
}

// What the rounds measured for one way, ns for a record.
class WaySamples {
 public:
  void AddWhole(double whole, double alone) {
    whole_.push_back(whole);
    ratio_.push_back(whole / alone);
  }
  void AddSteps(const StepTimes& times, double records) {
    for (size_t i = 0; i < kStepCount; ++i) steps_[i].push_back(times[i] / records);
  }
  WayTimes Medians() const {
    WayTimes medians{Median(whole_), Median(ratio_), {}};
    for (size_t i = 0; i < kStepCount; ++i) medians.steps[i] = Median(steps_[i]);
    return medians;
  }

 private:
  std::vector<double> whole_;
  std::vector<double> ratio_;
  std::array<std::vector<double>, kStepCount> steps_;
};

class BaselineSamples {
 public:
  void Add(const BaselineTimes& times) {
    seal_.push_back(times.seal);
    open_.push_back(times.open);
    hash_.push_back(times.hash);
    memcpy_.push_back(times.memcpy);
  }
  BaselineTimes Medians() const {
    return {Median(seal_), Median(open_), Median(hash_), Median(memcpy_)};
  }

 private:
  std::vector<double> seal_;
  std::vector<double> open_;
  std::vector<double> hash_;
  std::vector<double> memcpy_;
};

class TransferBench {
 public:
  explicit TransferBench(const BenchOptions& options)
      : options_(options),
        source_(random_.Bytes(kSlabBytes)),
        sink_(kSlabBytes),
        sender_(Peer::Way::kSend, MakeSession(options, random_, now_), source_),
        receiver_(Peer::Way::kReceive, MakeSession(options, random_, now_), sink_),
        baseline_(source_, options.record_bytes, kRoundBytes / options.record_bytes) {}

  std::optional<BenchResult> Run();

 private:
  // What a round took, ns, and how many records it carried.
  struct RoundTimes {
    double send = 0;
    double receive = 0;
    double records = 0;
  };

  void Connect();
  RoundTimes Round(bool with_steps);
  void Deliver(Peer& from, Peer& to);
  // False where a round carried nothing, which can not be measured.
  bool Measure();
  bool Failed() const { return sender_.failed() || receiver_.failed() || baseline_.failed(); }
  bool Done() const { return sender_.done() && receiver_.done(); }

  BenchOptions options_;
  Random random_{1};
  Timestamp now_ = Timestamp::FromMicros(1'000'000);
  std::vector<uint8_t> source_;
  std::vector<uint8_t> sink_;
  Peer sender_;
  Peer receiver_;
  Baseline baseline_;
  WaySamples send_;
  WaySamples receive_;
  BaselineSamples baselines_;
};

void TransferBench::Connect() {
  for (Peer* peer : {&sender_, &receiver_}) {
    peer->session().SetFingerprints(peer == &sender_ ? "a" : "b", peer == &sender_ ? "b" : "a");
    peer->session().OpenLane(kControlLane, kMaxMessageBytes, Delivery::kReliable, now_);
    peer->session().OpenLane(kPulseLane, kMaxMessageBytes, Delivery::kUnreliable, now_);
  }
  // The handshake's two round trips.
  for (int i = 0; i < 4; ++i) Round(false);
  for (uint32_t lane = 1; lane <= options_.lanes; ++lane) {
    for (Peer* peer : {&sender_, &receiver_}) {
      peer->session().OpenLane(LaneId(lane), kMaxMessageBytes, Delivery::kReliable, now_);
    }
  }
  // Enough for all rounds: a lane takes a last record when it is just below its mark. Whole slabs,
  // so that the sink ends up with the source's bytes in the source's places.
  const uint64_t round_bytes = kRoundBytes + options_.lanes * options_.record_bytes;
  const uint64_t bytes = round_bytes * (kWarmUpRounds + options_.rounds + 1);
  const FileInfo file{(bytes + kSlabBytes - 1) / kSlabBytes * kSlabBytes, 0, "bench", ""};
  sender_.session().Offer({file}, TransferToken{}, now_);
}

void TransferBench::Deliver(Peer& from, Peer& to) {
  for (const Wire::Message& message : from.wire().messages()) {
    to.Deliver(message, from.wire().BytesOf(message), now_);
    to.Turn(now_);
  }
  from.wire().Clear();
}

TransferBench::RoundTimes TransferBench::Round(bool with_steps) {
  const auto timed = [with_steps](Peer& peer, const auto& act) {
    const double begin = NowNanos();
    if (with_steps) peer.timer().Start();
    act();
    peer.timer().Stop();
    return NowNanos() - begin;
  };
  now_ = now_ + kRound;
  const size_t before = receiver_.bulk_records();
  RoundTimes times;
  times.send = timed(sender_, [this] {
    sender_.Drain(now_);
    sender_.Turn(now_);
  });
  times.receive = timed(receiver_, [this] { Deliver(sender_, receiver_); });
  receiver_.Drain(now_);
  times.send += timed(sender_, [this] { Deliver(receiver_, sender_); });
  times.records = static_cast<double>(receiver_.bulk_records() - before);
  return times;
}

bool TransferBench::Measure() {
  const BaselineTimes alone = baseline_.Measure();
  const RoundTimes times = Round(false);
  sender_.timer().Clear();
  receiver_.timer().Clear();
  const double records_with_steps = Round(true).records;
  if (times.records == 0 || records_with_steps == 0) return false;
  baselines_.Add(alone);
  send_.AddWhole(times.send / times.records, alone.seal + alone.hash);
  receive_.AddWhole(times.receive / times.records, alone.open + alone.hash);
  send_.AddSteps(sender_.timer().times(), records_with_steps);
  receive_.AddSteps(receiver_.timer().times(), records_with_steps);
  return true;
}

std::optional<BenchResult> TransferBench::Run() {
  Connect();
  for (size_t i = 0; i < kWarmUpRounds; ++i) {
    baseline_.Measure();
    Round(i % 2 == 0);
  }
  for (size_t i = 0; i < options_.rounds; i += 2) {
    // A transfer that is over, well or not, measures nothing.
    if (!Measure() || Failed() || Done()) return std::nullopt;
  }
  const size_t most = kSpareRounds + 2 * (kWarmUpRounds + options_.rounds);
  for (size_t i = 0; i < most && !Failed() && !Done(); ++i) Round(false);
  if (!Done() || sink_ != source_) return std::nullopt;
  return BenchResult{send_.Medians(), receive_.Medians(), baselines_.Medians()};
}

}  // namespace

std::optional<BenchResult> RunTransferBench(const BenchOptions& options) {
  if (!InitializeCrypto()) return std::nullopt;
  return std::make_unique<TransferBench>(options)->Run();
}

}  // namespace millrace::bench
