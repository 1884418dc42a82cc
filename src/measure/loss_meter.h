// The loss of unreliable lanes, and whether reliable ones would serve better.
#pragma once

#include <cstdint>
#include <optional>

namespace millrace {

class LossMeter {
 public:
  // Records per measurement: at 5 % loss the standard deviation is then 1.5 %.
  static constexpr uint64_t kWindowRecords = 200;
  static constexpr double kMostLoss = 0.05;

  // Takes the totals of all unreliable lanes: records that arrived, and records that count as lost.
  // The second number falls when a record that counted as lost arrives late.
  void Update(uint64_t arrived, uint64_t lost);

  // The share of records lost in the last full window; nothing before the first one.
  std::optional<double> share() const { return share_; }
  bool TooHigh() const { return share_.value_or(0.0) > kMostLoss; }

 private:
  uint64_t arrived_ = 0;  // At the start of the window, as below.
  uint64_t lost_ = 0;
  std::optional<double> share_;
};

}  // namespace millrace
