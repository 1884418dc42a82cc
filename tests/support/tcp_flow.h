// A TCP flow that always has data: packets of 1500 bytes, selective and delayed acknowledgements,
// fast recovery once in a round trip, a retransmission timer, no pacing. A packet counts as lost
// when three that were sent after it have arrived, which holds for retransmissions as well, since
// links keep the order of packets.
#pragma once

#include <deque>
#include <memory>

#include "support/cross_traffic.h"
#include "support/tcp_window.h"

namespace millrace::testing {

class TcpFlow : public CrossTraffic {
 public:
  static constexpr size_t kPacketBytes = 1500;
  static constexpr size_t kPayload = 1448;  // Without IPv4, TCP and its timestamps.
  static constexpr size_t kAckBytes = 64;
  static constexpr size_t kMostBlocks = 3;  // With timestamps no more fit (RFC 2018).
  static constexpr uint64_t kLossThreshold = 3;
  static constexpr Duration kDelayedAck = Duration::Millis(40);
  // Those of Linux.
  static constexpr Duration kLeastTimeout = Duration::Millis(200);
  static constexpr Duration kInitialTimeout = Duration::Seconds(1);
  static constexpr Duration kMostTimeout = Duration::Seconds(120);

  // Sends from `sender` to the other side.
  TcpFlow(TcpGrowth growth, size_t sender);

  void HandlePacket(size_t side, const CrossPacket& packet, Timestamp now) override;
  void AdvanceTime(Timestamp now) override;
  Timestamp NextTimeout() const override { return std::min(timeout_at_, ack_at_); }
  std::optional<CrossPacket> PollPacket(size_t side, Timestamp now) override;

  // Payload that has arrived, each byte once.
  uint64_t delivered_bytes() const { return delivered_packets_ * kPayload; }
  const TcpWindow& window() const { return *window_; }
  uint64_t sent_packets() const { return next_order_; }
  uint64_t timeouts() const { return timeouts_; }

 private:
  enum class State : uint8_t { kInFlight, kArrived, kLost };
  struct Packet {
    State state = State::kInFlight;
    bool retransmitted = false;
    uint64_t order = 0;  // Of its last transmission among all.
    Timestamp sent_at;
  };

  void HandleData(const CrossPacket& packet, Timestamp now);
  CrossPacket MakeAck();
  void HandleAck(const CrossPacket& ack, Timestamp now);
  // Returns how many packets it had not known as arrived.
  uint64_t MarkArrived(uint64_t begin, uint64_t end, Timestamp now);
  void DetectLosses();
  void OnRoundTrip(Duration sample);
  CrossPacket Transmit(uint64_t number, Packet& packet, Timestamp now);
  bool InRecovery() const { return recovering_ && newest_arrived_ <= recovery_order_; }

  size_t sender_;

  // Sending.
  std::unique_ptr<TcpWindow> window_;
  std::deque<Packet> packets_;  // packets_[i] has number base_ + i.
  uint64_t base_ = 0;
  uint64_t in_flight_ = 0;
  uint64_t lost_ = 0;  // To be sent again.
  uint64_t next_order_ = 0;
  uint64_t newest_arrived_ = 0;  // The latest transmission that is known to have arrived, plus one.
  bool recovering_ = false;
  uint64_t recovery_order_ = 0;  // Until a packet arrives that was sent after this many.
  Duration smoothed_{};
  Duration variation_{};
  Duration timeout_ = kInitialTimeout;
  Timestamp timeout_at_ = Timestamp::Never();
  uint64_t timeouts_ = 0;

  // Receiving.
  RangeSet received_;  // Above expected_.
  uint64_t expected_ = 0;
  std::deque<uint64_t> recent_;  // The last packets that came out of order, newest first.
  uint64_t delivered_packets_ = 0;
  uint64_t unacknowledged_ = 0;
  bool ack_now_ = false;
  Timestamp ack_at_ = Timestamp::Never();
};

}  // namespace millrace::testing
