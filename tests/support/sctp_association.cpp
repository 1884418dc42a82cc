#include "support/sctp_association.h"

#include <algorithm>

namespace millrace::testing {

void SctpAssociation::Send(std::vector<uint8_t> bytes) {
  buffered_ += bytes.size();
  auto message = std::make_shared<SctpMessage>();
  message->fragments_missing = (bytes.size() + kPayload - 1) / kPayload;
  message->sequence = next_sequence_++;
  message->bytes = std::move(bytes);
  queue_.push_back(std::move(message));
  burst_ = kMaxBurst;
}

void SctpAssociation::HandlePacket(SctpPacket packet, Timestamp now) {
  if (packet.is_sack) {
    HandleSack(packet, now);
  } else {
    HandleData(packet, now);
  }
  burst_ = kMaxBurst;
}

// --- Receiving ---

void SctpAssociation::HandleData(const SctpPacket& packet, Timestamp now) {
  ++unacked_packets_;
  const bool duplicate =
      packet.tsn < expected_ || received_.Insert(packet.tsn, packet.tsn + 1) == 0;
  if (!duplicate) {
    if (received_.ranges().front().begin == expected_) {
      expected_ = received_.ranges().front().end;
      received_.RemoveBelow(expected_);
    }
    if (--packet.message->fragments_missing == 0) Deliver(packet.message);
  }
  // RFC 9260, section 6.2: every second packet, and at once when something is missing or came
  // twice.
  if (unacked_packets_ >= 2 || duplicate || !received_.empty()) sack_now_ = true;
  ack_at_ = std::min(ack_at_, now + kDelayedAck);
}

void SctpAssociation::Deliver(std::shared_ptr<SctpMessage> message) {
  if (!ordered_) return delivered_.push_back(std::move(message->bytes));
  early_.emplace(message->sequence, std::move(message));
  while (!early_.empty() && early_.begin()->first == next_delivered_) {
    delivered_.push_back(std::move(early_.begin()->second->bytes));
    early_.erase(early_.begin());
    ++next_delivered_;
  }
}

std::optional<std::vector<uint8_t>> SctpAssociation::PollMessage() {
  if (delivered_.empty()) return std::nullopt;
  std::vector<uint8_t> bytes = std::move(delivered_.front());
  delivered_.pop_front();
  return bytes;
}

std::optional<SctpPacket> SctpAssociation::PollSack() {
  if (!sack_now_) return std::nullopt;
  sack_now_ = false;
  unacked_packets_ = 0;
  ack_at_ = Timestamp::Never();
  SctpPacket sack;
  sack.is_sack = true;
  sack.tsn = expected_;
  const size_t blocks = std::min(received_.ranges().size(), kMaxGapBlocks);
  sack.gap_blocks.assign(received_.ranges().begin(),
                         received_.ranges().begin() + static_cast<std::ptrdiff_t>(blocks));
  sack.wire_bytes = kHeaderBytes + kLowerHeaders + 4 * sack.gap_blocks.size();
  return sack;
}

// --- Sending ---

bool SctpAssociation::AckChunk(uint64_t tsn) {
  if (tsn < base_ || tsn >= base_ + chunks_.size()) return false;
  Chunk& chunk = chunks_[static_cast<size_t>(tsn - base_)];
  if (chunk.state == State::kAcked) return false;
  if (chunk.state == State::kInFlight) outstanding_ -= chunk.bytes;
  if (chunk.state == State::kToRetransmit) --to_retransmit_;
  chunk.state = State::kAcked;
  chunk.message.reset();
  return true;
}

void SctpAssociation::HandleSack(const SctpPacket& sack, Timestamp now) {
  if (sack.tsn < base_) return;
  // dcSCTP allows one packet of margin for what counts as a full window.
  const bool full = outstanding_ + kMtu >= window_;
  const bool advanced = sack.tsn > base_;
  size_t acked_bytes = 0;
  uint64_t newest_acked = 0;
  const auto ack = [&](uint64_t tsn) {
    if (!AckChunk(tsn)) return;
    acked_bytes += chunks_[static_cast<size_t>(tsn - base_)].bytes;
    newest_acked = std::max(newest_acked, tsn);
  };
  for (uint64_t tsn = base_; tsn < sack.tsn; ++tsn) ack(tsn);
  for (const Range& block : sack.gap_blocks) {
    for (uint64_t tsn = block.begin; tsn < block.end; ++tsn) ack(tsn);
  }
  if (advanced) {
    const Chunk& newest = chunks_[static_cast<size_t>(sack.tsn - 1 - base_)];
    if (!newest.retransmitted) OnRoundTrip(now - newest.sent_at);
    chunks_.erase(chunks_.begin(), chunks_.begin() + static_cast<std::ptrdiff_t>(sack.tsn - base_));
    base_ = sack.tsn;
    if (recovery_end_ && base_ > *recovery_end_) recovery_end_.reset();
    OnWindowAcked(acked_bytes, full);
  }
  if (!sack.gap_blocks.empty() && acked_bytes > 0) {
    // In fast recovery an advance counts against all gaps (RFC 9260, section 7.2.4).
    CountMissing(recovery_end_ && advanced ? sack.gap_blocks.back().end : newest_acked);
  }
  if (chunks_.empty()) {
    retransmission_at_ = Timestamp::Never();
  } else if (advanced) {
    retransmission_at_ = now + timeout_;
  }
}

void SctpAssociation::CountMissing(uint64_t below) {
  bool lost = false;
  for (size_t i = 0; i < chunks_.size() && base_ + i < below; ++i) {
    Chunk& chunk = chunks_[i];
    if (chunk.state != State::kInFlight || ++chunk.missing_reports < kMissingReports) continue;
    chunk.state = State::kToRetransmit;
    outstanding_ -= chunk.bytes;
    ++to_retransmit_;
    lost = true;
  }
  if (!lost || recovery_end_) return;
  threshold_ = std::max(window_ / 2, kLeastWindowAfterLoss);
  window_ = threshold_;
  partial_acked_ = 0;
  recovery_end_ = base_ + chunks_.size() - 1;
  fast_retransmit_ = true;
}

void SctpAssociation::OnWindowAcked(size_t bytes, bool full) {
  if (window_ <= threshold_) {
    if (full && !recovery_end_) window_ += std::min(bytes, kMtu);
    return;
  }
  partial_acked_ += bytes;
  if (partial_acked_ < window_ || !full) return;
  partial_acked_ -= window_;
  window_ += kMtu;
}

void SctpAssociation::OnRoundTrip(Duration sample) {
  if (!smoothed_) {
    smoothed_ = sample;
    variation_ = sample / 2;
  } else {
    const Duration error = sample > *smoothed_ ? sample - *smoothed_ : *smoothed_ - sample;
    variation_ = (variation_ * 3 + error) / 4;
    smoothed_ = (*smoothed_ * 7 + sample) / 8;
  }
  timeout_ = std::clamp(*smoothed_ + std::max(variation_ * 4, kLeastVariance), kLeastTimeout,
                        kMostTimeout);
}

void SctpAssociation::AdvanceTime(Timestamp now) {
  if (ack_at_ <= now) sack_now_ = true;
  if (retransmission_at_ > now) return;
  threshold_ = std::max(window_ / 2, kLeastWindowAfterLoss);
  window_ = kMtu;
  partial_acked_ = 0;
  recovery_end_.reset();
  for (Chunk& chunk : chunks_) {
    if (chunk.state != State::kInFlight) continue;
    chunk.state = State::kToRetransmit;
    ++to_retransmit_;
  }
  outstanding_ = 0;
  timeout_ = std::min(timeout_ * 2, kMostBackoff);
  retransmission_at_ = now + timeout_;
  burst_ = kMaxBurst;
}

SctpPacket SctpAssociation::MakeData(uint64_t tsn, Chunk& chunk, Timestamp now) {
  chunk.state = State::kInFlight;
  chunk.missing_reports = 0;
  chunk.sent_at = now;
  outstanding_ += chunk.bytes;
  if (retransmission_at_.IsNever()) retransmission_at_ = now + timeout_;
  --burst_;
  ++sent_packets_;
  SctpPacket packet;
  packet.tsn = tsn;
  packet.message = chunk.message;
  packet.wire_bytes = chunk.bytes + 12 + kLowerHeaders;
  return packet;
}

std::optional<SctpPacket> SctpAssociation::PollRetransmission(Timestamp now) {
  if (to_retransmit_ == 0) return std::nullopt;
  for (size_t i = 0; i < chunks_.size(); ++i) {
    Chunk& chunk = chunks_[i];
    if (chunk.state != State::kToRetransmit) continue;
    const bool fits = outstanding_ == 0 || outstanding_ + chunk.bytes <= window_;
    if (!fits && !fast_retransmit_) return std::nullopt;
    fast_retransmit_ = false;
    --to_retransmit_;
    chunk.retransmitted = true;
    ++retransmitted_packets_;
    return MakeData(base_ + i, chunk, now);
  }
  return std::nullopt;
}

std::optional<SctpPacket> SctpAssociation::PollNewData(Timestamp now) {
  if (queue_.empty() || to_retransmit_ > 0) return std::nullopt;
  const std::shared_ptr<SctpMessage> message = queue_.front();
  const size_t payload = std::min(kPayload, message->bytes.size() - front_sent_);
  const size_t bytes = payload + 16;
  const size_t limit = std::min(window_, kReceiveWindow);
  if (outstanding_ > 0 && outstanding_ + bytes > limit) return std::nullopt;
  buffered_ -= payload;
  front_sent_ += payload;
  if (front_sent_ == message->bytes.size()) {
    queue_.pop_front();
    front_sent_ = 0;
  }
  chunks_.emplace_back().message = message;
  chunks_.back().bytes = bytes;
  return MakeData(base_ + chunks_.size() - 1, chunks_.back(), now);
}

std::optional<SctpPacket> SctpAssociation::PollPacket(Timestamp now) {
  if (std::optional<SctpPacket> sack = PollSack()) return sack;
  if (burst_ == 0) return std::nullopt;
  if (std::optional<SctpPacket> again = PollRetransmission(now)) return again;
  return PollNewData(now);
}

}  // namespace millrace::testing
