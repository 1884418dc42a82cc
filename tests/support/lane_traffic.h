// What browsers themselves send for lanes: for each one that is opened its descriptions and the
// handshakes of ICE, DTLS and SCTP, and for those that are open ICE's checks.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <vector>

#include "support/cross_traffic.h"

namespace millrace::testing {

class LaneTraffic : public CrossTraffic {
 public:
  // Measured in Chromium at 300 ms and 2 Mbit/s: 5 kB each way until a lane is open, and 75 bytes
  // per second after that.
  static constexpr int kOpeningPackets = 5;
  static constexpr size_t kOpeningPacketBytes = 1'000;
  static constexpr Duration kCheckInterval = Duration::Seconds(1);
  static constexpr size_t kCheckBytes = 75;

  // `open`: the number of lanes that are open.
  explicit LaneTraffic(std::function<size_t()> open) : open_(std::move(open)) {}

  // A lane is being opened.
  void OnOpening(Duration round_trip, Timestamp now);

  void HandlePacket(size_t, const CrossPacket&, Timestamp) override {}
  void AdvanceTime(Timestamp now) override;
  Timestamp NextTimeout() const override;
  std::optional<CrossPacket> PollPacket(size_t side, Timestamp now) override;

 private:
  std::function<size_t()> open_;
  std::multimap<Timestamp, size_t> later_;  // Bytes of packets that both sides send.
  std::array<std::vector<size_t>, 2> due_;  // By side.
  Timestamp next_check_;
};

}  // namespace millrace::testing
