#include "support/rate_simulation.h"

#include <catch2/catch_test_macros.hpp>

#include "support/call_probe.h"
#include "support/tcp_flow.h"

namespace millrace::testing {
namespace {

constexpr uint64_t kEndless = 10'000'000'000;

SharedLinkOptions Link(double mbits, int rtt_ms, size_t queue_bytes) {
  SharedLinkOptions link;
  link.mbits_per_second = mbits;
  link.delay = Duration::Micros(rtt_ms * 500);
  link.queue_bytes = queue_bytes;
  return link;
}

RateOptions Options(double mbits, int rtt_ms, size_t queue_bytes) {
  RateOptions options;
  options.link = Link(mbits, rtt_ms, queue_bytes);
  return options;
}

TEST_CASE("a simulated transfer goes on after it has reconnected over another link") {
  RateOptions options = Options(20, 40, 100'000);
  options.session.reconnect_timeout = Duration::Seconds(60);
  RateSimulation sim(options, 1);
  RateFlow& flow = sim.AddFlow();
  sim.Send(flow, 12'000'000);
  sim.RunFor(Duration::Seconds(2));
  const uint64_t before = flow.delivered_bytes();
  CHECK(before > 1'000'000);
  const SharedLinkOptions other = Link(8, 60, 60'000);
  sim.Reconnect(flow, {other, other}, Duration::Millis(500));
  CHECK_FALSE(flow.connected());
  CHECK(flow.lanes() == 0);
  // Nothing moves while there is no connection.
  sim.RunFor(Duration::Millis(500));
  CHECK(flow.delivered_bytes() == before);
  REQUIRE(sim.RunUntil([&] { return flow.connected(); }, Duration::Seconds(3)));
  sim.RunFor(Duration::Seconds(2));
  CHECK(flow.lanes() > 0);
  const uint64_t begin = flow.delivered_bytes();
  CHECK(begin > before);
  sim.RunFor(Duration::Seconds(2));
  CHECK(flow.delivered_bytes() - begin < 2 * 1'000'000);
  CHECK(sim.RunUntil([&] { return flow.done(); }, Duration::Seconds(60)));
  CHECK(flow.delivered_bytes() == 12'000'000);
}

TEST_CASE("a source of bursts gives no more than its bursts, until it gives everything") {
  RateSimulation sim(Options(20, 20, 100'000), 1);
  RateFlow& flow = sim.AddFlow();
  sim.LimitSource(flow, SourceBursts{50'000, Duration::Millis(100)});
  sim.Send(flow, 5'000'000);
  sim.RunFor(Duration::Seconds(4));
  CHECK(flow.delivered_bytes() <= 2'050'000);
  CHECK(flow.delivered_bytes() > 1'500'000);
  CHECK_FALSE(flow.done());
  sim.LimitSource(flow, SourceBursts{kEndless, Duration::Seconds(1)});
  CHECK(sim.RunUntil([&] { return flow.done(); }, Duration::Seconds(5)));
}

TEST_CASE("one pair sends in both directions, each with counters of its own") {
  RateSimulation sim(Options(20, 20, 100'000), 1);
  RateFlow& flow = sim.AddFlow();
  sim.Send(flow, 3'000'000);
  sim.Send(flow, 1'000'000, 1);
  REQUIRE(sim.RunUntil([&] { return flow.done(1); }, Duration::Seconds(20)));
  REQUIRE(sim.RunUntil([&] { return flow.done(0); }, Duration::Seconds(20)));
  CHECK(flow.delivered_bytes(0) == 3'000'000);
  CHECK(flow.delivered_bytes(1) == 1'000'000);
  CHECK(flow.sent_bytes(0) > 3'000'000);
  CHECK(flow.sent_bytes(1) > 1'000'000);
  CHECK(flow.sent_bytes(1) < 2'000'000);
  // The next file starts anew.
  sim.Send(flow, 500'000);
  CHECK_FALSE(flow.done(0));
  CHECK(sim.RunUntil([&] { return flow.done(0); }, Duration::Seconds(20)));
}

TEST_CASE("a plan is played from the moment on, and silence counts while it lasts") {
  RateSimulation sim(Options(20, 20, 100'000), 1);
  RateFlow& flow = sim.AddFlow();
  LinkPlan plan;
  plan.links = {Link(20, 20, 100'000), Link(20, 20, 100'000)};
  plan.changes = {{Duration::Seconds(2), LinkChange::Kind::kRate, 0.2},
                  {Duration::Seconds(4), LinkChange::Kind::kDark, 2}};
  sim.Send(flow, kEndless);
  sim.Play(plan);
  sim.RunFor(Duration::Seconds(3));
  CHECK(sim.network().link(0).options().mbits_per_second == 4);
  const uint64_t before = flow.delivered_bytes();
  sim.RunFor(Duration::Seconds(1));
  CHECK(flow.delivered_bytes() - before < 600'000);
  // The queue at the reduced rate holds 0.2 s.
  sim.RunFor(Duration::Millis(1900));
  CHECK(sim.longest_silence() > Duration::Millis(1600));
}

TEST_CASE("flows with a longer way to the link have longer round trips on the same bottleneck") {
  RateSimulation sim(Options(20, 20, 100'000), 1);
  RateFlow& near = sim.AddFlow();
  RateFlow& far = sim.AddFlow(Duration::Millis(40));
  sim.RunFor(Duration::Seconds(1));
  CHECK(near.sender().round_trip().smoothed().value() < Duration::Millis(60));
  CHECK(far.sender().round_trip().smoothed().value() >= Duration::Millis(100));
  sim.Send(near, kEndless);
  sim.Send(far, kEndless);
  sim.RunFor(Duration::Seconds(10));
  CHECK(near.delivered_bytes() + far.delivered_bytes() < 25'000'000);
  CHECK(near.delivered_bytes() + far.delivered_bytes() > 12'000'000);
}

TEST_CASE("rivals of all kinds run beside a transfer") {
  RateSimulation sim(Options(20, 20, 200'000), 1);
  RateFlow& flow = sim.AddFlow();
  TcpFlow reno(TcpGrowth::kReno, 0);
  TcpFlow back(TcpGrowth::kCubic, 1);
  CallProbe call(0, sim.now());
  sim.Start(reno);
  sim.Start(back);
  sim.Start(call);
  const RawChannel& raw = sim.AddRawChannel();
  sim.Send(flow, kEndless);
  sim.RunFor(Duration::Seconds(10));
  CHECK(reno.delivered_bytes() > 1'000'000);
  CHECK(back.delivered_bytes() > 10'000'000);
  CHECK(raw.received_bytes() > 1'000'000);
  CHECK(flow.delivered_bytes() > 100'000);
  CHECK(call.arrived() > 400);
  const uint64_t sum = reno.delivered_bytes() + raw.received_bytes() + flow.delivered_bytes();
  CHECK(sum < 25'000'000);
  CHECK(sum > 20'000'000);
}

}  // namespace
}  // namespace millrace::testing
