#include "support/tcp_flow.h"

#include <algorithm>
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "support/sctp_network.h"

namespace millrace::testing {
namespace {

using Catch::Approx;

SharedLinkOptions Link(double mbits, int rtt_ms, size_t queue_bytes, double loss = 0) {
  SharedLinkOptions link;
  link.mbits_per_second = mbits;
  link.delay = Duration::Micros(rtt_ms * 500);
  link.queue_bytes = queue_bytes;
  link.loss = loss;
  return link;
}

// What arrives in so long, over what the link carries of payload.
double Share(SctpNetwork& network, const TcpFlow& flow, Duration span, double mbits) {
  const uint64_t before = flow.delivered_bytes();
  network.RunFor(span);
  const auto bytes = static_cast<double>(flow.delivered_bytes() - before);
  return bytes * 8e-6 / span.seconds() / mbits / (1448.0 / 1500);
}

TEST_CASE("a TCP flow with a bandwidth-delay product of queue fills the link") {
  const TcpGrowth growth = GENERATE(TcpGrowth::kReno, TcpGrowth::kCubic);
  SctpNetwork network(Link(20, 40, 100'000), 1);
  TcpFlow flow(growth, 0);
  network.Start(flow);
  network.RunFor(Duration::Seconds(5));
  CHECK(Share(network, flow, Duration::Seconds(20), 20) > 0.95);
  CHECK(flow.timeouts() <= 1);
  // It fills the queue, too.
  CHECK(network.link(0).dropped_by_queue() > 0);
}

TEST_CASE("random loss holds Reno at what Mathis et al. found") {
  SctpNetwork network(Link(100, 100, 1'000'000, 0.01), 1);
  TcpFlow flow(TcpGrowth::kReno, 0);
  network.Start(flow);
  network.RunFor(Duration::Seconds(5));
  // 1.22 packets a round trip over the root of the loss; delayed acknowledgements cost up to a
  // factor of 1.4.
  const double expected = 1448 * 8 * 1.22 / 0.1 / 0.1 * 1e-6;
  const double share = Share(network, flow, Duration::Seconds(60), 100) * 0.965 * 100 / expected;
  CHECK(share > 0.6);
  CHECK(share < 1.15);
}

TEST_CASE("on a long and fast link CUBIC is faster than Reno") {
  std::array<double, 2> shares{};
  for (const TcpGrowth growth : {TcpGrowth::kReno, TcpGrowth::kCubic}) {
    SctpNetwork network(Link(100, 100, 300'000, 0.0001), 1);
    TcpFlow flow(growth, 0);
    network.Start(flow);
    network.RunFor(Duration::Seconds(10));
    shares[growth == TcpGrowth::kReno ? 0 : 1] = Share(network, flow, Duration::Seconds(60), 100);
  }
  CHECK(shares[1] > 1.15 * shares[0]);
}

TEST_CASE("two flows of a kind share a link") {
  const TcpGrowth growth = GENERATE(TcpGrowth::kReno, TcpGrowth::kCubic);
  SctpNetwork network(Link(20, 40, 100'000), 1);
  TcpFlow one(growth, 0);
  TcpFlow other(growth, 0);
  network.Start(one);
  network.RunFor(Duration::Seconds(2));
  network.Start(other);
  network.RunFor(Duration::Seconds(30));
  const uint64_t before_one = one.delivered_bytes();
  const uint64_t before_other = other.delivered_bytes();
  network.RunFor(Duration::Seconds(60));
  const auto first = static_cast<double>(one.delivered_bytes() - before_one);
  const auto second = static_cast<double>(other.delivered_bytes() - before_other);
  CHECK(std::min(first, second) / (first + second) > 0.35);
  CHECK((first + second) * 8e-6 / 60 / 20 > 0.9);
}

TEST_CASE("a TCP flow comes back after darkness, by its retransmission timer") {
  SctpNetwork network(Link(20, 40, 100'000), 1);
  TcpFlow flow(TcpGrowth::kReno, 0);
  network.Start(flow);
  network.RunFor(Duration::Seconds(5));
  for (size_t side = 0; side < 2; ++side) {
    network.link(side).Blackout(network.now() + Duration::Millis(500));
  }
  network.RunFor(Duration::Seconds(3));
  CHECK(flow.timeouts() > 0);
  CHECK(Share(network, flow, Duration::Seconds(5), 20) > 0.9);
}

TEST_CASE("a flow of side 1 fills the return link alone") {
  SctpNetwork network(LinkPair{Link(20, 40, 100'000), Link(1, 40, 30'000)}, 1);
  TcpFlow flow(TcpGrowth::kCubic, 1);
  network.Start(flow);
  network.RunFor(Duration::Seconds(5));
  CHECK(Share(network, flow, Duration::Seconds(10), 1) > 0.95);
  CHECK(network.link(0).QueueDelay(network.now()) < Duration::Millis(2));
  CHECK(network.link(1).QueueDelay(network.now()) > Duration::Millis(50));
}

}  // namespace
}  // namespace millrace::testing
