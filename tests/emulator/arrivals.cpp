#include "emulator/arrivals.h"

#include <algorithm>
#include <tuple>

namespace millrace::emulator {

void Arrivals::Push(const Arrival& arrival) {
  heap_.push_back({arrival, pushed_++});
  std::push_heap(heap_.begin(), heap_.end(), IsLater);
}

std::optional<Arrival> Arrivals::Poll(Time now) {
  if (heap_.empty() || heap_.front().arrival.at > now) return std::nullopt;
  std::pop_heap(heap_.begin(), heap_.end(), IsLater);
  const Arrival next = heap_.back().arrival;
  heap_.pop_back();
  return next;
}

bool Arrivals::IsLater(const Entry& a, const Entry& b) {
  return std::tie(a.arrival.at, a.number) > std::tie(b.arrival.at, b.number);
}

}  // namespace millrace::emulator
