#include "values.h"

#include <algorithm>
#include <cmath>

#include "base/number.h"
#include "wire/limits.h"

namespace millrace {

using emscripten::val;

Timestamp FromMillis(double millis) {
  constexpr double kMostMillis = 1e15;
  const double usable = IsAmount(millis) ? std::min(millis, kMostMillis) : 0;
  return Timestamp::FromMicros(static_cast<int64_t>(std::llround(usable * 1000.0)));
}

double ToMillis(Timestamp time) {
  return time.IsNever() ? HUGE_VAL : static_cast<double>(time.micros()) / 1000.0;
}

uint64_t ToCount(double number) {
  if (!(number >= 0.0) || number > static_cast<double>(kMaxFileBytes)) return kMaxFileBytes + 1;
  return static_cast<uint64_t>(number);
}

size_t ToSize(double number) {
  return static_cast<size_t>(std::min<uint64_t>(ToCount(number), UINT32_MAX));
}

val ToValue(std::optional<double> number) { return number ? val(*number) : val::undefined(); }

val ToValue(std::optional<int> number) {
  return ToValue(number ? std::optional<double>(*number) : std::nullopt);
}

val ToValue(std::optional<Duration> span) {
  return ToValue(span ? std::optional<double>(span->millis()) : std::nullopt);
}

val ToValue(std::string_view text) { return val(std::string(text)); }

val ToValue(const std::optional<WaitingShares>& waiting) {
  if (!waiting) return val::undefined();
  constexpr const char* kNames[kWaitings] = {"source", "seal", "channel", "network", "sink"};
  val shares = val::object();
  for (size_t i = 0; i < kWaitings; ++i) Set(shares, kNames[i], (*waiting)[i]);
  return shares;
}

void Set(val& object, const char* name, const val& value) { object.set(name, value); }

void Set(val& object, const char* name, double number) { Set(object, name, val(number)); }

void Set(val& object, const char* name, bool flag) { Set(object, name, val(flag)); }

void Set(val& object, const char* name, std::string_view text) { Set(object, name, ToValue(text)); }

void Push(val& array, const val& value) { array.call<void>("push", value); }

double NumberOf(const val& object, const char* name) {
  const val number = object[name];
  return number.isNumber() ? number.as<double>() : std::nan("");
}

std::string TextOf(const val& object, const char* name) {
  const val text = object[name];
  return text.isString() ? text.as<std::string>() : std::string();
}

}  // namespace millrace
