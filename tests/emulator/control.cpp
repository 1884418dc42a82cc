#include "emulator/control.h"

#include <arpa/inet.h>

#include <cmath>
#include <optional>
#include <string>

#include "emulator/json_line.h"

namespace millrace::emulator {
namespace {

// Limits of what can be set, so that no sum of times or bytes overflows: ten minutes, 1 Tbit/s, 1
// GB.
constexpr double kMaxMillis = 600'000;
constexpr double kMaxMbps = 1e6;
constexpr double kMaxQueueBytes = 1e9;

std::string Error(std::string_view words) { return JsonObject().Add("error", words).Text(); }

Nanoseconds FromMillis(double millis) {
  return Nanoseconds(static_cast<int64_t>(std::llround(millis * 1e6)));
}

double ToMillis(Nanoseconds span) { return static_cast<double>(span.count()) / 1e6; }

template <typename T>
const T* Field(const JsonFields& fields, std::string_view name) {
  const auto field = fields.find(name);
  return field == fields.end() ? nullptr : std::get_if<T>(&field->second);
}

std::optional<double> NumberIn(const JsonValue& value, double low, double high) {
  const double* number = std::get_if<double>(&value);
  if (number == nullptr || *number < low || *number > high) return std::nullopt;
  return *number;
}

std::string Map(const JsonFields& fields, Emulator& emulator) {
  const auto* side = Field<std::string>(fields, "side");
  const auto* ip = Field<std::string>(fields, "ip");
  const auto* port = Field<double>(fields, "port");
  if (side == nullptr || (*side != "a" && *side != "b")) return Error("side must be a or b");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  if (ip == nullptr || inet_pton(AF_INET, ip->c_str(), &address.sin_addr) != 1) {
    return Error("ip must be an IPv4 address");
  }
  if (port == nullptr || *port < 1 || *port > 65535 || *port != std::floor(*port)) {
    return Error("port must be 1 to 65535");
  }
  address.sin_port = htons(static_cast<uint16_t>(*port));
  Nanoseconds extra_delay(0);
  if (const auto extra = fields.find("extraDelayMs"); extra != fields.end()) {
    const auto millis = NumberIn(extra->second, 0, kMaxMillis);
    if (!millis) return Error("extraDelayMs out of its range");
    extra_delay = FromMillis(*millis);
  }
  const auto id = emulator.relays().Map(*side == "a" ? Side::kA : Side::kB, address, extra_delay);
  if (!id) return Error("no relay left");
  return JsonObject().Add("port", uint64_t{emulator.relays()[*id].relay_port}).Text();
}

// One named setting. False: no such name, or a value that it cannot have.
bool Apply(std::string_view name, const JsonValue& value, Time now, LinkSettings& settings) {
  if (name == "blackout") {
    const bool* on = std::get_if<bool>(&value);
    if (on != nullptr) settings.blackout_until = *on ? Time::max() : Time::min();
    return on != nullptr;
  }
  if (name == "blackoutMs") {
    const auto millis = NumberIn(value, 0, kMaxMillis);
    if (millis) settings.blackout_until = now + FromMillis(*millis);
    return millis.has_value();
  }
  if (name == "delayMs" || name == "jitterMs") {
    const auto millis = NumberIn(value, 0, kMaxMillis);
    if (millis) (name == "delayMs" ? settings.delay : settings.jitter) = FromMillis(*millis);
    return millis.has_value();
  }
  if (name == "rateMbps") {
    const auto mbps = NumberIn(value, 0, kMaxMbps);
    if (mbps) settings.rate_bits_per_s = std::llround(*mbps * 1e6);
    return mbps.has_value();
  }
  if (name == "queueBytes") {
    const auto bytes = NumberIn(value, 0, kMaxQueueBytes);
    if (bytes) settings.queue_bytes = std::llround(*bytes);
    return bytes.has_value();
  }
  double* chance = name == "loss"         ? &settings.loss
                   : name == "burstEnter" ? &settings.burst_enter
                   : name == "burstLeave" ? &settings.burst_leave
                   : name == "burstLoss"  ? &settings.burst_loss
                                          : nullptr;
  const auto ratio = NumberIn(value, 0, 1);
  if (chance == nullptr || !ratio) return false;
  *chance = *ratio;
  return true;
}

std::string Set(const JsonFields& fields, Emulator& emulator) {
  const auto* direction = Field<std::string>(fields, "direction");
  if (direction == nullptr || (*direction != "ab" && *direction != "ba" && *direction != "both")) {
    return Error("direction must be ab, ba or both");
  }
  const Time now = Clock::now();
  LinkSettings from_a = emulator.From(Side::kA).settings();
  LinkSettings from_b = emulator.From(Side::kB).settings();
  for (const auto& [name, value] : fields) {
    if (name == "cmd" || name == "direction") continue;
    if (!Apply(name, value, now, from_a) || !Apply(name, value, now, from_b)) {
      return Error("no such setting, or a value out of its range");
    }
  }
  if (*direction != "ba") emulator.From(Side::kA).Set(from_a, now);
  if (*direction != "ab") emulator.From(Side::kB).Set(from_b, now);
  return JsonObject().Add("ok", true).Text();
}

JsonObject StatsOf(const LinkHistory& history) {
  const LinkTotals& totals = history.totals();
  return JsonObject()
      .Add("offeredPackets", totals.offered_packets)
      .Add("offeredBytes", totals.offered_bytes)
      .Add("carriedPackets", totals.carried_packets)
      .Add("carriedBytes", totals.carried_bytes)
      .Add("droppedByQueue", totals.dropped_by_queue)
      .Add("droppedByLoss", totals.dropped_by_loss)
      .Add("droppedByBlackout", totals.dropped_by_blackout)
      .Add("queueMsP50", ToMillis(history.QueueDelayQuantile(0.5)))
      .Add("queueMsP95", ToMillis(history.QueueDelayQuantile(0.95)))
      .Add("queueMsMax", ToMillis(history.QueueDelayQuantile(1)));
}

std::string Stats(Emulator& emulator) {
  return JsonObject()
      .Add("ab", StatsOf(emulator.From(Side::kA).history()))
      .Add("ba", StatsOf(emulator.From(Side::kB).history()))
      .Add("unknownPackets", emulator.unknown_packets())
      .Add("unsentPackets", emulator.unsent_packets())
      .Add("missedPackets", emulator.relays().MissedPackets())
      .Add("reflexive", emulator.relays().reflexive())
      .Text();
}

std::string Begin(Emulator& emulator) {
  const Time now = Clock::now();
  emulator.From(Side::kA).Begin(now);
  emulator.From(Side::kB).Begin(now);
  return JsonObject().Add("ok", true).Text();
}

template <typename Value>
std::string Column(const LinkHistory& history, Value value) {
  std::string text;
  for (const LinkBucket& bucket : history.buckets()) {
    text += (text.empty() ? "" : ",") + std::to_string(value(bucket));
  }
  return "[" + text + "]";
}

JsonObject TraceOf(const LinkHistory& history) {
  const auto column = [&](auto value) { return Column(history, value); };
  return JsonObject()
      .AddRaw("carriedBytes", column([](const LinkBucket& b) { return b.carried_bytes; }))
      .AddRaw("queueUs", column([](const LinkBucket& b) { return b.queue_delay_us; }))
      .AddRaw("droppedByQueue", column([](const LinkBucket& b) { return b.dropped_by_queue; }))
      .AddRaw("droppedOtherwise", column([](const LinkBucket& b) { return b.dropped_otherwise; }));
}

std::string Trace(Emulator& emulator) {
  return JsonObject()
      .Add("bucketMs", ToMillis(LinkHistory::kBucketSpan))
      .Add("ab", TraceOf(emulator.From(Side::kA).history()))
      .Add("ba", TraceOf(emulator.From(Side::kB).history()))
      .Text();
}

// The ports of all relays, which is what a connection that does not go around the link talks to,
// and those of the sockets that they stand for.
std::string ListPorts(Emulator& emulator) {
  std::string relays;
  std::string sockets;
  for (const Endpoint& endpoint : emulator.relays().all()) {
    const std::string comma = relays.empty() ? "" : ",";
    relays += comma + std::to_string(endpoint.relay_port);
    sockets += comma + std::to_string(ntohs(endpoint.address.sin_port));
  }
  return JsonObject()
      .AddRaw("relays", "[" + relays + "]")
      .AddRaw("sockets", "[" + sockets + "]")
      .Text();
}

}  // namespace

std::string Execute(std::string_view line, Emulator& emulator) {
  const std::optional<JsonFields> fields = ParseJsonLine(line);
  if (!fields) return Error("not an object of plain values");
  const auto* command = Field<std::string>(*fields, "cmd");
  if (command == nullptr) return Error("no cmd");
  if (*command == "map") return Map(*fields, emulator);
  if (*command == "set") return Set(*fields, emulator);
  if (*command == "begin") return Begin(emulator);
  if (*command == "stats") return Stats(emulator);
  if (*command == "trace") return Trace(emulator);
  if (*command == "ports") return ListPorts(emulator);
  return Error("no such cmd");
}

}  // namespace millrace::emulator
