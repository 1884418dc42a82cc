#include "report/bottleneck.h"

#include <algorithm>

#include "base/number.h"

namespace millrace {
namespace {

constexpr double kMostLoss = 0.05;
constexpr double kMostRttMs = 200;
constexpr double kMostJitterMs = 50;
constexpr double kMostVariation = 0.5;
constexpr double kMostMemory = 0.9;
constexpr double kDominant = 0.5;

// On such a link a slow transfer has another reason: the second step of the chunk ladder, and less
// loss than would cost the link a third of its rate.
constexpr double kGoodRttMs = 50;
constexpr double kGoodLoss = 0.01;
// A hundredth of what processors that run a browser can seal (measured: 100 to 800 MB/s).
constexpr double kLowBytesPerSecond = 1e6;

bool IsAbove(const std::optional<double>& number, double bound) {
  return number && IsAmount(*number) && *number > bound;
}
bool IsBelow(const std::optional<double>& number, double bound) {
  return number && IsAmount(*number) && *number < bound;
}

// The part that took at least half of the waiting time.
std::optional<Waiting> Dominant(const std::optional<WaitingShares>& waiting) {
  if (!waiting) return std::nullopt;
  const auto most = std::max_element(waiting->begin(), waiting->end());
  if (*most < kDominant) return std::nullopt;
  return static_cast<Waiting>(most - waiting->begin());
}

Bottleneck OfWaiting(Waiting waiting) {
  switch (waiting) {
    case Waiting::kSeal:
      return Bottleneck::kCpu;
    case Waiting::kChannel:
    case Waiting::kSink:
      return Bottleneck::kBackpressure;
    case Waiting::kNetwork:
      return Bottleneck::kNetworkBandwidth;
    case Waiting::kSource:
      break;
  }
  return Bottleneck::kNone;
}

}  // namespace

Bottleneck FindBottleneck(const BottleneckFacts& known) {
  if (IsAbove(known.memory_share, kMostMemory)) return Bottleneck::kMemory;
  const std::optional<Waiting> dominant = Dominant(known.waiting);
  const Bottleneck waited = dominant ? OfWaiting(*dominant) : Bottleneck::kNone;
  if (dominant && *dominant != Waiting::kNetwork) return waited;
  if (IsAbove(known.loss, kMostLoss)) return Bottleneck::kNetworkBandwidth;
  if (IsAbove(known.rtt_ms, kMostRttMs) || IsAbove(known.jitter_ms, kMostJitterMs)) {
    return Bottleneck::kNetworkLatency;
  }
  if (known.waiting) return waited;
  if (IsAbove(known.throughput_variation, kMostVariation)) return Bottleneck::kBackpressure;
  const bool good = IsBelow(known.rtt_ms, kGoodRttMs) && !IsAbove(known.loss, kGoodLoss);
  if (good && IsBelow(known.bytes_per_second, kLowBytesPerSecond)) return Bottleneck::kCpu;
  return Bottleneck::kNone;
}

std::string_view NameOf(Bottleneck bottleneck) {
  switch (bottleneck) {
    case Bottleneck::kNone:
      break;
    case Bottleneck::kNetworkBandwidth:
      return "network-bandwidth";
    case Bottleneck::kNetworkLatency:
      return "network-latency";
    case Bottleneck::kBackpressure:
      return "backpressure";
    case Bottleneck::kCpu:
      return "cpu";
    case Bottleneck::kMemory:
      return "memory";
  }
  return "none";
}

std::string_view RecommendationFor(Bottleneck bottleneck,
                                   const std::optional<WaitingShares>& waiting) {
  const std::optional<Waiting> dominant = Dominant(waiting);
  switch (bottleneck) {
    case Bottleneck::kNone:
      break;
    case Bottleneck::kNetworkBandwidth:
      return "The network carries no more. Stop other downloads on it, come closer to the access "
             "point, or use a cable.";
    case Bottleneck::kNetworkLatency:
      return "The path is long or unsteady. Turn off a VPN, leave mobile data, or choose a relay "
             "that is closer.";
    case Bottleneck::kBackpressure:
      if (dominant == Waiting::kSink) {
        return "The other side stores more slowly than the data arrives. Let it store elsewhere, "
               "or close what else uses its disk.";
      }
      if (dominant == Waiting::kChannel) {
        return "The channel's buffer runs full. Raise the water marks, or send over more lanes.";
      }
      return "Data moves in bursts, because a buffer runs full again and again. Lower the chunk "
             "size, or store to a faster place.";
    case Bottleneck::kCpu:
      return "A processor is the limit. Close other tabs and programs, and keep this page in front "
             "on both sides.";
    case Bottleneck::kMemory:
      return "Memory is nearly used up. Store to a directory or to the private file system instead "
             "of to memory.";
  }
  if (dominant == Waiting::kSource) {
    return "The source delivers more slowly than the network could carry. Send from a faster disk, "
           "or make the stream faster.";
  }
  return "Nothing to do: no limit stands out.";
}

std::string_view TechnicalAdviceFor(Bottleneck bottleneck) {
  switch (bottleneck) {
    case Bottleneck::kNone:
      break;
    case Bottleneck::kNetworkBandwidth:
      return "Compress the data, reduce chunkSize, or run fewer transfers at once.";
    case Bottleneck::kNetworkLatency:
      return "Allow more parallel lanes (lanes.max), and send many small files as one transfer.";
    case Bottleneck::kBackpressure:
      return "Run fewer transfers at once, reduce chunkSize, or use a sink that stores faster.";
    case Bottleneck::kCpu:
      return "Let the engine run in a worker, and turn the second encryption off (encryption: "
             "false) where DTLS is enough.";
    case Bottleneck::kMemory:
      return "Reduce chunkSize and the water marks, and use the sink 'opfs' or a directory instead "
             "of 'memory'.";
  }
  return "";
}

}  // namespace millrace
