// Values on their way between JavaScript and the core.
#pragma once

#include <emscripten/val.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>

#include "base/number.h"
#include "base/time.h"
#include "stats/waiting.h"
#include "wire/limits.h"

namespace millrace {

// What is no moment counts as the earliest one.
inline Timestamp FromMillis(double millis) {
  constexpr double kMostMillis = 1e15;
  const double usable = IsAmount(millis) ? std::min(millis, kMostMillis) : 0;
  return Timestamp::FromMicros(static_cast<int64_t>(std::llround(usable * 1000.0)));
}

inline double ToMillis(Timestamp time) {
  return time.IsNever() ? HUGE_VAL : static_cast<double>(time.micros()) / 1000.0;
}

inline double Address(const void* pointer) {
  return static_cast<double>(reinterpret_cast<uintptr_t>(pointer));
}

// JavaScript numbers are exact up to 2^53 − 1, and so are all sizes (kMaxFileBytes). What is no
// such number becomes one that no check lets pass.
inline uint64_t ToCount(double number) {
  if (!(number >= 0.0) || number > static_cast<double>(kMaxFileBytes)) return kMaxFileBytes + 1;
  return static_cast<uint64_t>(number);
}

inline size_t ToSize(double number) {
  return static_cast<size_t>(std::min<uint64_t>(ToCount(number), UINT32_MAX));
}

// Nothing becomes `undefined`.
inline emscripten::val ToValue(std::optional<double> number) {
  return number ? emscripten::val(*number) : emscripten::val::undefined();
}
inline emscripten::val ToValue(std::optional<int> number) {
  return number ? emscripten::val(*number) : emscripten::val::undefined();
}
inline emscripten::val ToValue(std::optional<Duration> span) {
  return span ? emscripten::val(span->millis()) : emscripten::val::undefined();
}
inline emscripten::val ToValue(std::string_view text) { return emscripten::val(std::string(text)); }
inline emscripten::val ToValue(const std::optional<WaitingShares>& waiting) {
  if (!waiting) return emscripten::val::undefined();
  constexpr const char* kNames[kWaitings] = {"source", "seal", "channel", "network", "sink"};
  emscripten::val shares = emscripten::val::object();
  for (size_t i = 0; i < kWaitings; ++i) shares.set(kNames[i], (*waiting)[i]);
  return shares;
}

// A number of an object; NaN where it has none.
inline double NumberOf(const emscripten::val& object, const char* name) {
  const emscripten::val number = object[name];
  return number.isNumber() ? number.as<double>() : std::nan("");
}
// A text of an object; empty where it has none.
inline std::string TextOf(const emscripten::val& object, const char* name) {
  const emscripten::val text = object[name];
  return text.isString() ? text.as<std::string>() : std::string();
}

}  // namespace millrace
