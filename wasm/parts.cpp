// The parts as JavaScript sees them (web/wasm/parts.ts): a module of its own, for people who keep
// their own connection and have no use for the session's code and memory.

#include <emscripten/bind.h>
#include <emscripten/val.h>

#include <array>
#include <string>

#include "base/number.h"
#include "control/chunk_sizer.h"
#include "lanes/backpressure.h"
#include "measure/packet_loss.h"
#include "report/quality_monitor.h"
#include "report/quality_score.h"
#include "stripes/stripe_set.h"
#include "values.h"

namespace millrace {
namespace {

using emscripten::val;

class WasmChunkSizer {
 public:
  explicit WasmChunkSizer(const val& options) : sizer_(OptionsFrom(options)) {}

  bool Report(const val& metrics) {
    return sizer_.Report({NumberOf(metrics, "timestamp"), NumberOf(metrics, "bytesTransferred"),
                          NumberOf(metrics, "chunksSent"), NumberOf(metrics, "chunksAcked"),
                          NumberOf(metrics, "rtt"), NumberOf(metrics, "packetLoss"),
                          NumberOf(metrics, "jitter"), NumberOf(metrics, "bufferLevel")});
  }
  void SetPath(bool host_pair, bool cellular) { sizer_.SetPath(host_pair, cellular); }
  double ChunkSize() const { return static_cast<double>(sizer_.chunk_bytes()); }

  val Config() const {
    val config = val::object();
    Set(config, "ladder", sizer_.ladder() == Ladder::kStrict ? "strict" : "default");
    Set(config, "profile", ToValue(NameOf(sizer_.profile())));
    Set(config, "mode", ToValue(NameOf(sizer_.mode())));
    Set(config, "minChunkSize", static_cast<double>(sizer_.least_chunk_bytes()));
    Set(config, "maxChunkSize", static_cast<double>(sizer_.most_chunk_bytes()));
    return config;
  }

 private:
  static ChunkSizerOptions OptionsFrom(const val& object) {
    ChunkSizerOptions options;
    if (TextOf(object, "ladder") == "strict") options.ladder = Ladder::kStrict;
    options.profile = ProfileFromName(TextOf(object, "profile")).value_or(NetworkProfile::kAuto);
    options.mode = ModeFromName(TextOf(object, "mode"));
    options.least_chunk_bytes = SizeOf(object, "minChunkSize");
    options.most_chunk_bytes = SizeOf(object, "maxChunkSize");
    return options;
  }
  // 0 where there is none.
  static size_t SizeOf(const val& object, const char* name) {
    const double number = NumberOf(object, name);
    return IsAmount(number) ? ToSize(number) : 0;
  }

  ChunkSizer sizer_;
};

val SampleObject(const QualitySample& sample) {
  val object = val::object();
  Set(object, "rtt", ToValue(sample.rtt_ms));
  Set(object, "jitter", ToValue(sample.jitter_ms));
  Set(object, "packetLoss", ToValue(sample.loss));
  Set(object, "bytesPerSecond", ToValue(sample.bytes_per_second));
  Set(object, "bufferedAmount", ToValue(sample.buffered_bytes));
  return object;
}

class WasmQualityMonitor {
 public:
  // The peer answered how many packets it has received of those sent.
  void OnAnswer(double sent, double received, double now) {
    if (!IsAmount(sent) || !IsAmount(received)) return;
    loss_.OnAnswer(ToCount(sent), ToCount(received), FromMillis(now));
  }
  // NaN for what is not known.
  bool Add(double rtt, double bytes_total, double buffered, double now) {
    return monitor_.Add({rtt, loss_.share(), bytes_total, buffered}, FromMillis(now));
  }
  double Samples() const { return static_cast<double>(monitor_.samples()); }
  val Latest() const {
    const std::optional<QualitySample> latest = monitor_.latest();
    return latest ? SampleObject(*latest) : val::undefined();
  }
  val Mean() const {
    return monitor_.samples() > 0 ? SampleObject(monitor_.mean()) : val::undefined();
  }
  val Quality() const { return ToValue(monitor_.quality()); }

 private:
  PacketLoss loss_;
  QualityMonitor monitor_;
};

class WasmBackpressure {
 public:
  WasmBackpressure(double high, double low) : gate_({ToSize(high), ToSize(low)}) {}

  void OnSent(double bytes) { gate_.OnSent(ToSize(bytes)); }
  void OnBuffered(double bytes) { gate_.OnBuffered(ToSize(bytes)); }
  bool IsPaused() const { return gate_.IsPaused(); }
  double BufferLevel() const { return gate_.BufferLevel(); }
  double High() const { return static_cast<double>(gate_.marks().high); }
  double Low() const { return static_cast<double>(gate_.marks().low); }

 private:
  Backpressure gate_;
};

class WasmStripeSet {
 public:
  WasmStripeSet(double high, double low, bool round_robin, bool paced)
      : set_({round_robin ? Scheduler::kRoundRobin : Scheduler::kEarliestCompletion,
              {ToSize(high), ToSize(low)},
              paced}),
        input_(kMaxMessageBytes) {}

  // An empty text, or what was wrong.
  std::string OpenLane(uint32_t lane, double max_message_bytes, bool reliable) {
    const Status opened = set_.OpenLane(LaneId(lane), ToSize(max_message_bytes),
                                        reliable ? Delivery::kReliable : Delivery::kUnreliable);
    return opened.ok() ? std::string() : opened.error().detail;
  }
  void CloseLane(uint32_t lane) { set_.CloseLane(LaneId(lane)); }
  void OpenPulse() { set_.OpenPulse(); }
  void ClosePulse() { set_.ClosePulse(); }
  void SetBuffered(uint32_t lane, double bytes) { set_.SetBuffered(LaneId(lane), ToSize(bytes)); }

  // The chunk size, or {code, detail}.
  val Begin(double total_bytes, double chunk_bytes) {
    const Result<size_t> begun = set_.Begin(ToCount(total_bytes), ToSize(chunk_bytes));
    return begun.ok() ? val(static_cast<double>(begun.value())) : ErrorObject(begun.error());
  }
  void Cancel(const std::string& reason) { set_.Cancel(reason); }
  void Refuse(const std::string& reason) { set_.Refuse(reason); }

  val PollOutput(double now) {
    const std::optional<StripeOutput> output = set_.PollOutput(FromMillis(now));
    if (!output) return val::undefined();
    val object = val::object();
    Set(object, "lane", output->lane.value);
    Set(object, "address", Address(output->bytes.data()));
    Set(object, "bytes", static_cast<double>(output->bytes.size()));
    Set(object, "isChunk", output->is_chunk);
    Set(object, "index", output->index);
    Set(object, "offset", static_cast<double>(output->offset));
    Set(object, "length", static_cast<double>(output->length));
    return object;
  }
  // Where the next message is to be copied, at most kMaxMessageBytes.
  double InputBuffer() const { return Address(input_.data()); }
  // The message in the input buffer begins a transfer of so many bytes; undefined: it does not.
  val Begins(double length) const {
    const std::optional<uint64_t> bytes = set_.Begins(Message(length));
    return bytes ? val(static_cast<double>(*bytes)) : val::undefined();
  }
  void Decline(double length, const std::string& reason) { set_.Decline(Message(length), reason); }
  // What arrived; {code, detail} for what the peer must not send.
  val HandleInput(uint32_t lane, double length, double now) {
    const Result<StripeArrival> arrival =
        set_.HandleInput(LaneId(lane), Message(length), FromMillis(now));
    if (!arrival.ok()) return ErrorObject(arrival.error());
    if (!arrival.value().is_new) return val::undefined();
    val object = val::object();
    Set(object, "index", arrival.value().index);
    Set(object, "offset", static_cast<double>(arrival.value().offset));
    Set(object, "payload", static_cast<double>(arrival.value().payload));
    return object;
  }
  val PollEvent() {
    const std::optional<StripeEvent> event = set_.PollEvent();
    if (!event) return val::undefined();
    constexpr const char* kTypes[] = {"drained", "sent", "sendFailed", "received", "receiveFailed"};
    val object = val::object();
    Set(object, "type", kTypes[static_cast<size_t>(event->type)]);
    Set(object, "lane", event->lane.value);
    Set(object, "code", ToValue(ErrorCodeName(event->error.code)));
    Set(object, "detail", event->error.detail);
    return object;
  }
  double NextTimeout() const { return ToMillis(set_.NextTimeout()); }
  double SentBytes() const { return static_cast<double>(set_.sent_bytes()); }
  double ReceivedBytes() const { return static_cast<double>(set_.received_bytes()); }
  // Bytes per second; undefined where nothing is paced.
  val PacingRate() const {
    return set_.IsPaced() ? val(set_.flow().rate().pacing_bytes_per_second()) : val::undefined();
  }

  val Lanes() const {
    val lanes = val::array();
    for (const auto& [id, lane] : set_.lanes()) {
      val object = val::object();
      Set(object, "lane", id.value);
      Set(object, "bytesSent", static_cast<double>(lane.counters().bytes_sent));
      Set(object, "bytesReceived", static_cast<double>(lane.counters().bytes_received));
      Set(object, "chunksSent", static_cast<double>(lane.counters().records_sent));
      Set(object, "chunksReceived", static_cast<double>(lane.counters().records_received));
      Set(object, "bufferedAmount", static_cast<double>(lane.gate().buffered()));
      Set(object, "bufferLevel", lane.gate().BufferLevel());
      Set(object, "paused", lane.gate().IsPaused());
      Set(object, "stalled", lane.sent().stalled());
      Set(object, "rtt", ToValue(lane.sent().round_trip().smoothed()));
      Push(lanes, object);
    }
    return lanes;
  }

 private:
  // What is longer than the buffer has been cut, and is no message any more.
  ByteView Message(double length) const {
    return ByteView(input_).first(std::min(ToSize(length), input_.size()));
  }

  static val ErrorObject(const Error& error) {
    val object = val::object();
    Set(object, "code", ToValue(ErrorCodeName(error.code)));
    Set(object, "detail", error.detail);
    return object;
  }

  StripeSet set_;
  std::vector<uint8_t> input_;
};

// The name of the profile that a path looks like.
std::string Detect(const val& path) {
  const auto amount = [&path](const char* name) {
    const double number = NumberOf(path, name);
    return IsAmount(number) ? number : 0;
  };
  return std::string(
      NameOf(DetectProfile({path["hostPair"].isTrue(), path["cellular"].isTrue(), amount("rtt"),
                            amount("jitter"), amount("packetLoss")})));
}

bool IsLanPath(bool host_pair, double rtt) {
  return IsAmount(rtt) && IsLan({.host_pair = host_pair, .rtt_ms = rtt});
}

val Profile(const std::string& name) {
  const std::optional<NetworkProfile> profile = ProfileFromName(name);
  if (!profile) return val::undefined();
  const ProfileLimits limits = LimitsOf(*profile);
  val object = val::object();
  Set(object, "minLanes", static_cast<double>(limits.least_lanes));
  Set(object, "maxLanes", static_cast<double>(limits.most_lanes));
  Set(object, "minChunkSize", static_cast<double>(limits.least_chunk_bytes));
  Set(object, "maxChunkSize", static_cast<double>(limits.most_chunk_bytes));
  Set(object, "mode", ToValue(NameOf(limits.mode)));
  return object;
}

val Marks() {
  struct Preset {
    const char* name;
    WaterMarks marks;
  };
  val presets = val::object();
  for (const Preset& preset :
       {Preset{"prescribed", kPrescribedMarks}, Preset{"event-driven", kEventDrivenMarks},
        Preset{"deep", kDeepMarks}, Preset{"measured", kMeasuredMarks}}) {
    val marks = val::object();
    Set(marks, "high", static_cast<double>(preset.marks.high));
    Set(marks, "low", static_cast<double>(preset.marks.low));
    presets.set(preset.name, marks);
  }
  return presets;
}

}  // namespace

EMSCRIPTEN_BINDINGS(millrace_parts) {
  emscripten::class_<WasmChunkSizer>("ChunkSizer")
      .constructor<val>()
      .function("report", &WasmChunkSizer::Report)
      .function("setPath", &WasmChunkSizer::SetPath)
      .function("chunkSize", &WasmChunkSizer::ChunkSize)
      .function("config", &WasmChunkSizer::Config);
  emscripten::class_<WasmQualityMonitor>("QualityMonitor")
      .constructor<>()
      .function("onAnswer", &WasmQualityMonitor::OnAnswer)
      .function("add", &WasmQualityMonitor::Add)
      .function("samples", &WasmQualityMonitor::Samples)
      .function("latest", &WasmQualityMonitor::Latest)
      .function("mean", &WasmQualityMonitor::Mean)
      .function("quality", &WasmQualityMonitor::Quality);
  emscripten::class_<WasmBackpressure>("Backpressure")
      .constructor<double, double>()
      .function("onSent", &WasmBackpressure::OnSent)
      .function("onBuffered", &WasmBackpressure::OnBuffered)
      .function("isPaused", &WasmBackpressure::IsPaused)
      .function("bufferLevel", &WasmBackpressure::BufferLevel)
      .function("high", &WasmBackpressure::High)
      .function("low", &WasmBackpressure::Low);
  emscripten::class_<WasmStripeSet>("StripeSet")
      .constructor<double, double, bool, bool>()
      .function("openLane", &WasmStripeSet::OpenLane)
      .function("closeLane", &WasmStripeSet::CloseLane)
      .function("openPulse", &WasmStripeSet::OpenPulse)
      .function("closePulse", &WasmStripeSet::ClosePulse)
      .function("setBuffered", &WasmStripeSet::SetBuffered)
      .function("begin", &WasmStripeSet::Begin)
      .function("cancel", &WasmStripeSet::Cancel)
      .function("refuse", &WasmStripeSet::Refuse)
      .function("pollOutput", &WasmStripeSet::PollOutput)
      .function("inputBuffer", &WasmStripeSet::InputBuffer)
      .function("begins", &WasmStripeSet::Begins)
      .function("decline", &WasmStripeSet::Decline)
      .function("handleInput", &WasmStripeSet::HandleInput)
      .function("pollEvent", &WasmStripeSet::PollEvent)
      .function("nextTimeout", &WasmStripeSet::NextTimeout)
      .function("sentBytes", &WasmStripeSet::SentBytes)
      .function("receivedBytes", &WasmStripeSet::ReceivedBytes)
      .function("pacingRate", &WasmStripeSet::PacingRate)
      .function("lanes", &WasmStripeSet::Lanes);
  emscripten::function("detectProfile", &Detect);
  emscripten::function("isLan", &IsLanPath);
  emscripten::function("profile", &Profile);
  emscripten::function("waterMarks", &Marks);
}

}  // namespace millrace
