#include "mesh/outgoing_stream.h"

#include <algorithm>
#include <utility>

namespace millrace {

void OutgoingStream::AddReceiver(std::string_view id, Timestamp now) {
  const auto [at, is_new] = receivers_.try_emplace(std::string(id));
  if (!is_new) return;
  Receiver& receiver = at->second;
  receiver.next = oldest();
  receiver.wait = resend_.first;
  // What is kept went out before this receiver was known: it is due at once.
  if (!kept_.empty()) receiver.resend_at = now;
  for (Kept& message : kept_) ++message.pending;
}

void OutgoingStream::RemoveReceiver(std::string_view id) {
  const auto at = receivers_.find(id);
  if (at == receivers_.end()) return;
  Settle(at->second.next, next_, at->second);
  receivers_.erase(at);
  DropSettled();
}

Result<uint64_t> OutgoingStream::Add(ByteView payload, uint64_t timestamp_ms, bool compressed,
                                     Timestamp now) {
  if (payload.size() > kMaxMeshPayloadBytes) {
    return Error{ErrorCode::kTooLarge, "the message is too long"};
  }
  if (timestamp_ms > kMaxVarint) {
    return Error{ErrorCode::kInvalidArgument, "the time stamp is out of range"};
  }
  if (receivers_.empty()) return Error{ErrorCode::kInvalidArgument, "there is no such agent"};
  if (kept_.size() >= limits_.window || kept_bytes_ + payload.size() > limits_.reorder_bytes) {
    return Error{ErrorCode::kTooLarge, "too many messages wait to be acknowledged"};
  }
  kept_.push_back({{payload.begin(), payload.end()}, timestamp_ms, compressed, receivers_.size()});
  kept_bytes_ += payload.size();
  for (auto& [id, receiver] : receivers_) {
    receiver.resend_at = std::min(receiver.resend_at, now + receiver.wait);
  }
  return next_++;
}

// [begin, end) no longer waits for `receiver`, but for what it has acknowledged before.
void OutgoingStream::Settle(uint64_t begin, uint64_t end, Receiver& receiver) {
  while (begin < end) {
    const Range missing = receiver.acked.FirstMissing(begin, end);
    for (uint64_t sequence = missing.begin; sequence < missing.end; ++sequence) {
      if (--kept(sequence).pending == 0) settled_.push_back(sequence);
    }
    begin = missing.begin == missing.end ? end : missing.end;
  }
}

void OutgoingStream::DropSettled() {
  while (!kept_.empty() && kept_.front().pending == 0) {
    kept_bytes_ -= kept_.front().payload.size();
    kept_.pop_front();
  }
}

Status OutgoingStream::OnAck(std::string_view id, const MeshAckPacket& ack, Timestamp now) {
  const auto at = receivers_.find(id);
  if (at == receivers_.end()) return Status::Ok();
  const uint64_t end = ack.range_count == 0 ? ack.next : ack.used().back().end;
  if (end > next_) return Violation("mesh ack of a message that was not sent");
  Receiver& receiver = at->second;
  const uint64_t before = receiver.next + receiver.acked.count();
  if (ack.next > receiver.next) {
    Settle(receiver.next, ack.next, receiver);
    receiver.next = ack.next;
    receiver.acked.RemoveBelow(ack.next);
  }
  for (const Range& range : ack.used()) {
    const uint64_t begin = std::max(range.begin, receiver.next);
    if (begin >= range.end) continue;
    Settle(begin, range.end, receiver);
    receiver.acked.Insert(begin, range.end);
  }
  if (receiver.next + receiver.acked.count() > before) {
    receiver.wait = resend_.first;
    const bool all = receiver.next + receiver.acked.count() == next_;
    receiver.resend_at = all ? Timestamp::Never() : now + receiver.wait;
  }
  DropSettled();
  return Status::Ok();
}

bool OutgoingStream::PopSettled(uint64_t& sequence) {
  if (settled_.empty()) return false;
  sequence = settled_.front();
  settled_.pop_front();
  return true;
}

std::vector<OutgoingStream::Resend> OutgoingStream::DueResends(Timestamp now) {
  std::vector<Resend> due;
  for (auto& [id, receiver] : receivers_) {
    if (receiver.resend_at > now) continue;
    Resend resend{id, {}};
    for (uint64_t sequence = receiver.next;
         sequence < next_ && resend.sequences.size() < resend_.at_once; ++sequence) {
      if (!receiver.acked.Contains(sequence)) resend.sequences.push_back(sequence);
    }
    receiver.wait = std::min(receiver.wait * 2, resend_.longest);
    receiver.resend_at = resend.sequences.empty() ? Timestamp::Never() : now + receiver.wait;
    if (!resend.sequences.empty()) due.push_back(std::move(resend));
  }
  return due;
}

void OutgoingStream::Hasten(Timestamp now) {
  for (auto& [id, receiver] : receivers_) {
    if (receiver.resend_at == Timestamp::Never()) continue;
    receiver.wait = resend_.first;
    receiver.resend_at = std::min(receiver.resend_at, now);
  }
}

Timestamp OutgoingStream::NextResend() const {
  Timestamp next = Timestamp::Never();
  if (kept_.empty()) return next;
  for (const auto& [id, receiver] : receivers_) next = std::min(next, receiver.resend_at);
  return next;
}

bool OutgoingStream::Find(uint64_t sequence, MessagePacket& packet) const {
  if (sequence < oldest() || sequence >= next_) return false;
  const Kept& message = kept_[static_cast<size_t>(sequence - oldest())];
  packet = {sequence, oldest(), message.timestamp_ms, message.compressed, message.payload};
  return true;
}

}  // namespace millrace
