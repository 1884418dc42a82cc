#include "support/naive_pump.h"

#include <algorithm>

#include "support/sctp_network.h"

namespace millrace::testing {

PumpResult NaivePump(const SharedLinkOptions& link, uint64_t seed, Duration span) {
  constexpr size_t kMessageBytes = 64 * 1024;
  constexpr size_t kHighWater = 8 * 1024 * 1024;
  constexpr size_t kLowWater = 1024 * 1024;
  SctpNetwork network(link, seed);
  const ConnectionId channel = network.Open(false);
  const Timestamp start = network.now();
  Timestamp last_message = start;
  uint64_t received = 0;
  PumpResult result;
  network.on_message = [&](ConnectionId, size_t, const std::vector<uint8_t>& message) {
    received += message.size();
    result.longest_silence = std::max(result.longest_silence, network.now() - last_message);
    last_message = network.now();
  };
  bool filling = true;
  while (true) {
    const size_t buffered = network.association(channel, 0).buffered();
    filling = filling ? buffered < kHighWater : buffered <= kLowWater;
    while (filling && network.association(channel, 0).buffered() < kHighWater) {
      network.Send(channel, 0, std::vector<uint8_t>(kMessageBytes));
    }
    const Timestamp next = network.NextHappening();
    if (next > start + span) break;
    network.AdvanceTo(next);
  }
  result.longest_silence = std::max(result.longest_silence, start + span - last_message);
  result.mbits_per_second = static_cast<double>(received) * 8 / span.seconds() / 1e6;
  result.dropped_by_queue = network.link(0).dropped_by_queue();
  return result;
}

}  // namespace millrace::testing
