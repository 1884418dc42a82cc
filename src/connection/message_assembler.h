// Messages of the application, which travel as MESSAGE frames on the control lane.
#pragma once

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "wire/frames.h"

namespace millrace {

class MessageAssembler {
 public:
  // Calls `push(MessageFrame)` for each frame of a message of at most kMaxAppMessageBytes.
  template <typename PushFrame>
  static void Split(ByteView message, PushFrame push) {
    do {
      const ByteView part = message.first(std::min(message.size(), kMaxMessagePartBytes));
      message = message.subspan(part.size());
      push(MessageFrame{!message.empty(), part});
    } while (!message.empty());
  }

  // Takes the next frame; answers the message once it is whole. Errors: kTooLarge for a message
  // past kMaxAppMessageBytes.
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
