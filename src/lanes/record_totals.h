// Totals of records on unreliable lanes, over all lanes of a connection.
#pragma once

#include "lanes/lane.h"

namespace millrace {

struct RecordTotals {
  uint64_t acked = 0;
  uint64_t lost = 0;

  void AddUnreliable(const Lane& lane) {
    if (lane.sent().delivery() == Delivery::kReliable) return;
    acked += lane.sent().acked_records();
    lost += lane.sent().lost_records();
  }
};

}  // namespace millrace
