// Points in time and spans of it, in microseconds. The core has no clock: time is always an
// argument.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>

namespace millrace {

// A span of time. Microseconds in 64 bits hold 292,000 years, so sums of sane spans cannot
// overflow.
class Duration {
 public:
  constexpr Duration() = default;
  static constexpr Duration Micros(int64_t micros) { return Duration(micros); }
  static constexpr Duration Millis(int64_t millis) { return Duration(millis * 1000); }
  static constexpr Duration Seconds(int64_t seconds) { return Duration(seconds * 1'000'000); }

  constexpr int64_t micros() const { return micros_; }
  constexpr double millis() const { return static_cast<double>(micros_) / 1000.0; }
  constexpr double seconds() const { return static_cast<double>(micros_) / 1e6; }

  constexpr auto operator<=>(const Duration&) const = default;
  constexpr Duration operator+(Duration other) const { return Duration(micros_ + other.micros_); }
  constexpr Duration operator-(Duration other) const { return Duration(micros_ - other.micros_); }
  constexpr Duration operator*(int64_t factor) const { return Duration(micros_ * factor); }
  constexpr Duration operator/(int64_t divisor) const { return Duration(micros_ / divisor); }

 private:
  explicit constexpr Duration(int64_t micros) : micros_(micros) {}
  int64_t micros_ = 0;
};

// A moment on the caller's monotonic clock, whose zero is the caller's business.
class Timestamp {
 public:
  constexpr Timestamp() = default;
  static constexpr Timestamp FromMicros(int64_t micros) { return Timestamp(micros); }
  // Later than every moment: the timeout of something that waits for nothing.
  static constexpr Timestamp Never() { return Timestamp(std::numeric_limits<int64_t>::max()); }

  constexpr int64_t micros() const { return micros_; }
  constexpr bool IsNever() const { return *this == Never(); }

  constexpr auto operator<=>(const Timestamp&) const = default;
  constexpr Timestamp operator+(Duration span) const { return Timestamp(micros_ + span.micros()); }
  constexpr Duration operator-(Timestamp earlier) const {
    return Duration::Micros(micros_ - earlier.micros_);
  }

 private:
  explicit constexpr Timestamp(int64_t micros) : micros_(micros) {}
  int64_t micros_ = 0;
};

}  // namespace millrace
