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
  // libwebrtc sets max_timer_backoff_duration to 3 s in media/sctp/dcsctp_transport.cc. Measured
  // with an outage of 13 s in Chromium 156 and Firefox 153: retransmissions 0.4, 0.8 and 1.6 s
  // apart, then every 3 s.
  static constexpr Duration kMostTimeout = Duration::Seconds(60);
  static constexpr Duration kMostBackoff = Duration::Seconds(3);
  static constexpr Duration kLeastVariance = Duration::Millis(220);
  static constexpr Duration kDelayedAck = Duration::Millis(200);

  // Time between two FORWARD-TSNs: this, or the round trip where it is shorter
  // (TransmissionControlBlock::MaybeSendForwardTsn).
  static constexpr Duration kForwardTsnInterval = Duration::Millis(200);
  static constexpr size_t kForwardTsnBytes = 20 + kLowerHeaders;

  // How a channel carries messages. An unreliable one is unordered and has maxRetransmits 0.
  enum class Kind : uint8_t { kOrdered, kUnordered, kUnreliable };

  struct Message {
    size_t channel = 0;
    std::vector<uint8_t> bytes;
  };

  // The association has channel 0.
  explicit SctpAssociation(Kind kind) : channels_(1) { channels_[0].kind = kind; }
  // Answers the number of another channel; at most kMostChannels.
  static constexpr size_t kMostChannels = 8;
  size_t AddChannel(Kind kind);
  size_t channels() const { return channels_.size(); }

  void Send(std::vector<uint8_t> message, size_t channel = 0);
  // Bytes that have not entered the window: RTCDataChannel.bufferedAmount.
  size_t buffered(size_t channel = 0) const { return channels_[channel].buffered; }

  void HandlePacket(SctpPacket packet, Timestamp now);
  void AdvanceTime(Timestamp now);
  Timestamp NextTimeout() const { return std::min(retransmission_at_, ack_at_); }
  // The next packet to send. Draws from the burst that the last input allowed.
  std::optional<SctpPacket> PollPacket(Timestamp now);
  std::optional<Message> PollMessage();

  size_t window_bytes() const { return window_; }
  size_t outstanding_bytes() const { return outstanding_; }
  uint64_t retransmitted_packets() const { return retransmitted_packets_; }
  uint64_t sent_packets() const { return sent_packets_; }
  uint64_t abandoned_packets() const { return abandoned_packets_; }

 private:
  // An abandoned chunk counts until the peer has passed it.
  enum class State : uint8_t { kInFlight, kAcked, kToRetransmit, kAbandoned };
  struct Chunk {
    std::shared_ptr<SctpMessage> message;
    size_t bytes = 0;  // With the chunk header.
    State state = State::kInFlight;
    uint32_t missing_reports = 0;
    bool retransmitted = false;
    Timestamp sent_at;
  };

  struct Channel {
    Kind kind = Kind::kOrdered;
    // Sending.
    std::deque<std::shared_ptr<SctpMessage>> queue;
    size_t buffered = 0;
    uint64_t next_sequence = 0;
    // Receiving.
    uint64_t next_delivered = 0;
    std::map<uint64_t, std::shared_ptr<SctpMessage>> early;  // Whole, but out of order.
  };

  void HandleData(const SctpPacket& packet, Timestamp now);
  void HandleForwardTsn(uint64_t forward_to);
  // Moves the next TSN in order past all that has arrived.
  void AdvanceExpected();
  void HandleSack(const SctpSack& sack, Timestamp now);
  bool AckChunk(uint64_t tsn);
  void CountMissing(uint64_t below);
  // The chunk is lost: it is sent again, or abandoned on an unreliable channel.
  void OnChunkLost(Chunk& chunk);
  // The channel of the next new data: that of the message that has begun, else the next one in turn
  // with a message. Nothing where no message waits.
  std::optional<size_t> NextChannel() const;
  void OnWindowAcked(size_t bytes, bool full);
  void OnRoundTrip(Duration sample);
  void Deliver(std::shared_ptr<SctpMessage> message);
  SctpPacket MakeData(uint64_t tsn, Chunk& chunk, Timestamp now);
  // The SACK that is owed. It then waits for nothing.
  SctpSack TakeSack();
  std::optional<SctpPacket> PollSack();
  std::optional<SctpPacket> PollForwardTsn(Timestamp now);
  std::optional<SctpPacket> PollRetransmission(Timestamp now);
  std::optional<SctpPacket> PollNewData(Timestamp now);

  std::vector<Channel> channels_;

  // Sending.
  size_t sending_channel_ = 0;  // Of the last new data.
  size_t front_sent_ = 0;       // Bytes of that channel's front message that have left.
  Timestamp forwarded_at_ = Timestamp::FromMicros(-1'000'000);
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
  uint64_t abandoned_packets_ = 0;

  // Receiving.
  RangeSet received_;
  uint64_t expected_ = 0;
  uint32_t unacked_packets_ = 0;
  bool sack_now_ = false;
  Timestamp ack_at_ = Timestamp::Never();
  std::deque<Message> delivered_;
};

}  // namespace millrace::testing
