#include "support/naive_pump.h"

#include <algorithm>

namespace millrace::testing {

PumpResult NaivePump(const LinkPlan& plan, uint64_t seed, Duration span, uint64_t bytes) {
  SctpNetwork network(plan.links, seed);
  RawChannel channel(network, 0, bytes);
  network.on_message = [&](ConnectionId, size_t, const std::vector<uint8_t>& message) {
    channel.OnMessage(message.size());
  };
  const Timestamp start = network.now();
  const Timestamp end = start + span;
  auto change = plan.changes.begin();
  while (!channel.done() && network.now() < end) {
    channel.Fill();
    Timestamp next = std::min(network.NextHappening(), end);
    if (change != plan.changes.end()) next = std::min(next, start + change->after);
    network.AdvanceTo(next);
    while (change != plan.changes.end() && start + change->after <= network.now()) {
      Apply(*change++, plan, network);
    }
  }
  PumpResult result;
  result.took = network.now() - start;
  result.longest_silence = channel.LongestSilence();
  result.mbits_per_second =
      static_cast<double>(channel.received_bytes()) * 8e-6 / result.took.seconds();
  result.dropped_by_queue = network.link(0).dropped_by_queue();
  return result;
}

PumpResult NaivePump(const SharedLinkOptions& link, uint64_t seed, Duration span) {
  return NaivePump(LinkPlan{{link, link}, {}}, seed, span);
}

}  // namespace millrace::testing
