#include "lanes/sent_records.h"

#include <algorithm>

namespace millrace {

void SentRecords::OnSent(std::optional<PieceId> piece, size_t bytes, bool eliciting,
                         Timestamp now) {
  records_.push_back(Sent{piece, now, bytes, eliciting, false, State::kOnItsWay});
  if (!eliciting) return;
  if (in_flight_ == 0) heard_at_ = now;
  ++in_flight_;
  in_flight_bytes_ += bytes;
}

Status SentRecords::OnAck(const AckFrame& ack, Timestamp now, AckedRecords& acked) {
  acked.pieces.clear();
  acked.bytes = 0;
  if (ack.range_count > 0 && ack.ranges[0].end > next_number().value) {
    return Violation("the peer acknowledged a record that was never sent");
  }
  bool news = false;
  for (const Range& range : ack.used()) {
    for (uint64_t number = std::max(range.begin, base_); number < range.end; ++number) {
      Sent& sent = records_[static_cast<size_t>(number - base_)];
      if (sent.state == State::kAcked) continue;
      if (sent.state == State::kOnItsWay && sent.eliciting) Land(sent);
      if (sent.state == State::kLost) --lost_records_;
      if (sent.eliciting) ++acked_records_;
      sent.state = State::kAcked;
      news = true;
      if (sent.piece) acked.pieces.push_back(*sent.piece);
      if (sent.eliciting) acked.bytes += sent.bytes;
      if (!largest_acked_ || number > *largest_acked_) {
        largest_acked_ = number;
        if (sent.eliciting) round_trip_.AddSample(now - sent.sent_at);
      }
    }
  }
  DropSettled();
  if (news) {
    heard_at_ = now;
    // A late acknowledgement of records that were given up does not show that the channel delivers
    // what it was given after them.
    if (in_flight_ > 0 || !TailGivenUp()) probes_ = 0;
  }
  SetLossTime();
  return Status::Ok();
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
  timeout = std::max(timeout, reliable ? kLeastReliableProbeTimeout : kLeastProbeTimeout);
  for (uint32_t i = 0; i < probes_ && timeout < kMostProbeTimeout; ++i) timeout = timeout * 2;
  return std::min(timeout, kMostProbeTimeout);
}

void SentRecords::SetLossTime() {
  loss_time_ = Timestamp::Never();
  if (!largest_acked_) return;
  for (size_t i = 0; i < records_.size() && base_ + i < *largest_acked_; ++i) {
    if (records_[i].state != State::kOnItsWay || !records_[i].eliciting) continue;
    loss_time_ = std::min(loss_time_, records_[i].sent_at + LossDelay());
    return;
  }
}

void SentRecords::Land(const Sent& sent) {
  --in_flight_;
  in_flight_bytes_ -= sent.bytes;
}

void SentRecords::GiveUp(Sent& sent) {
  sent.state = State::kLost;
  Land(sent);
  ++lost_records_;
}

std::vector<PieceId> SentRecords::DetectLosses(Timestamp now) {
  std::vector<PieceId> lost;
  if (!largest_acked_) return lost;
  const Duration delay = LossDelay();
  for (size_t i = 0; i < records_.size() && base_ + i < *largest_acked_; ++i) {
    Sent& sent = records_[i];
    if (sent.state != State::kOnItsWay || !sent.eliciting) continue;
    const bool overtaken =
        delivery_ == Delivery::kUnreliable && base_ + i + kPacketThreshold <= *largest_acked_;
    if (!overtaken && sent.sent_at + delay > now) continue;
    GiveUp(sent);
    if (sent.piece) lost.push_back(*sent.piece);
  }
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
    if (sent.state != State::kOnItsWay || !sent.piece) continue;
    GiveUp(sent);
    const std::optional<PieceId> piece = sent.piece;
    DropSettled();
    SetLossTime();
    return piece;
  }
  return std::nullopt;
}

std::optional<PieceId> SentRecords::TakeLate(Timestamp sent_before,
                                             const std::function<bool(PieceId)>& wanted) {
  for (Sent& sent : records_) {
    if (sent.sent_at >= sent_before) return std::nullopt;
    if (sent.state != State::kOnItsWay || !sent.piece || sent.taken_late) continue;
    if (!wanted(*sent.piece)) continue;
    sent.taken_late = true;
    return sent.piece;
  }
  return std::nullopt;
}

std::vector<PieceId> SentRecords::TakeAll() {
  std::vector<PieceId> pieces;
  for (const Sent& sent : records_) {
    if (sent.state == State::kOnItsWay && sent.piece) pieces.push_back(*sent.piece);
  }
  base_ += records_.size();
  records_.clear();
  in_flight_ = 0;
  in_flight_bytes_ = 0;
  loss_time_ = Timestamp::Never();
  return pieces;
}

bool SentRecords::TailGivenUp() const {
  const auto last =
      std::find_if(records_.rbegin(), records_.rend(), [](const Sent& s) { return s.eliciting; });
  return last != records_.rend() && last->state == State::kLost;
}

void SentRecords::DropSettled() {
  while (!records_.empty()) {
    const State state = records_.front().state;
    // Lost ones are kept for a while: a late acknowledgement still spares a re-send.
    const bool old = (largest_acked_ && base_ + kLateRecords <= *largest_acked_) ||
                     records_.size() > kMostRemembered;
    // Nobody waits for the acknowledgement of a record that does not ask for one.
    const bool awaited = state == State::kOnItsWay && records_.front().eliciting;
    if (awaited || (state == State::kLost && !old)) return;
    records_.pop_front();
    ++base_;
  }
}

}  // namespace millrace
