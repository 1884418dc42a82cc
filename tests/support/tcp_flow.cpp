#include "support/tcp_flow.h"

#include <algorithm>

namespace millrace::testing {

TcpFlow::TcpFlow(TcpGrowth growth, size_t sender)
    : sender_(sender), window_(MakeTcpWindow(growth)) {}

void TcpFlow::HandlePacket(size_t side, const CrossPacket& packet, Timestamp now) {
  if (side == sender_) {
    HandleAck(packet, now);
  } else {
    HandleData(packet, now);
  }
}

// --- Receiving ---

void TcpFlow::HandleData(const CrossPacket& packet, Timestamp now) {
  const uint64_t number = packet.number;
  const bool duplicate = number < expected_ || received_.Insert(number, number + 1) == 0;
  if (!duplicate) ++delivered_packets_;
  if (!duplicate && received_.ranges().front().begin == expected_) {
    expected_ = received_.ranges().front().end;
    received_.RemoveBelow(expected_);
  } else if (!duplicate) {
    recent_.push_front(number);
    if (recent_.size() > kMostBlocks) recent_.pop_back();
  }
  // RFC 5681, section 4.2: every second packet, and at once while something is missing.
  if (++unacknowledged_ >= 2 || duplicate || !received_.empty()) ack_now_ = true;
  ack_at_ = std::min(ack_at_, now + kDelayedAck);
}

CrossPacket TcpFlow::MakeAck() {
  ack_now_ = false;
  unacknowledged_ = 0;
  ack_at_ = Timestamp::Never();
  CrossPacket ack;
  ack.is_ack = true;
  ack.number = expected_;
  ack.wire_bytes = kAckBytes;
  // RFC 2018, section 4: the blocks that hold the newest packets.
  for (const uint64_t number : recent_) {
    const auto holds = [number](const Range& range) {
      return range.begin <= number && number < range.end;
    };
    const auto ranges = received_.ranges();
    const auto found = std::find_if(ranges.begin(), ranges.end(), holds);
    if (found == ranges.end()) continue;
    if (std::find(ack.blocks.begin(), ack.blocks.end(), *found) != ack.blocks.end()) continue;
    ack.blocks.push_back(*found);
  }
  return ack;
}

// --- Sending ---

uint64_t TcpFlow::MarkArrived(uint64_t begin, uint64_t end, Timestamp now) {
  uint64_t arrived = 0;
  end = std::min(end, base_ + packets_.size());
  for (uint64_t number = std::max(begin, base_); number < end; ++number) {
    Packet& packet = packets_[static_cast<size_t>(number - base_)];
    if (packet.state == State::kArrived) continue;
    if (packet.state == State::kInFlight) --in_flight_;
    if (packet.state == State::kLost) --lost_;
    packet.state = State::kArrived;
    ++arrived;
    newest_arrived_ = std::max(newest_arrived_, packet.order + 1);
    // Karn: an acknowledgement of a retransmitted packet is ambiguous.
    if (!packet.retransmitted) OnRoundTrip(now - packet.sent_at);
  }
  return arrived;
}

void TcpFlow::HandleAck(const CrossPacket& ack, Timestamp now) {
  uint64_t arrived = MarkArrived(base_, ack.number, now);
  for (const Range& block : ack.blocks) arrived += MarkArrived(block.begin, block.end, now);
  while (!packets_.empty() && base_ < ack.number) {
    packets_.pop_front();
    ++base_;
  }
  if (arrived == 0) return;
  recovering_ = InRecovery();
  DetectLosses();
  if (!recovering_) window_->OnAcknowledged(static_cast<double>(arrived), smoothed_, now);
  timeout_at_ = packets_.empty() ? Timestamp::Never() : now + timeout_;
}

void TcpFlow::DetectLosses() {
  // In order of sending and without gaps there is nothing to find.
  if (packets_.empty() || newest_arrived_ <= packets_.front().order + kLossThreshold) return;
  bool new_loss = false;
  for (Packet& packet : packets_) {
    if (packet.state != State::kInFlight) continue;
    if (packet.order + kLossThreshold >= newest_arrived_) continue;
    packet.state = State::kLost;
    --in_flight_;
    ++lost_;
    new_loss = new_loss || packet.order >= recovery_order_;
  }
  if (!new_loss || recovering_) return;
  window_->OnLoss();
  recovering_ = true;
  recovery_order_ = next_order_;
}

void TcpFlow::OnRoundTrip(Duration sample) {
  if (smoothed_ == Duration()) {
    smoothed_ = sample;
    variation_ = sample / 2;
  } else {
    const Duration error = sample > smoothed_ ? sample - smoothed_ : smoothed_ - sample;
    variation_ = (variation_ * 3 + error) / 4;
    smoothed_ = (smoothed_ * 7 + sample) / 8;
  }
  timeout_ = std::clamp(smoothed_ + variation_ * 4, kLeastTimeout, kMostTimeout);
}

void TcpFlow::AdvanceTime(Timestamp now) {
  if (ack_at_ <= now) ack_now_ = true;
  if (timeout_at_ > now) return;
  ++timeouts_;
  window_->OnTimeout();
  recovering_ = true;
  recovery_order_ = next_order_;
  for (Packet& packet : packets_) {
    if (packet.state != State::kInFlight) continue;
    packet.state = State::kLost;
    ++lost_;
  }
  in_flight_ = 0;
  timeout_ = std::min(timeout_ * 2, kMostTimeout);
  timeout_at_ = now + timeout_;
}

CrossPacket TcpFlow::Transmit(uint64_t number, Packet& packet, Timestamp now) {
  packet.state = State::kInFlight;
  packet.order = next_order_++;
  packet.sent_at = now;
  ++in_flight_;
  if (timeout_at_.IsNever()) timeout_at_ = now + timeout_;
  CrossPacket sent;
  sent.number = number;
  sent.sent_at = now;
  sent.wire_bytes = kPacketBytes;
  return sent;
}

std::optional<CrossPacket> TcpFlow::PollPacket(size_t side, Timestamp now) {
  if (side != sender_) return ack_now_ ? std::optional(MakeAck()) : std::nullopt;
  if (static_cast<double>(in_flight_ + 1) > window_->packets()) return std::nullopt;
  if (lost_ > 0) {
    const auto first = std::find_if(packets_.begin(), packets_.end(), [](const Packet& packet) {
      return packet.state == State::kLost;
    });
    --lost_;
    first->retransmitted = true;
    return Transmit(base_ + static_cast<uint64_t>(first - packets_.begin()), *first, now);
  }
  packets_.emplace_back();
  return Transmit(base_ + packets_.size() - 1, packets_.back(), now);
}

}  // namespace millrace::testing
