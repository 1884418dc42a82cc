// TransferBenchmark as JavaScript sees it: in the core, whose engine measures its transfers with
// it, and among the parts (web/wasm/session.ts, web/wasm/parts.ts).

#include <emscripten/bind.h>
#include <emscripten/val.h>

#include "base/number.h"
#include "report/transfer_benchmark.h"
#include "values.h"

namespace millrace {
namespace {

using emscripten::val;

class WasmBenchmark {
 public:
  // Milliseconds and samples.
  WasmBenchmark(double sample_interval, double window_size, double rtt_interval)
      : benchmark_({FromMillis(sample_interval) - Timestamp(), ToSize(window_size),
                    FromMillis(rtt_interval) - Timestamp()}) {}

  void Start(double now) { benchmark_.Start(FromMillis(now)); }
  void RecordBytes(double bytes, double now) {
    if (IsAmount(bytes)) benchmark_.RecordBytes(ToCount(bytes), FromMillis(now));
  }
  void RecordRtt(double rtt, double now) { benchmark_.RecordRtt(rtt, FromMillis(now)); }
  void RecordPacketLoss(double loss, double now) {
    benchmark_.RecordPacketLoss(loss, FromMillis(now));
  }
  // `waiting`: as `stats` of a session has it, or undefined. `memory_share`: NaN where unknown.
  void SetContext(const val& waiting, double memory_share) {
    std::optional<WaitingShares> shares;
    if (!waiting.isUndefined()) {
      shares = WaitingShares{NumberOf(waiting, "source"), NumberOf(waiting, "seal"),
                             NumberOf(waiting, "channel"), NumberOf(waiting, "network"),
                             NumberOf(waiting, "sink")};
    }
    benchmark_.SetContext(shares, memory_share);
  }
  bool Advance(double now) { return benchmark_.Advance(FromMillis(now)); }
  void Stop(double now) { benchmark_.Stop(FromMillis(now)); }
  bool Running() const { return benchmark_.running(); }
  bool RttIsDue(double now) const { return benchmark_.RttIsDue(FromMillis(now)); }

  val Stats(double now) const {
    const BenchmarkStats stats = benchmark_.Stats(FromMillis(now));
    val object = val::object();
    Set(object, "throughputAvg", stats.throughput_average);
    Set(object, "throughputPeak", stats.throughput_peak);
    Set(object, "throughputMin", stats.throughput_least);
    Set(object, "throughputCurrent", stats.throughput_current);
    Set(object, "rttAvg", ToValue(stats.rtt_average_ms));
    Set(object, "rttMin", ToValue(stats.rtt_least_ms));
    Set(object, "rttMax", ToValue(stats.rtt_most_ms));
    Set(object, "rttCurrent", ToValue(stats.rtt_current_ms));
    Set(object, "jitter", ToValue(stats.jitter_ms));
    Set(object, "lossAvg", ToValue(stats.loss_average));
    Set(object, "lossMax", ToValue(stats.loss_most));
    Set(object, "totalBytes", static_cast<double>(stats.total_bytes));
    Set(object, "durationMs", stats.duration.millis());
    Set(object, "sampleCount", static_cast<double>(stats.samples));
    Set(object, "quality", ToValue(stats.quality));
    Set(object, "bottleneck", ToValue(NameOf(stats.bottleneck)));
    Set(object, "recommendation", ToValue(stats.recommendation));
    Set(object, "technicalAdvice", ToValue(stats.technical_advice));
    return object;
  }

 private:
  TransferBenchmark benchmark_;
};

}  // namespace

EMSCRIPTEN_BINDINGS(millrace_benchmark) {
  emscripten::class_<WasmBenchmark>("TransferBenchmark")
      .constructor<double, double, double>()
      .function("start", &WasmBenchmark::Start)
      .function("recordBytes", &WasmBenchmark::RecordBytes)
      .function("recordRtt", &WasmBenchmark::RecordRtt)
      .function("recordPacketLoss", &WasmBenchmark::RecordPacketLoss)
      .function("setContext", &WasmBenchmark::SetContext)
      .function("advance", &WasmBenchmark::Advance)
      .function("stop", &WasmBenchmark::Stop)
      .function("running", &WasmBenchmark::Running)
      .function("rttIsDue", &WasmBenchmark::RttIsDue)
      .function("stats", &WasmBenchmark::Stats);
}

}  // namespace millrace
