#include "emulator/bottleneck.h"

#include <algorithm>

namespace millrace::emulator {

Bottleneck::Bottleneck(size_t capacity, uint64_t seed)
    : random_(seed), queue_(capacity), wire_(capacity) {}

void Bottleneck::Set(const LinkSettings& settings, Time now) {
  Advance(now);
  if (!queue_.empty()) {
    // What is left of the head takes its share of the time that it would have taken.
    const double slower = settings.rate_bits_per_s == 0
                              ? 0.0
                              : static_cast<double>(settings_.rate_bits_per_s) /
                                    static_cast<double>(settings.rate_bits_per_s);
    const Nanoseconds left = std::chrono::duration_cast<Nanoseconds>((head_done_ - now) * slower);
    head_done_ = now + left;
  }
  settings_ = settings;
}

bool Bottleneck::Offer(PacketId packet, uint32_t wire_bytes, Time now) {
  Advance(now);
  history_.Offered(wire_bytes);
  if (now < settings_.blackout_until) {
    history_.Dropped(now, Drop::kBlackout);
    return false;
  }
  const bool fits = queue_.empty() || queued_bytes_ + wire_bytes <= settings_.queue_bytes;
  if (!fits || queue_.full()) {
    history_.Dropped(now, Drop::kQueue);
    return false;
  }
  // A packet that will be lost takes its time in the bottleneck like any other.
  const bool lost = DrawLoss();
  if (queue_.empty()) head_done_ = now + TransmissionTime(wire_bytes);
  queue_.Push({packet, wire_bytes, lost, now});
  queued_bytes_ += wire_bytes;
  return !lost;
}

std::optional<PacketId> Bottleneck::PollArrived(Time now) {
  Advance(now);
  if (wire_.empty() || wire_.front().due > now) return std::nullopt;
  const PacketId packet = wire_.front().packet;
  wire_.Pop();
  return packet;
}

Time Bottleneck::NextEvent() const {
  if (!wire_.empty()) return wire_.front().due;
  if (!queue_.empty()) return head_done_ + settings_.delay;
  return Time::max();
}

Nanoseconds Bottleneck::TransmissionTime(uint32_t wire_bytes) const {
  if (settings_.rate_bits_per_s == 0) return Nanoseconds(0);
  return Nanoseconds(int64_t{wire_bytes} * 8 * 1'000'000'000 / settings_.rate_bits_per_s);
}

bool Bottleneck::DrawLoss() {
  in_burst_ =
      in_burst_ ? !random_.Chance(settings_.burst_leave) : random_.Chance(settings_.burst_enter);
  const bool lost_in_burst = in_burst_ && random_.Chance(settings_.burst_loss);
  return random_.Chance(settings_.loss) || lost_in_burst;
}

void Bottleneck::Advance(Time now) {
  // A wire that is full holds the queue up; the queue then drops.
  while (!queue_.empty() && head_done_ <= now && !wire_.full()) {
    const Time departed = head_done_;
    Depart(departed);
    if (!queue_.empty()) head_done_ = departed + TransmissionTime(queue_.front().wire_bytes);
  }
}

void Bottleneck::Depart(Time now) {
  const Waiting head = queue_.front();
  queue_.Pop();
  queued_bytes_ -= head.wire_bytes;
  const Nanoseconds waited =
      std::max(Nanoseconds(0), now - head.arrived - TransmissionTime(head.wire_bytes));
  if (head.lost) {
    history_.Waited(now, waited);
    history_.Dropped(now, Drop::kLoss);
    return;
  }
  history_.Carried(now, head.wire_bytes, waited);
  Nanoseconds delay = settings_.delay;
  if (settings_.jitter > Nanoseconds(0)) {
    delay += Nanoseconds(random_.Below(static_cast<uint64_t>(settings_.jitter.count()) + 1));
  }
  last_due_ = std::max(last_due_, now + delay);
  wire_.Push({head.packet, last_due_});
}

}  // namespace millrace::emulator
