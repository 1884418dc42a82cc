// The mesh as JavaScript sees it (web/wasm/mesh.ts): a module of its own, for pages that want it.

#include <emscripten/bind.h>
#include <emscripten/val.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>
#include <vector>

#include "base/number.h"
#include "mesh/mesh_node.h"
#include "values.h"

namespace millrace {
namespace {

using emscripten::val;

constexpr const char* kModes[] = {"HIGH", "MEDIUM", "LOW"};
constexpr const char* kTopologies[] = {"auto", "full", "partial", "hub"};
constexpr const char* kSays[] = {"here", "bye", "suspect"};
constexpr const char* kLevelNames[] = {"low", "normal", "high", "urgent"};
constexpr const char* kEvents[] = {"joined",   "left",      "connect",  "release",
                                   "message",  "delivered", "failed",   "quality",
                                   "topology", "dropped",   "duplicate"};

// The place of a name in a list; `fallback` where it has none.
template <size_t kCount>
size_t PlaceOf(const char* const (&names)[kCount], const std::string& name, size_t fallback) {
  const auto at = std::find(std::begin(names), std::end(names), name);
  return at == std::end(names) ? fallback : static_cast<size_t>(at - std::begin(names));
}

std::string_view NameOf(QualityMode mode) { return kModes[static_cast<size_t>(mode)]; }
std::string_view NameOf(Topology topology) { return kTopologies[static_cast<size_t>(topology)]; }
std::string_view NameOf(Level level) { return kLevelNames[static_cast<size_t>(level)]; }

// Sixteen hexadecimal digits; JavaScript has no numbers of 64 bits.
std::string ToText(Incarnation incarnation) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(incarnation.value));
  return text;
}

Incarnation ToIncarnation(const std::string& text) {
  return Incarnation(std::strtoull(text.substr(0, 16).c_str(), nullptr, 16));
}

val AgentObject(const Agent& agent) {
  val object = val::object();
  object.set("id", agent.id);
  object.set("incarnation", ToText(agent.incarnation));
  object.set("capacity", static_cast<double>(agent.capacity));
  return object;
}

Agent AgentFrom(const val& object) {
  const double capacity = NumberOf(object, "capacity");
  return {TextOf(object, "id"), ToIncarnation(TextOf(object, "incarnation")),
          IsAmount(capacity) ? ToCount(capacity) : 0};
}

val IdObject(const MessageId& id) {
  val object = val::object();
  object.set("destination", id.destination);
  object.set("level", ToValue(NameOf(id.stream.level)));
  object.set("unordered", id.stream.unordered);
  object.set("broadcast", id.stream.broadcast);
  object.set("sequence", static_cast<double>(id.sequence));
  return object;
}

// A copy that JavaScript owns.
val BytesValue(const std::vector<uint8_t>& bytes) {
  return val::global("Uint8Array")
      .new_(val(emscripten::typed_memory_view(bytes.size(), bytes.data())));
}

// Sets `to` where the object has such a number; NaN is none.
template <typename Number>
void Take(const val& object, const char* name, Number& to) {
  const double number = NumberOf(object, name);
  if (IsAmount(number)) to = static_cast<Number>(std::min(number, 1e15));
}
void Take(const val& object, const char* name, Duration& to) {
  const double number = NumberOf(object, name);
  if (IsAmount(number)) to = FromMillis(number) - Timestamp();
}

MeshOptions OptionsFrom(const val& object) {
  MeshOptions options;
  options.topology.topology =
      static_cast<Topology>(PlaceOf(kTopologies, TextOf(object, "topology"), 0));
  Take(object, "neighbours", options.topology.neighbours);
  Take(object, "agentsPerHub", options.topology.agents_per_hub);
  Take(object, "mostFull", options.topology.most_full);
  Take(object, "mostPartial", options.topology.most_partial);
  BandwidthOptions& bandwidth = options.bandwidth;
  Take(object, "mediumAbove", bandwidth.medium_above);
  Take(object, "lowAbove", bandwidth.low_above);
  Take(object, "mediumBelow", bandwidth.medium_below);
  Take(object, "highBelow", bandwidth.high_below);
  Take(object, "highDelay", bandwidth.batch_delays[0]);
  Take(object, "mediumDelay", bandwidth.batch_delays[1]);
  Take(object, "lowDelay", bandwidth.batch_delays[2]);
  Take(object, "sampleInterval", bandwidth.sample_interval);
  Take(object, "horizon", bandwidth.horizon);
  bandwidth.predictive = object["predictive"].isTrue();
  Take(object, "queueBytes", options.queue.max_bytes);
  Take(object, "channelBytes", options.channel_bytes);
  Take(object, "messagesPerSecond", options.flood.messages_per_second);
  Take(object, "bytesPerSecond", options.flood.bytes_per_second);
  return options;
}

class WasmMeshNode {
 public:
  WasmMeshNode(const val& self, const val& options, double now)
      : node_(AgentFrom(self), OptionsFrom(options), FromMillis(now)) {}

  void HandleRoom(const val& object, double now) {
    RoomMessage message;
    message.type = static_cast<RoomMessage::Type>(PlaceOf(kSays, TextOf(object, "type"), 0));
    const val agents = object["agents"];
    const auto count = agents["length"].as<uint32_t>();
    for (uint32_t i = 0; i < count; ++i) message.agents.push_back(AgentFrom(agents[i]));
    message.asks = object["asks"].isTrue();
    message.settled = object["settled"].isTrue();
    message.to = TextOf(object, "to");
    node_.HandleRoom(message, FromMillis(now));
  }
  void Rejoin() { node_.Rejoin(); }
  void SetCapacity(double bytes_per_second) { node_.SetCapacity(ToCount(bytes_per_second)); }
  void Leave() { node_.Leave(); }

  void LinkUp(const std::string& id, double now) { node_.LinkUp(id, FromMillis(now)); }
  void LinkDown(const std::string& id, double now) { node_.LinkDown(id, FromMillis(now)); }
  void SetBuffered(const std::string& id, double bytes) { node_.SetBuffered(id, ToSize(bytes)); }
  // `batch`: a Uint8Array.
  void HandleBatch(const std::string& from, const val& batch, double now) {
    node_.HandleBatch(from, Copy(batch), FromMillis(now));
  }

  // The message's id, or {code, detail}. `to`: empty for all.
  val Send(const std::string& to, const val& payload, const val& options, double now) {
    SendOptions how;
    how.level = static_cast<Level>(PlaceOf(kLevelNames, TextOf(options, "level"), 1));
    how.unordered = options["unordered"].isTrue();
    how.compressed = options["compressed"].isTrue();
    how.timestamp_ms = ToCount(NumberOf(options, "timestamp"));
    const ByteView bytes = Copy(payload);
    const Result<MessageId> id = to.empty() ? node_.Broadcast(bytes, how, FromMillis(now))
                                            : node_.Send(to, bytes, how, FromMillis(now));
    if (id.ok()) return IdObject(id.value());
    val error = val::object();
    error.set("code", ToValue(ErrorCodeName(id.error().code)));
    error.set("detail", id.error().detail);
    return error;
  }
  void Flush() { node_.Flush(); }

  void AdvanceTime(double now) { node_.AdvanceTime(FromMillis(now)); }
  double NextTimeout(double now) const { return ToMillis(node_.NextTimeout(FromMillis(now))); }

  val PollOutput(double now) {
    const std::optional<MeshOutput> output = node_.PollOutput(FromMillis(now));
    if (!output) return val::undefined();
    val object = val::object();
    object.set("to", output->to);
    object.set("batch", BytesValue(output->batch));
    return object;
  }
  val PollSay() {
    const std::optional<RoomMessage> said = node_.PollSay();
    if (!said) return val::undefined();
    val object = val::object();
    object.set("type", kSays[static_cast<size_t>(said->type)]);
    val agents = val::array();
    for (const Agent& agent : said->agents) agents.call<void>("push", AgentObject(agent));
    object.set("agents", agents);
    object.set("asks", said->asks);
    object.set("settled", said->settled);
    object.set("to", said->to);
    return object;
  }
  val PollEvent() {
    const std::optional<MeshEvent> event = node_.PollEvent();
    if (!event) return val::undefined();
    val object = val::object();
    object.set("type", kEvents[static_cast<size_t>(event->type)]);
    object.set("agent", event->agent.id);
    object.set("incarnation", ToText(event->agent.incarnation));
    switch (event->type) {
      case MeshEvent::Type::kMessage:
        object.set("timestamp", static_cast<double>(event->timestamp_ms));
        object.set("compressed", event->compressed);
        object.set("payload", BytesValue(event->payload));
        object.set("id", IdObject(event->id));
        break;
      case MeshEvent::Type::kDelivered:
      case MeshEvent::Type::kFailed:
        object.set("id", IdObject(event->id));
        break;
      case MeshEvent::Type::kQuality:
        object.set("oldMode", ToValue(NameOf(event->quality.old_mode)));
        object.set("newMode", ToValue(NameOf(event->quality.new_mode)));
        object.set("maxBuffered", static_cast<double>(event->quality.max_buffered));
        object.set("avgBuffered", static_cast<double>(event->quality.avg_buffered));
        object.set("channelCount", static_cast<double>(event->quality.channel_count));
        break;
      case MeshEvent::Type::kTopology:
        object.set("topology", ToValue(NameOf(event->topology)));
        break;
      case MeshEvent::Type::kDropped:
        object.set("reason", ToValue(millrace::NameOf(event->reason)));
        object.set("count", static_cast<double>(event->count));
        break;
      default:
        break;
    }
    return object;
  }

  std::string Mode() const { return std::string(NameOf(node_.mode())); }
  double Buffered(const std::string& id) const { return static_cast<double>(node_.Buffered(id)); }
  val Stats() const {
    const MeshStats stats = node_.stats();
    val object = val::object();
    object.set("mode", ToValue(NameOf(stats.mode)));
    object.set("topology", ToValue(NameOf(stats.topology)));
    object.set("isHub", stats.is_hub);
    const auto set = [&object](const char* name, uint64_t number) {
      object.set(name, static_cast<double>(number));
    };
    set("channelCount", stats.connections);
    set("maxBuffered", stats.max_buffered);
    set("avgBuffered", stats.connections == 0 ? 0 : stats.sum_buffered / stats.connections);
    set("keptBytes", stats.kept_bytes);
    set("waitingBytes", stats.waiting_bytes);
    set("messagesSent", stats.sent);
    set("messagesReceived", stats.received);
    set("packetsForwarded", stats.forwarded);
    set("messagesResent", stats.resent);
    set("duplicates", stats.duplicates);
    set("batches", stats.batches);
    set("batchBytes", stats.batch_bytes);
    val dropped = val::object();
    for (size_t i = 0; i < kDropReasons; ++i) {
      const auto reason = static_cast<DropReason>(i);
      dropped.set(std::string(millrace::NameOf(reason)), static_cast<double>(stats.dropped[i]));
    }
    object.set("dropped", dropped);
    return object;
  }

 private:
  // Until the next call. One byte more than a limit is enough to be refused.
  ByteView Copy(const val& array) {
    const auto length = array["length"].as<size_t>();
    if (length > kMaxMeshBatchBytes) {
      input_.assign(kMaxMeshBatchBytes + 1, 0);
      return input_;
    }
    input_.resize(length);
    if (length > 0) {
      val(emscripten::typed_memory_view(length, input_.data())).call<void>("set", array);
    }
    return input_;
  }

  MeshNode node_;
  std::vector<uint8_t> input_;
};

}  // namespace

EMSCRIPTEN_BINDINGS(millrace_mesh) {
  emscripten::class_<WasmMeshNode>("MeshNode")
      .constructor<val, val, double>()
      .function("handleRoom", &WasmMeshNode::HandleRoom)
      .function("rejoin", &WasmMeshNode::Rejoin)
      .function("setCapacity", &WasmMeshNode::SetCapacity)
      .function("leave", &WasmMeshNode::Leave)
      .function("linkUp", &WasmMeshNode::LinkUp)
      .function("linkDown", &WasmMeshNode::LinkDown)
      .function("setBuffered", &WasmMeshNode::SetBuffered)
      .function("handleBatch", &WasmMeshNode::HandleBatch)
      .function("send", &WasmMeshNode::Send)
      .function("flush", &WasmMeshNode::Flush)
      .function("advanceTime", &WasmMeshNode::AdvanceTime)
      .function("nextTimeout", &WasmMeshNode::NextTimeout)
      .function("pollOutput", &WasmMeshNode::PollOutput)
      .function("pollSay", &WasmMeshNode::PollSay)
      .function("pollEvent", &WasmMeshNode::PollEvent)
      .function("mode", &WasmMeshNode::Mode)
      .function("buffered", &WasmMeshNode::Buffered)
      .function("stats", &WasmMeshNode::Stats);
}

}  // namespace millrace
