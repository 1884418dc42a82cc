// The share of packets lost on the way to the peer, from counts that both sides keep (requirement
// D1; facts: data channels have no `inbound-rtp` that would tell).
//
// This side tells how many packets it has sent so far. The peer, when it hears that, looks how many
// it has received, and answers both numbers. What was sent before the message has mostly arrived
// before it, and a few of those sent after it, so an answer shows how many are lost at least. That
// number only grows: what arrived beside one answer and not beside the next is no loss.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <optional>

#include "base/time.h"

namespace millrace {

class PacketLoss {
 public:
  // Of the answers of the last while; one loss in a hundred packets is seen on a link of 2 Mbit/s.
  static constexpr Duration kWindow = Duration::Seconds(5);

  // The peer's answer. One with a total that falls is of another connection: everything before is
  // forgotten.
  void OnAnswer(uint64_t sent, uint64_t received, Timestamp now) {
    if (!answers_.empty() && (sent < answers_.back().sent || received < answers_.back().received)) {
      answers_.clear();
    }
    uint64_t lost = sent > received ? sent - received : 0;
    if (!answers_.empty()) lost = std::max(lost, answers_.back().lost);
    answers_.push_back({sent, received, lost, now});
    // The two that span the window stay.
    while (answers_.size() > 2 && now - answers_[1].at >= kWindow) answers_.pop_front();
    while (answers_.size() > kMostAnswers) answers_.pop_front();
  }

  // 0 to 1; nothing before two answers, or where nothing was sent between them. Packets that
  // overtook the message, or came while the peer counted, hide as many lost ones; those that the
  // message overtook count as lost, once.
  std::optional<double> share() const {
    if (answers_.size() < 2) return std::nullopt;
    const uint64_t sent = answers_.back().sent - answers_.front().sent;
    const uint64_t lost = answers_.back().lost - answers_.front().lost;
    if (sent == 0) return std::nullopt;
    return std::min(1.0, static_cast<double>(lost) / static_cast<double>(sent));
  }

 private:
  struct Answer {
    uint64_t sent;
    uint64_t received;
    // At least, of all that this connection has sent.
    uint64_t lost;
    Timestamp at;
  };
  // However often a peer answers.
  static constexpr size_t kMostAnswers = 64;

  std::deque<Answer> answers_;
};

}  // namespace millrace
