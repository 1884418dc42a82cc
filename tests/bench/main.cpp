// The core's speed, natively and as WebAssembly in Node.js, for scripts/bench-core.mjs: a JSON
// object a line, one for each way and record size.
//
//   millrace_bench_core [LANES]      how many bulk lanes share the transfer (1)

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "bench/adapter_bench.h"
#include "bench/transfer_bench.h"

namespace millrace::bench {
namespace {

#ifdef __EMSCRIPTEN__
constexpr const char* kBuild = "wasm";
#else
constexpr const char* kBuild = "native";
#endif

// The chunk sizes of the default ladder.
constexpr size_t kRecordBytes[] = {16 * 1024, 64 * 1024, 128 * 1024};
constexpr size_t kRounds = 200;
constexpr size_t kMeshChannels = 100;
// The most lanes that a session opens.
constexpr long kMostLanes = 16;

double MegabytesPerSecond(size_t bytes, double ns) { return static_cast<double>(bytes) * 1e3 / ns; }

double Sum(const StepTimes& steps) {
  double sum = 0;
  for (const double step : steps) sum += step;
  return sum;
}

double Of(const StepTimes& steps, Step step) { return steps[static_cast<size_t>(step)]; }

void PrintWay(const char* path, const BenchOptions& options, const WayTimes& way,
              const BaselineTimes& alone) {
  const size_t size = options.record_bytes;
  const StepTimes& steps = way.steps;
  const double copies =
      Of(steps, Step::kRead) + Of(steps, Step::kChannel) + Of(steps, Step::kWrite);
  std::printf(
      "{\"bench\":\"core\",\"build\":\"%s\",\"path\":\"%s\",\"size\":%zu,\"lanes\":%u,\"mbs\":%.1f,"
      "\"sealMbs\":%.1f,\"openMbs\":%.1f,\"hashMbs\":%.1f,\"memcpyMbs\":%.1f,"
      "\"ratio\":%.3f,\"ratioWithoutCopies\":%.3f,\"steps\":{",
      kBuild, path, size, options.lanes, MegabytesPerSecond(size, way.whole),
      MegabytesPerSecond(size, alone.seal), MegabytesPerSecond(size, alone.open),
      MegabytesPerSecond(size, alone.hash), MegabytesPerSecond(size, alone.memcpy), way.ratio,
      way.ratio * (1 - copies / Sum(steps)));
}

void PrintSend(const BenchOptions& options, const BenchResult& result) {
  const StepTimes& steps = result.send.steps;
  PrintWay("send", options, result.send, result.baseline);
  // What little the other steps' names hide: an acknowledgement is opened, too, and a sender asks
  // in vain for writes.
  std::printf(
      "\"read\":%.0f,\"hash\":%.0f,\"seal\":%.0f,\"schedule\":%.0f,\"channel\":%.0f,"
      "\"acks\":%.0f}}\n",
      Of(steps, Step::kRead), Of(steps, Step::kHash), Of(steps, Step::kSeal),
      Of(steps, Step::kSchedule) + Of(steps, Step::kPlace), Of(steps, Step::kChannel),
      Of(steps, Step::kAcks) + Of(steps, Step::kOpen));
}

void PrintReceive(const BenchOptions& options, const BenchResult& result) {
  const StepTimes& steps = result.receive.steps;
  PrintWay("receive", options, result.receive, result.baseline);
  std::printf(
      "\"channel\":%.0f,\"open\":%.0f,\"hash\":%.0f,\"place\":%.0f,\"write\":%.0f,"
      "\"acks\":%.0f}}\n",
      Of(steps, Step::kChannel), Of(steps, Step::kOpen), Of(steps, Step::kHash),
      Of(steps, Step::kPlace), Of(steps, Step::kWrite),
      Of(steps, Step::kAcks) + Of(steps, Step::kSeal));
}

int Run(uint32_t lanes) {
  for (const size_t record_bytes : kRecordBytes) {
    const BenchOptions options{record_bytes, lanes, kRounds};
    const std::optional<BenchResult> result = RunTransferBench(options);
    if (!result) {
      std::fprintf(stderr, "the transfer failed, or it ended while it was measured\n");
      return 1;
    }
    PrintSend(options, *result);
    PrintReceive(options, *result);
  }
  std::printf(
      "{\"bench\":\"core\",\"build\":\"%s\",\"path\":\"mesh-adapter\",\"channels\":%zu,\"ns\":%.0f}"
      "\n",
      kBuild, kMeshChannels, AdapterDecisionNanos(kMeshChannels));
  return 0;
}

}  // namespace
}  // namespace millrace::bench

int main(int count, char** arguments) {
  const long lanes = count > 1 ? std::strtol(arguments[1], nullptr, 10) : 1;
  if (count > 2 || lanes < 1 || lanes > millrace::bench::kMostLanes) {
    std::fprintf(stderr, "usage: millrace_bench_core [LANES]\n");
    return 2;
  }
  return millrace::bench::Run(static_cast<uint32_t>(lanes));
}
