// The share of packets lost on the way to the peer, from counts that both sides keep. (Browsers
// report losses of audio and video, but not of data channels.)
//
// This side tells the peer how many packets it has sent so far. The peer then looks up how many it
// has received, and answers with both numbers. Most packets that were sent before the message, and
// a few that were sent after it, have arrived by then, so the difference is a lower bound of the
// loss. The bound never falls, since lost packets stay lost: a smaller difference only means that
// more of the packets that were sent after the message arrived in time.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <optional>

#include "base/time.h"

namespace millrace {

class PacketLoss {
 public:
  // The loss is measured over this time. On a link of 2 Mbit/s it holds enough packets to see one
  // in a hundred lost.
  static constexpr Duration kWindow = Duration::Seconds(5);

  // Takes the peer's answer. A total that falls belongs to another connection: all earlier answers
  // are forgotten.
  void OnAnswer(uint64_t sent, uint64_t received, Timestamp now) {
    if (!answers_.empty() && (sent < answers_.back().sent || received < answers_.back().received)) {
      answers_.clear();
    }
    uint64_t lost = sent > received ? sent - received : 0;
    if (!answers_.empty()) lost = std::max(lost, answers_.back().lost);
    answers_.push_back({sent, received, lost, now});
    // The last answer before the window stays.
    while (answers_.size() > 2 && now - answers_[1].at >= kWindow) answers_.pop_front();
    while (answers_.size() > kMostAnswers) answers_.pop_front();
  }

  // 0 to 1; nothing before two answers, or where nothing was sent between them. Packets that
  // overtook the message, or arrived while the peer counted, hide as many lost ones. Packets that
  // the message overtook count as lost, once.
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
    uint64_t lost;  // Lower bound, since the connection began.
    Timestamp at;
  };
  // Bounds memory, however often a peer answers.
  static constexpr size_t kMostAnswers = 64;

  std::deque<Answer> answers_;
};

}  // namespace millrace
