// Whether unreliable lanes lose so much that reliable ones serve better (requirement A8).
#pragma once

#include <cstdint>
#include <optional>

namespace millrace {

class LossMeter {
 public:
  // Judged over so many records at a time: at 5 % the standard deviation is then 1.5 %.
  static constexpr uint64_t kWindowRecords = 200;
  static constexpr double kMostLoss = 0.05;

  // Takes the totals of all such lanes: records that arrived, and records that count as lost; the
  // latter may fall again when a late one arrives.
  void Update(uint64_t arrived, uint64_t lost);

  // The share of records lost in the last full window; nothing before the first one.
  std::optional<double> share() const { return share_; }
  bool TooHigh() const { return share_.value_or(0.0) > kMostLoss; }

 private:
  uint64_t arrived_ = 0;  // At the beginning of the window.
  uint64_t lost_ = 0;
  std::optional<double> share_;
};

}  // namespace millrace
