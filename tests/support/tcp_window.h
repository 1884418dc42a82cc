// How the congestion window of a modelled TCP sender moves, in packets: Reno and CUBIC.
#pragma once

#include <algorithm>
#include <memory>

#include "base/time.h"

namespace millrace::testing {

enum class TcpGrowth { kReno, kCubic };

class TcpWindow {
 public:
  static constexpr double kInitialPackets = 10;  // RFC 6928.
  static constexpr double kLeastPackets = 2;

  virtual ~TcpWindow() = default;

  double packets() const { return packets_; }

  // So many packets were acknowledged, outside of recovery.
  void OnAcknowledged(double packets, Duration round_trip, Timestamp now);
  // A packet of this window is lost; once in each round trip.
  void OnLoss() {
    threshold_ = std::max(kLeastPackets, ReducedPackets());
    packets_ = threshold_;
  }
  // The retransmission timer has expired.
  void OnTimeout() {
    threshold_ = std::max(kLeastPackets, ReducedPackets());
    packets_ = 1;
    ForgetHistory();
  }

 protected:
  // The window after `acknowledged` more packets, in congestion avoidance.
  virtual double GrownPackets(double acknowledged, Duration round_trip, Timestamp now) = 0;
  // The window after a loss.
  virtual double ReducedPackets() = 0;
  // Congestion avoidance after a timeout does not depend on what was before.
  virtual void ForgetHistory() {}

 private:
  double packets_ = kInitialPackets;
  double threshold_ = 1e9;
};

std::unique_ptr<TcpWindow> MakeTcpWindow(TcpGrowth growth);

// One packet more in each round trip, half the window after a loss (RFC 5681).
class RenoWindow : public TcpWindow {
 protected:
  double GrownPackets(double acknowledged, Duration, Timestamp) override {
    return packets() + acknowledged / packets();
  }
  double ReducedPackets() override { return packets() / 2; }
};

// RFC 9438, without HyStart++.
class CubicWindow : public TcpWindow {
 protected:
  double GrownPackets(double acknowledged, Duration round_trip, Timestamp now) override;
  double ReducedPackets() override;
  void ForgetHistory() override { most_packets_ = 0; }  // Section 4.8.

 private:
  // Section 4.1, in the standard's units: packets and seconds.
  static constexpr double kC = 0.4;
  static constexpr double kBeta = 0.7;

  // Section 4.2.
  double CurveAt(double seconds) const;

  double most_packets_ = 0;               // W_max
  double before_loss_ = 0;                // cwnd_prior
  double reno_packets_ = 0;               // W_est
  double seconds_to_most_ = 0;            // K
  Timestamp epoch_ = Timestamp::Never();  // When this period of congestion avoidance began.
};

}  // namespace millrace::testing
