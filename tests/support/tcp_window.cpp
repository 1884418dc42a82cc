#include "support/tcp_window.h"

#include <cmath>

namespace millrace::testing {

void TcpWindow::OnAcknowledged(double packets, Duration round_trip, Timestamp now) {
  packets_ = packets_ < threshold_ ? packets_ + packets : GrownPackets(packets, round_trip, now);
}

std::unique_ptr<TcpWindow> MakeTcpWindow(TcpGrowth growth) {
  if (growth == TcpGrowth::kReno) return std::make_unique<RenoWindow>();
  return std::make_unique<CubicWindow>();
}

double CubicWindow::CurveAt(double seconds) const {
  const double from_most = seconds - seconds_to_most_;
  return kC * from_most * from_most * from_most + most_packets_;
}

double CubicWindow::GrownPackets(double acknowledged, Duration round_trip, Timestamp now) {
  if (epoch_.IsNever()) {
    epoch_ = now;
    reno_packets_ = packets();
    most_packets_ = std::max(most_packets_, packets());
    seconds_to_most_ = std::cbrt((most_packets_ - packets()) / kC);
  }
  // Section 4.3: as fast as Reno where that is faster.
  const double alpha = reno_packets_ < before_loss_ ? 3 * (1 - kBeta) / (1 + kBeta) : 1;
  reno_packets_ += alpha * acknowledged / packets();
  const double elapsed = (now - epoch_).seconds();
  if (CurveAt(elapsed) < reno_packets_) return std::max(packets(), reno_packets_);
  const double target =
      std::clamp(CurveAt(elapsed + round_trip.seconds()), packets(), packets() * 1.5);
  return packets() + (target - packets()) / packets() * acknowledged;
}

double CubicWindow::ReducedPackets() {
  epoch_ = Timestamp::Never();
  // Section 4.7, fast convergence.
  most_packets_ = packets() < most_packets_ ? packets() * (1 + kBeta) / 2 : packets();
  before_loss_ = packets();
  return packets() * kBeta;
}

}  // namespace millrace::testing
