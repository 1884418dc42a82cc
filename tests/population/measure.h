// One link of the population: a transfer over it, and the naive pump over the same link.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "population/random_link.h"

namespace millrace::population {

// What is measured, and with which randomness.
struct Trial {
  RandomLink link;
  uint64_t seed = 1;
};

struct Result {
  bool done = false;         // Otherwise the transfer took more than five minutes.
  double share = 0;          // Of the ceiling, that is of what headers leave of the link.
  double naive_share = 0;    // The same for the naive pump, in at most the time of the transfer.
  bool below_naive = false;  // The naive pump was done first.
  double sent_again = 0;     // Bytes of bulk beyond those of the file, over those of the file.
  Duration took{};
  Duration queue_p95{};
  Duration silence{};
  size_t lanes = 0;
};

// `trace`: prints what the controller does, ten times a second, to stderr.
Result Measure(const Trial& trial, bool trace);

// The trial as one text: seed, bytes, kind, direction, plan.
std::string Format(const Trial& trial);
// Nothing for a text that Format does not write.
std::optional<Trial> ParseTrial(std::string_view text);

// One line of JSON.
std::string ToJson(const Trial& trial, const Result& result);

}  // namespace millrace::population
