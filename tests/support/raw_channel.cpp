#include "support/raw_channel.h"

#include <algorithm>

namespace millrace::testing {

RawChannel::RawChannel(SctpNetwork& network, size_t sender, uint64_t bytes)
    : network_(network),
      sender_(sender),
      bytes_(bytes),
      connection_(network.Open(SctpAssociation::Kind::kUnordered)),
      last_message_(network.now()) {}

void RawChannel::Fill() {
  if (sent_ == bytes_) return;
  const SctpAssociation& end = network_.association(connection_, sender_);
  filling_ = filling_ ? end.buffered() < kHighWater : end.buffered() <= kLowWater;
  while (filling_ && end.buffered() < kHighWater && sent_ < bytes_) {
    const uint64_t length = std::min<uint64_t>(kMessageBytes, bytes_ - sent_);
    sent_ += length;
    network_.Send(connection_, sender_, std::vector<uint8_t>(static_cast<size_t>(length)));
  }
}

void RawChannel::OnMessage(size_t bytes) {
  received_ += bytes;
  longest_silence_ = std::max(longest_silence_, network_.now() - last_message_);
  last_message_ = network_.now();
}

Duration RawChannel::LongestSilence() const {
  return std::max(longest_silence_, done() ? Duration() : network_.now() - last_message_);
}

}  // namespace millrace::testing
