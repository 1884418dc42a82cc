// A model of one end of an SCTP association that behaves as libwebrtc's dcSCTP: Reno over packets
// of 1191 bytes, with its constants. Sans-I/O: packets and time in, packets and messages out.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "base/time.h"
#include "support/sctp_packet.h"

namespace millrace::testing {

class SctpAssociation {
 public:
  // dcSCTP's kMaxSafeMTUSize: an SCTP packet. What it carries for the user is less a common header
  // (12) and a DATA chunk header (16), on four bytes.
  static constexpr size_t kMtu = 1191;
  static constexpr size_t kHeaderBytes = 28;
  static constexpr size_t kPayload = (kMtu - kHeaderBytes) & ~size_t{3};
  // DTLS 1.2 with AES-GCM (13 + 8 + 16), UDP (8), IPv4 (20).
  static constexpr size_t kLowerHeaders = 65;
  static constexpr size_t kInitialWindow = 10 * kMtu;
  static constexpr size_t kLeastWindowAfterLoss = 4 * kMtu;
  // Packets sent at one opportunity.
  static constexpr int kMaxBurst = 4;
  static constexpr uint32_t kMissingReports = 3;
  // Gaps that a SACK tells of. An overshoot tears hundreds, so most of what arrived stays unknown
  // to the sender.
  static constexpr size_t kMaxGapBlocks = 20;
  static constexpr size_t kReceiveWindow = 5 * 1024 * 1024;
  static constexpr Duration kInitialTimeout = Duration::Millis(500);
  static constexpr Duration kLeastTimeout = Duration::Millis(400);
  // The timeout that follows from round trips (rto_max), and the longest one after it has doubled:
  // libwebrtc sets max_timer_backoff_duration to 3 s in media/sctp/dcsctp_transport.cc.
  static constexpr Duration kMostTimeout = Duration::Seconds(60);
  static constexpr Duration kMostBackoff = Duration::Seconds(3);
  static constexpr Duration kLeastVariance = Duration::Millis(220);
  static constexpr Duration kDelayedAck = Duration::Millis(200);

  explicit SctpAssociation(bool ordered) : ordered_(ordered) {}

  void Send(std::vector<uint8_t> message);
  // Bytes that have not entered the window: RTCDataChannel.bufferedAmount.
  size_t buffered() const { return buffered_; }

  void HandlePacket(SctpPacket packet, Timestamp now);
  void AdvanceTime(Timestamp now);
  Timestamp NextTimeout() const { return std::min(retransmission_at_, ack_at_); }
  // The next packet to send. Draws from the burst that the last input allowed.
  std::optional<SctpPacket> PollPacket(Timestamp now);
  std::optional<std::vector<uint8_t>> PollMessage();

  size_t window_bytes() const { return window_; }
  size_t outstanding_bytes() const { return outstanding_; }
  uint64_t retransmitted_packets() const { return retransmitted_packets_; }
  uint64_t sent_packets() const { return sent_packets_; }

 private:
  enum class State : uint8_t { kInFlight, kAcked, kToRetransmit };
  struct Chunk {
    std::shared_ptr<SctpMessage> message;
    size_t bytes = 0;  // With the chunk header.
    State state = State::kInFlight;
    uint32_t missing_reports = 0;
    bool retransmitted = false;
    Timestamp sent_at;
  };

  void HandleData(const SctpPacket& packet, Timestamp now);
  void HandleSack(const SctpPacket& packet, Timestamp now);
  bool AckChunk(uint64_t tsn);
  void CountMissing(uint64_t below);
  void OnWindowAcked(size_t bytes, bool full);
  void OnRoundTrip(Duration sample);
  void Deliver(std::shared_ptr<SctpMessage> message);
  SctpPacket MakeData(uint64_t tsn, Chunk& chunk, Timestamp now);
  std::optional<SctpPacket> PollSack();
  std::optional<SctpPacket> PollRetransmission(Timestamp now);
  std::optional<SctpPacket> PollNewData(Timestamp now);

  bool ordered_;

  // Sending.
  std::deque<std::shared_ptr<SctpMessage>> queue_;
  size_t front_sent_ = 0;  // Bytes of the front message that have left.
  size_t buffered_ = 0;
  uint64_t next_sequence_ = 0;
  std::deque<Chunk> chunks_;  // chunks_[i] has TSN base_ + i.
  uint64_t base_ = 0;
  size_t outstanding_ = 0;
  size_t to_retransmit_ = 0;
  size_t window_ = kInitialWindow;
  size_t threshold_ = kReceiveWindow;
  size_t partial_acked_ = 0;
  std::optional<uint64_t> recovery_end_;  // Fast recovery until this TSN is acknowledged.
  bool fast_retransmit_ = false;          // The next retransmission may pass the window.
  int burst_ = 0;
  std::optional<Duration> smoothed_;
  Duration variation_;
  Duration timeout_ = kInitialTimeout;
  Timestamp retransmission_at_ = Timestamp::Never();
  uint64_t retransmitted_packets_ = 0;
  uint64_t sent_packets_ = 0;

  // Receiving.
  RangeSet received_;
  uint64_t expected_ = 0;
  uint32_t unacked_packets_ = 0;
  bool sack_now_ = false;
  Timestamp ack_at_ = Timestamp::Never();
  uint64_t next_delivered_ = 0;
  std::map<uint64_t, std::shared_ptr<SctpMessage>> early_;  // Whole, but out of order.
  std::deque<std::vector<uint8_t>> delivered_;
};

}  // namespace millrace::testing
