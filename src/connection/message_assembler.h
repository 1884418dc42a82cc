// Splits messages of the application into MESSAGE frames and joins them again at the other side.
#pragma once

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "wire/frames.h"

namespace millrace {

class MessageAssembler {
 public:
  // Calls `push(MessageFrame)` for each frame of a message. `message` has at most
  // kMaxAppMessageBytes.
  template <typename PushFrame>
  static void Split(ByteView message, PushFrame push) {
    do {
      const ByteView part = message.first(std::min(message.size(), kMaxMessagePartBytes));
      message = message.subspan(part.size());
      push(MessageFrame{!message.empty(), part});
    } while (!message.empty());
  }

  // Takes the next frame, and answers the message with its last one. Errors: kTooLarge for a
  // message of more than kMaxAppMessageBytes.
  Result<std::optional<std::vector<uint8_t>>> OnFrame(const MessageFrame& frame) {
    if (parts_.size() + frame.bytes.size() > kMaxAppMessageBytes) {
      return Error{ErrorCode::kTooLarge, "the peer's message is too long"};
    }
    parts_.insert(parts_.end(), frame.bytes.begin(), frame.bytes.end());
    if (frame.more) return std::optional<std::vector<uint8_t>>();
    return std::optional(std::exchange(parts_, {}));
  }

 private:
  std::vector<uint8_t> parts_;
};

}  // namespace millrace
