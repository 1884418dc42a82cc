#include "support/raw_channel.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cstdint>
#include <vector>

namespace millrace::testing {
namespace {

TEST_CASE("a raw channel keeps its buffer between the water marks") {
  SharedLinkOptions link;
  link.mbits_per_second = 50;
  link.queue_bytes = 10'000'000;
  SctpNetwork network(link, 1);
  RawChannel channel(network, 0, 30'000'000);
  network.on_message = [&](ConnectionId id, size_t side, const std::vector<uint8_t>& message) {
    CHECK(id == channel.connection());
    CHECK(side == 1);
    channel.OnMessage(message.size());
  };
  size_t most = 0;
  size_t least = SIZE_MAX;
  channel.Fill();
  while (!channel.done() && network.NextHappening() < network.now() + Duration::Seconds(10)) {
    const size_t buffered = network.association(channel.connection(), 0).buffered();
    most = std::max(most, buffered);
    if (channel.received_bytes() < 15'000'000) least = std::min(least, buffered);
    network.AdvanceTo(network.NextHappening());
    channel.Fill();
  }
  CHECK(channel.done());
  CHECK(channel.received_bytes() == 30'000'000);
  CHECK(most < RawChannel::kHighWater + RawChannel::kMessageBytes);
  CHECK(least > RawChannel::kLowWater - RawChannel::kMessageBytes);
}

}  // namespace
}  // namespace millrace::testing
