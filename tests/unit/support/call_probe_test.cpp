#include "support/call_probe.h"

#include <catch2/catch_test_macros.hpp>

#include "support/sctp_network.h"
#include "support/tcp_flow.h"

namespace millrace::testing {
namespace {

TEST_CASE("a call sends 50 packets a second and sees the queue that others build") {
  SharedLinkOptions link;
  link.mbits_per_second = 20;
  link.queue_bytes = 250'000;  // 100 ms.
  SctpNetwork network(link, 1);
  CallProbe call(0, network.now());
  network.Start(call);
  network.RunFor(Duration::Seconds(2));
  CHECK(call.sent() >= 100);
  CHECK(call.sent() <= 101);
  CHECK(call.arrived() >= call.sent() - 1);
  CHECK(call.DelayPercentile(0.95) == Duration());

  call.CountFrom(network.now() + Duration::Seconds(5));
  TcpFlow rival(TcpGrowth::kReno, 0);
  network.Start(rival);
  const size_t before = call.arrived();
  network.RunFor(Duration::Seconds(5));
  CHECK(call.arrived() <= before + 2);
  network.RunFor(Duration::Seconds(20));
  CHECK(call.DelayPercentile(0.95) > Duration::Millis(50));
  CHECK(call.DelayPercentile(1) <= Duration::Millis(101));
}

TEST_CASE("packets of a call that are lost are sent, and do not arrive") {
  SharedLinkOptions link;
  link.loss = 0.5;
  SctpNetwork network(link, 1);
  CallProbe call(1, network.now());
  network.Start(call);
  network.RunFor(Duration::Seconds(20));
  CHECK(call.sent() >= 1000);
  CHECK(call.arrived() > 430);
  CHECK(call.arrived() < 570);
}

}  // namespace
}  // namespace millrace::testing
