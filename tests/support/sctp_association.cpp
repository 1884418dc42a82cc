#include "support/sctp_association.h"

#include <algorithm>

namespace millrace::testing {

size_t SctpAssociation::AddChannel(Kind kind) {
  channels_.emplace_back().kind = kind;
  return channels_.size() - 1;
}

void SctpAssociation::Send(std::vector<uint8_t> bytes, size_t channel) {
  Channel& to = channels_[channel];
  to.buffered += bytes.size();
  auto message = std::make_shared<SctpMessage>();
  message->fragments_missing = (bytes.size() + kPayload - 1) / kPayload;
  message->channel = channel;
  message->sequence = to.next_sequence++;
  message->bytes = std::move(bytes);
  to.queue.push_back(std::move(message));
  burst_ = kMaxBurst;
}

void SctpAssociation::HandlePacket(SctpPacket packet, Timestamp now) {
  if (packet.sack) HandleSack(*packet.sack, now);
  if (packet.forward_to) HandleForwardTsn(*packet.forward_to);
  if (packet.message) HandleData(packet, now);
  burst_ = kMaxBurst;
}

// --- Receiving ---

void SctpAssociation::HandleData(const SctpPacket& packet, Timestamp now) {
  ++unacked_packets_;
  const bool duplicate =
      packet.tsn < expected_ || received_.Insert(packet.tsn, packet.tsn + 1) == 0;
  if (!duplicate) {
    AdvanceExpected();
    if (--packet.message->fragments_missing == 0) Deliver(packet.message);
  }
  // RFC 9260, section 6.2: every second packet, and at once when something is missing or came
  // twice.
  if (unacked_packets_ >= 2 || duplicate || !received_.empty()) sack_now_ = true;
  ack_at_ = std::min(ack_at_, now + kDelayedAck);
}

void SctpAssociation::AdvanceExpected() {
  if (received_.empty() || received_.ranges().front().begin > expected_) return;
  expected_ = received_.ranges().front().end;
  received_.RemoveBelow(expected_);
}

void SctpAssociation::HandleForwardTsn(uint64_t forward_to) {
  // RFC 3758, section 3.6: the SACK follows at once.
  sack_now_ = true;
  if (forward_to <= expected_) return;
  expected_ = forward_to;
  received_.RemoveBelow(expected_);
  AdvanceExpected();
}

void SctpAssociation::Deliver(std::shared_ptr<SctpMessage> message) {
  Channel& channel = channels_[message->channel];
  if (channel.kind != Kind::kOrdered) {
    return delivered_.push_back({message->channel, std::move(message->bytes)});
  }
  channel.early.emplace(message->sequence, std::move(message));
  while (!channel.early.empty() && channel.early.begin()->first == channel.next_delivered) {
    SctpMessage& next = *channel.early.begin()->second;
    delivered_.push_back({next.channel, std::move(next.bytes)});
    channel.early.erase(channel.early.begin());
    ++channel.next_delivered;
  }
}

std::optional<SctpAssociation::Message> SctpAssociation::PollMessage() {
  if (delivered_.empty()) return std::nullopt;
  Message message = std::move(delivered_.front());
  delivered_.pop_front();
  return message;
}

SctpSack SctpAssociation::TakeSack() {
  sack_now_ = false;
  unacked_packets_ = 0;
  ack_at_ = Timestamp::Never();
  SctpSack sack;
  sack.expected = expected_;
  const size_t blocks = std::min(received_.ranges().size(), kMaxGapBlocks);
  sack.gap_blocks.assign(received_.ranges().begin(),
                         received_.ranges().begin() + static_cast<std::ptrdiff_t>(blocks));
  return sack;
}

std::optional<SctpPacket> SctpAssociation::PollSack() {
  if (!sack_now_) return std::nullopt;
  SctpPacket packet;
  packet.sack = TakeSack();
  packet.wire_bytes = kHeaderBytes + kLowerHeaders + 4 * packet.sack->gap_blocks.size();
  return packet;
}

// --- Sending ---

bool SctpAssociation::AckChunk(uint64_t tsn) {
  if (tsn < base_ || tsn >= base_ + chunks_.size()) return false;
  Chunk& chunk = chunks_[static_cast<size_t>(tsn - base_)];
  if (chunk.state == State::kAcked) return false;
  // What the peer was told to pass is no acknowledgement.
  if (chunk.state == State::kAbandoned) return false;
  if (chunk.state == State::kInFlight) outstanding_ -= chunk.bytes;
  if (chunk.state == State::kToRetransmit) --to_retransmit_;
  chunk.state = State::kAcked;
  chunk.message.reset();
  return true;
}

void SctpAssociation::HandleSack(const SctpSack& sack, Timestamp now) {
  if (sack.expected < base_) return;
  // dcSCTP allows one packet of margin for what counts as a full window.
  const bool full = outstanding_ + kMtu >= window_;
  const bool advanced = sack.expected > base_;
  size_t acked_bytes = 0;
  uint64_t newest_acked = 0;
  const auto ack = [&](uint64_t tsn) {
    if (!AckChunk(tsn)) return;
    acked_bytes += chunks_[static_cast<size_t>(tsn - base_)].bytes;
    newest_acked = std::max(newest_acked, tsn);
  };
  for (uint64_t tsn = base_; tsn < sack.expected; ++tsn) ack(tsn);
  for (const Range& block : sack.gap_blocks) {
    for (uint64_t tsn = block.begin; tsn < block.end; ++tsn) ack(tsn);
  }
  if (advanced) {
    const Chunk& newest = chunks_[static_cast<size_t>(sack.expected - 1 - base_)];
    if (!newest.retransmitted) OnRoundTrip(now - newest.sent_at);
    chunks_.erase(chunks_.begin(),
                  chunks_.begin() + static_cast<std::ptrdiff_t>(sack.expected - base_));
    base_ = sack.expected;
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
    OnChunkLost(chunk);
    lost = true;
  }
  if (!lost || recovery_end_) return;
  threshold_ = std::max(window_ / 2, kLeastWindowAfterLoss);
  window_ = threshold_;
  partial_acked_ = 0;
  recovery_end_ = base_ + chunks_.size() - 1;
  fast_retransmit_ = true;
}

void SctpAssociation::OnChunkLost(Chunk& chunk) {
  outstanding_ -= chunk.bytes;
  if (channels_[chunk.message->channel].kind != Kind::kUnreliable) {
    chunk.state = State::kToRetransmit;
    ++to_retransmit_;
    return;
  }
  // With maxRetransmits 0, and the other fragments of the message with it.
  chunk.message->abandoned = true;
  chunk.retransmitted = true;  // It says nothing about the round trip.
  chunk.state = State::kAbandoned;
  ++abandoned_packets_;
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
    if (chunk.state == State::kInFlight) OnChunkLost(chunk);
  }
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
  if (unacked_packets_ > 0) {
    packet.sack = TakeSack();
    packet.wire_bytes += kHeaderBytes - 12 + 4 * packet.sack->gap_blocks.size();
  }
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

std::optional<size_t> SctpAssociation::NextChannel() const {
  if (front_sent_ > 0) return sending_channel_;
  for (size_t i = 1; i <= channels_.size(); ++i) {
    const size_t channel = (sending_channel_ + i) % channels_.size();
    if (!channels_[channel].queue.empty()) return channel;
  }
  return std::nullopt;
}

std::optional<SctpPacket> SctpAssociation::PollForwardTsn(Timestamp now) {
  if (chunks_.empty() || chunks_.front().state != State::kAbandoned) return std::nullopt;
  const Duration interval = std::min(kForwardTsnInterval, smoothed_.value_or(kForwardTsnInterval));
  if (now - forwarded_at_ <= interval) return std::nullopt;
  forwarded_at_ = now;
  uint64_t to = base_;
  for (const Chunk& chunk : chunks_) {
    if (chunk.state != State::kAbandoned && chunk.state != State::kAcked) break;
    ++to;
  }
  SctpPacket packet;
  packet.forward_to = to;
  packet.wire_bytes = kForwardTsnBytes;
  return packet;
}

std::optional<SctpPacket> SctpAssociation::PollNewData(Timestamp now) {
  const std::optional<size_t> next = NextChannel();
  if (!next || to_retransmit_ > 0) return std::nullopt;
  Channel& channel = channels_[*next];
  const std::shared_ptr<SctpMessage> message = channel.queue.front();
  const size_t payload = std::min(kPayload, message->bytes.size() - front_sent_);
  const size_t bytes = payload + 16;
  const size_t limit = std::min(window_, kReceiveWindow);
  if (outstanding_ > 0 && outstanding_ + bytes > limit) return std::nullopt;
  sending_channel_ = *next;
  channel.buffered -= payload;
  front_sent_ += payload;
  if (front_sent_ == message->bytes.size()) {
    channel.queue.pop_front();
    front_sent_ = 0;
  }
  chunks_.emplace_back().message = message;
  chunks_.back().bytes = bytes;
  return MakeData(base_ + chunks_.size() - 1, chunks_.back(), now);
}

std::optional<SctpPacket> SctpAssociation::PollPacket(Timestamp now) {
  if (std::optional<SctpPacket> sack = PollSack()) return sack;
  if (std::optional<SctpPacket> forward = PollForwardTsn(now)) return forward;
  if (burst_ == 0) return std::nullopt;
  if (std::optional<SctpPacket> again = PollRetransmission(now)) return again;
  return PollNewData(now);
}

}  // namespace millrace::testing
