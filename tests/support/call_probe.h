// The audio of a call, as a probe of the link: 50 small packets a second, whose one-way delay shows
// what other traffic does to a call.
#pragma once

#include <optional>
#include <vector>

#include "support/cross_traffic.h"

namespace millrace::testing {

class CallProbe : public CrossTraffic {
 public:
  static constexpr Duration kInterval = Duration::Millis(20);
  static constexpr size_t kPacketBytes = 200;

  // Sends from `sender` to the other side, from `start` on.
  CallProbe(size_t sender, Timestamp start) : sender_(sender), next_(start), counted_from_(start) {}

  void HandlePacket(size_t side, const CrossPacket& packet, Timestamp now) override;
  void AdvanceTime(Timestamp now) override;
  Timestamp NextTimeout() const override { return next_; }
  std::optional<CrossPacket> PollPacket(size_t side, Timestamp now) override;

  // Packets sent before this time count only for the base delay.
  void CountFrom(Timestamp start) { counted_from_ = start; }
  // Of the one-way delays above the least one; nothing while no packet has arrived.
  Duration DelayPercentile(double share) const;
  size_t sent() const { return sent_; }
  size_t arrived() const { return delays_.size(); }

 private:
  size_t sender_;
  Timestamp next_;
  Timestamp counted_from_;
  bool due_ = false;
  uint64_t number_ = 0;
  size_t sent_ = 0;
  std::optional<Duration> least_;
  std::vector<Duration> delays_;
};

}  // namespace millrace::testing
