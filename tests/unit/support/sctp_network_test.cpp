#include "support/sctp_network.h"

#include <catch2/catch_test_macros.hpp>
#include <map>
#include <vector>

namespace millrace::testing {
namespace {

struct Arrivals {
  explicit Arrivals(SctpNetwork& network) {
    network.on_message = [this, &network](ConnectionId id, size_t, const std::vector<uint8_t>&) {
      at[id] = network.now();
    };
  }
  std::map<ConnectionId, Timestamp> at;
};

TEST_CASE("directions may differ, and connections may have a longer way to the shared link") {
  SharedLinkOptions forward;
  forward.delay = Duration::Millis(10);
  SharedLinkOptions back;
  back.delay = Duration::Millis(70);
  SctpNetwork network(LinkPair{forward, back}, 1);
  Arrivals arrivals(network);
  const Timestamp start = network.now();
  const ConnectionId near = network.Open(SctpAssociation::Kind::kOrdered);
  const ConnectionId far = network.Open(SctpAssociation::Kind::kOrdered, Duration::Millis(40));
  const ConnectionId other_way = network.Open(SctpAssociation::Kind::kOrdered);
  network.Send(near, 0, {1});
  network.Send(far, 0, {1});
  network.Send(other_way, 1, {1});
  network.RunFor(Duration::Seconds(1));
  CHECK((arrivals.at[near] - start).millis() < 10.2);
  CHECK((arrivals.at[far] - start).millis() > 50);
  CHECK((arrivals.at[far] - start).millis() < 50.2);
  CHECK((arrivals.at[other_way] - start).millis() > 70);
}

TEST_CASE("timers expire on time although they are not looked at before") {
  SharedLinkOptions link;
  SctpNetwork network(link, 1);
  Arrivals arrivals(network);
  const Timestamp start = network.now();
  const ConnectionId id = network.Open(SctpAssociation::Kind::kOrdered);
  for (size_t side = 0; side < 2; ++side) {
    network.link(side).Blackout(start + Duration::Millis(100));
  }
  network.Send(id, 0, {1});
  network.RunFor(Duration::Seconds(1));
  // The first retransmission, after SCTP's initial timeout.
  const Duration waited = arrivals.at[id] - start - link.delay;
  CHECK(waited >= SctpAssociation::kInitialTimeout);
  CHECK(waited < SctpAssociation::kInitialTimeout + Duration::Millis(1));
}

TEST_CASE("on another link nothing arrives that the old one carried") {
  SctpNetwork network(SharedLinkOptions{}, 1);
  Arrivals arrivals(network);
  const ConnectionId id = network.Open(SctpAssociation::Kind::kOrdered);
  network.Send(id, 0, {1});
  SharedLinkOptions slow;
  slow.delay = Duration::Millis(300);
  network.ReplaceLinks({slow, slow});
  network.RunFor(Duration::Millis(400));
  CHECK(arrivals.at.empty());
  network.Close(id);
  const ConnectionId next = network.Open(SctpAssociation::Kind::kOrdered);
  const Timestamp start = network.now();
  network.Send(next, 0, {1});
  network.RunFor(Duration::Seconds(2));
  CHECK(arrivals.at[next] - start > Duration::Millis(300));
}

}  // namespace
}  // namespace millrace::testing
