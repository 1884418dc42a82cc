// The deadlines of one component: one for each kind, and the next expiry derived from them.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "base/time.h"

namespace millrace {

// `Kind`: an enum class whose values count from 0 and end with kCount.
template <typename Kind>
class TimerSet {
 public:
  TimerSet() { StopAll(); }

  void Set(Kind kind, Timestamp at) { At(kind) = at; }
  // Keeps the earlier one of the two deadlines.
  void SetEarlier(Kind kind, Timestamp at) { At(kind) = std::min(At(kind), at); }
  void Stop(Kind kind) { At(kind) = Timestamp::Never(); }
  void StopAll() { deadlines_.fill(Timestamp::Never()); }

  Timestamp deadline(Kind kind) const { return deadlines_[static_cast<size_t>(kind)]; }
  bool IsDue(Kind kind, Timestamp now) const { return now >= deadline(kind); }
  // The earliest deadline; Never where no timer runs.
  Timestamp next() const { return *std::min_element(deadlines_.begin(), deadlines_.end()); }

 private:
  Timestamp& At(Kind kind) { return deadlines_[static_cast<size_t>(kind)]; }

  std::array<Timestamp, static_cast<size_t>(Kind::kCount)> deadlines_;
};

}  // namespace millrace
