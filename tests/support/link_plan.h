// A link in both directions and how it changes while something is sent, as one value that can be
// written down and played again.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/sctp_network.h"

namespace millrace::testing {

// A change of both directions, relative to what the link was at first.
struct LinkChange {
  enum class Kind {
    kRate,   // `value`: times the first rate.
    kDelay,  // `value`: milliseconds more, one way, than at first.
    kDark,   // `value`: seconds during which nothing gets in.
    kLoss,   // `value`: added to the first loss, 0 to 1.
  };

  Duration after;  // Since the plan began.
  Kind kind = Kind::kRate;
  double value = 1;
};

struct LinkPlan {
  LinkPair links;
  std::vector<LinkChange> changes;  // In the order of time.
};

// What the forward direction can carry in the first `span` of the plan, in megabits.
double CapacityMegabits(const LinkPlan& plan, Duration span);

// Makes the change to the network's links, now.
void Apply(const LinkChange& change, const LinkPlan& plan, SctpNetwork& network);

// For example `20:25:250000:0.005:1:0:0:0 5:25:60000:0:1:0:0:0 3.5:rate:0.25 5:dark:1`: the forward
// and the return direction (Mbit/s, one-way delay in ms, queue in bytes, loss, packets of a loss,
// jitter in ms, Mbit/s of the policer, its burst in bytes), and changes (seconds, kind, value).
std::string Format(const LinkPlan& plan);
// Nothing for a text that Format does not write.
std::optional<LinkPlan> ParseLinkPlan(std::string_view text);

}  // namespace millrace::testing
