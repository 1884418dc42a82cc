// Values on their way between JavaScript and the core.
#pragma once

#include <emscripten/val.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "report/waiting.h"

namespace millrace {

// What is no moment counts as the earliest one.
Timestamp FromMillis(double millis);
double ToMillis(Timestamp time);

inline double Address(const void* pointer) {
  return static_cast<double>(reinterpret_cast<uintptr_t>(pointer));
}

// JavaScript numbers are exact up to 2^53 − 1, and so are all sizes (kMaxFileBytes). What is no
// such number becomes one that no check lets pass.
uint64_t ToCount(double number);
size_t ToSize(double number);

// Nothing becomes `undefined`.
emscripten::val ToValue(std::optional<double> number);
emscripten::val ToValue(std::optional<int> number);
emscripten::val ToValue(std::optional<Duration> span);
emscripten::val ToValue(std::string_view text);
emscripten::val ToValue(const std::optional<WaitingShares>& waiting);

// Sets a property. One function for each kind of value: `val::set` by itself is compiled once for
// each length of a name as well.
void Set(emscripten::val& object, const char* name, const emscripten::val& value);
void Set(emscripten::val& object, const char* name, double number);
void Set(emscripten::val& object, const char* name, bool flag);
void Set(emscripten::val& object, const char* name, std::string_view text);
inline void Set(emscripten::val& object, const char* name, uint32_t number) {
  Set(object, name, static_cast<double>(number));
}
inline void Set(emscripten::val& object, const char* name, const char* text) {
  Set(object, name, std::string_view(text));
}

void Push(emscripten::val& array, const emscripten::val& value);

// A number of an object; NaN where it has none.
double NumberOf(const emscripten::val& object, const char* name);
// A text of an object; empty where it has none.
std::string TextOf(const emscripten::val& object, const char* name);

}  // namespace millrace
