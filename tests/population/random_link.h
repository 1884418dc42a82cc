// Links as people have them, drawn at random: eight kinds of access networks, both directions, a
// third of them with changes in mid-transfer.
#pragma once

#include <string>

#include "support/link_plan.h"

namespace millrace::population {

struct RandomLink {
  std::string kind;
  bool upstream = false;  // The transfer goes up the access network.
  testing::LinkPlan plan;
  uint64_t bytes = 0;  // About ten seconds at the ceiling, 0.3 to 40 MB.
};

// Link `index` of the population that `seed` names. The same for all sizes of the population.
RandomLink DrawLink(uint64_t seed, uint64_t index);

}  // namespace millrace::population
