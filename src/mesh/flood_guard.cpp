#include "mesh/flood_guard.h"

#include <algorithm>

#include "mesh/message.h"

namespace millrace {
namespace {

constexpr int64_t kMillion = 1'000'000;
// Twice 60 s of it still fit in 63 bits.
constexpr int64_t kHighestRate = int64_t{1} << 34;

}  // namespace

FloodGuard::Bucket::Bucket(int64_t wanted_rate, int64_t burst_us, int64_t least)
    : rate(std::clamp<int64_t>(wanted_rate, 1, kHighestRate)),
      capacity(std::max(rate * burst_us, least * kMillion)),
      content(capacity) {}

void FloodGuard::Bucket::Fill(int64_t micros) {
  // More than fills it from empty would only risk an overflow.
  const int64_t enough = capacity / rate + 1;
  content = std::min(content + rate * std::min(micros, enough), capacity);
}

FloodGuard::FloodGuard(FloodLimits limits)
    : burst_us_(std::clamp(limits.burst, Duration::Millis(1), Duration::Seconds(60)).micros()),
      messages_(limits.messages_per_second, burst_us_, 1),
      bytes_(limits.bytes_per_second, burst_us_, kMaxMeshPacketBytes) {}

bool FloodGuard::Allow(size_t bytes, Timestamp now) {
  if (filled_at_ && now > *filled_at_) {
    const int64_t passed = (now - *filled_at_).micros();
    messages_.Fill(passed);
    bytes_.Fill(passed);
  }
  filled_at_ = now;
  if (messages_.content < kMillion) return false;
  if (static_cast<uint64_t>(bytes_.content / kMillion) < bytes) return false;
  messages_.content -= kMillion;
  bytes_.content -= static_cast<int64_t>(bytes) * kMillion;
  return true;
}

}  // namespace millrace
