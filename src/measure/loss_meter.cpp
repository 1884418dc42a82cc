#include "measure/loss_meter.h"

#include <algorithm>

namespace millrace {

void LossMeter::Update(uint64_t arrived, uint64_t lost) {
  const uint64_t newly_arrived = arrived - std::min(arrived_, arrived);
  const uint64_t newly_lost = lost - std::min(lost_, lost);
  const uint64_t settled = newly_arrived + newly_lost;
  if (settled < kWindowRecords) return;
  share_ = static_cast<double>(newly_lost) / static_cast<double>(settled);
  arrived_ = arrived;
  lost_ = lost;
}

}  // namespace millrace
