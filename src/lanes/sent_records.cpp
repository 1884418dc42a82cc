#include "lanes/sent_records.h"

#include <algorithm>

namespace millrace {

void SentRecords::OnSent(std::optional<PieceId> piece, size_t bytes, bool eliciting,
                         Timestamp now) {
  const uint64_t number = next_number_++;
  if (!eliciting) return;
  records_.push_back({.number = number, .piece = piece, .sent_at = now, .bytes = bytes});
  newest_eliciting_ = number;
  if (in_flight_ == 0) heard_at_ = now;
  ++in_flight_;
  in_flight_bytes_ += bytes;
}

Status SentRecords::OnAck(const AckFrame& ack, Timestamp now, AckedRecords& acked) {
  acked.pieces.clear();
  acked.bytes = 0;
  if (ack.range_count > 0 && ack.ranges[0].end > next_number_) {
    return Violation("the peer acknowledged a record that was never sent");
  }
  const auto is_before = [](const Sent& sent, uint64_t number) { return sent.number < number; };
  bool news = false;
  for (const Range& range : ack.used()) {
    const bool is_newest =
        range.begin < range.end && (!largest_acked_ || range.end - 1 > *largest_acked_);
    const auto begin = std::lower_bound(records_.begin(), records_.end(), range.begin, is_before);
    const auto end = std::lower_bound(begin, records_.end(), range.end, is_before);
    for (auto it = begin; it != end; ++it) OnAcknowledged(*it, now, acked);
    news = news || is_newest || begin != end;
    records_.erase(begin, end);
    if (is_newest) largest_acked_ = range.end - 1;
  }
  if (largest_acked_ >= kLateRecords) ForgetLosses(*largest_acked_ - kLateRecords + 1);
  if (news) {
    heard_at_ = now;
    // A late acknowledgement of lost records does not show that the channel delivers the records
    // that it was given after them.
    if (in_flight_ > 0 || !IsTailLost()) probes_ = 0;
  }
  SetLossTime();
  return Status::Ok();
}

void SentRecords::OnAcknowledged(const Sent& sent, Timestamp now, AckedRecords& acked) {
  if (sent.lost) {
    --lost_records_;
  } else {
    RemoveFromFlight(sent);
  }
  ++acked_records_;
  if (sent.piece) acked.pieces.push_back(*sent.piece);
  acked.bytes += sent.bytes;
  if (!largest_acked_ || sent.number > *largest_acked_) {
    largest_acked_ = sent.number;
    round_trip_.AddSample(now - sent.sent_at);
  }
}

Duration SentRecords::LossDelay() const {
  const Duration rtt = round_trip_.smoothed().value_or(kInitialProbeTimeout);
  // RFC 9002, section 6.1.2: 9/8 of the round trip.
  const Duration delay = rtt + rtt / 8;
  return delivery_ == Delivery::kUnreliable ? std::max(delay, Duration::Millis(1))
                                            : std::max(rtt * 4, kReliableLossDelay);
}

Duration SentRecords::ProbeTimeout() const {
  Duration timeout = kInitialProbeTimeout;
  if (const auto rtt = round_trip_.smoothed()) {
    // RFC 9002, section 6.2.1: the round trip, four times its variation, and the peer's delay (25
    // ms).
    timeout = *rtt + round_trip_.variation() * 4 + Duration::Millis(25);
  }
  const bool reliable = delivery_ == Delivery::kReliable;
  const Duration least_reliable =
      std::max(kLeastReliableProbeTimeout,
               std::min(path_round_trip_, kMostProbeTimeout) * kReliableRoundTrips);
  timeout = std::max(timeout, reliable ? least_reliable : kLeastProbeTimeout);
  for (uint32_t i = 0; i < probes_ && timeout < kMostProbeTimeout; ++i) timeout = timeout * 2;
  return std::min(timeout, kMostProbeTimeout);
}

void SentRecords::SetLossTime() {
  loss_time_ = Timestamp::Never();
  if (!largest_acked_) return;
  const auto oldest =
      std::find_if(records_.begin(), records_.end(), [](const Sent& sent) { return !sent.lost; });
  if (oldest == records_.end() || oldest->number > *largest_acked_) return;
  loss_time_ = oldest->sent_at + LossDelay();
}

void SentRecords::RemoveFromFlight(const Sent& sent) {
  --in_flight_;
  in_flight_bytes_ -= sent.bytes;
}

void SentRecords::DeclareLost(Sent& sent) {
  sent.lost = true;
  RemoveFromFlight(sent);
  ++lost_records_;
}

std::vector<PieceId> SentRecords::DetectLosses(Timestamp now) {
  std::vector<PieceId> lost;
  if (!largest_acked_) return lost;
  const Duration delay = LossDelay();
  for (Sent& sent : records_) {
    if (sent.number > *largest_acked_) break;
    if (sent.lost) continue;
    const bool overtaken =
        delivery_ == Delivery::kUnreliable && sent.number + kPacketThreshold <= *largest_acked_;
    if (!overtaken && sent.sent_at + delay > now) break;
    DeclareLost(sent);
    if (sent.piece) lost.push_back(*sent.piece);
  }
  ForgetLosses(0);
  SetLossTime();
  return lost;
}

Timestamp SentRecords::next_timeout() const {
  if (in_flight_ == 0) return Timestamp::Never();
  return std::min(loss_time_, heard_at_ + ProbeTimeout());
}

bool SentRecords::ProbeDue(Timestamp now) const {
  return in_flight_ > 0 && heard_at_ + ProbeTimeout() <= now;
}

void SentRecords::OnProbe(Timestamp now) {
  ++probes_;
  heard_at_ = now;
}

std::optional<PieceId> SentRecords::TakeOldest() {
  for (Sent& sent : records_) {
    if (sent.lost || !sent.piece) continue;
    const std::optional<PieceId> piece = sent.piece;
    DeclareLost(sent);
    ForgetLosses(0);
    SetLossTime();
    return piece;
  }
  return std::nullopt;
}

std::optional<PieceId> SentRecords::TakeLate(Timestamp sent_before,
                                             const std::function<bool(PieceId)>& wanted) {
  for (Sent& sent : records_) {
    if (sent.sent_at >= sent_before) return std::nullopt;
    if (sent.lost || !sent.piece || sent.taken_late) continue;
    if (!wanted(*sent.piece)) continue;
    sent.taken_late = true;
    return sent.piece;
  }
  return std::nullopt;
}

std::vector<PieceId> SentRecords::TakeAll() {
  std::vector<PieceId> pieces;
  for (const Sent& sent : records_) {
    if (!sent.lost && sent.piece) pieces.push_back(*sent.piece);
  }
  records_.clear();
  in_flight_ = 0;
  in_flight_bytes_ = 0;
  loss_time_ = Timestamp::Never();
  return pieces;
}

bool SentRecords::IsTailLost() const {
  return !records_.empty() && records_.back().lost && records_.back().number == newest_eliciting_;
}

void SentRecords::ForgetLosses(uint64_t below) {
  while (!records_.empty() && records_.front().lost) {
    if (records_.front().number >= below && records_.size() <= kMostRemembered) return;
    records_.pop_front();
  }
}

}  // namespace millrace
