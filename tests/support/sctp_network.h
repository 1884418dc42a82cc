// Two hosts and the connections between them, all over one shared link in each direction, in
// virtual time, with other traffic on that link.
#pragma once

#include <array>
#include <functional>
#include <map>

#include "support/cross_traffic.h"
#include "support/sctp_association.h"
#include "support/shared_link.h"

namespace millrace::testing {

// A connection and its first channel; with a number in the upper bits, another channel of it. Hosts
// are sides 0 and 1.
using ConnectionId = uint32_t;

// The two directions of a link, by the side that sends.
using LinkPair = std::array<SharedLinkOptions, 2>;

// What a full packet carries for the user, over its bytes on the wire: the ceiling of a link.
inline constexpr double kPayloadShare =
    static_cast<double>(SctpAssociation::kPayload) /
    static_cast<double>(SctpAssociation::kPayload + SctpAssociation::kHeaderBytes +
                        SctpAssociation::kLowerHeaders);

class SctpNetwork {
 public:
  SctpNetwork(const SharedLinkOptions& link, uint64_t seed) : SctpNetwork({link, link}, seed) {}
  SctpNetwork(const LinkPair& links, uint64_t seed);

  // Called while time advances: a message has arrived at a side; something has left a side's
  // buffer.
  std::function<void(ConnectionId, size_t side, std::vector<uint8_t> message)> on_message;
  std::function<void(ConnectionId, size_t side, size_t buffered)> on_buffered;

  // A connection that is set up already, with a channel of that kind. Its packets need
  // `access_delay` to the shared link, in each direction, so that connections with different round
  // trips share one bottleneck.
  ConnectionId Open(SctpAssociation::Kind kind, Duration access_delay = {});
  // Another channel of a connection. Messages are sent, and arrive, under the id that this answers.
  ConnectionId AddChannel(ConnectionId connection, SctpAssociation::Kind kind);
  // What its channels still carried is lost.
  void Close(ConnectionId id);
  void Send(ConnectionId id, size_t side, std::vector<uint8_t> message);
  // Starts other traffic, which must live as long as time advances here.
  void Start(CrossTraffic& traffic);

  Timestamp now() const { return now_; }
  Timestamp NextHappening() const;
  // Lets everything happen that is due by `now`, which is not past NextHappening().
  void AdvanceTo(Timestamp now);
  void RunFor(Duration span);

  // The link that carries what `side` sends.
  SharedLink& link(size_t side) { return links_[side]; }
  // The path changes to another link. What the old one still carried is lost.
  void ReplaceLinks(const LinkPair& links);
  const SctpAssociation& association(ConnectionId id, size_t side) const {
    return connections_.at(id).ends[side];
  }

 private:
  struct Connection {
    std::array<SctpAssociation, 2> ends;
    Duration access_delay;
  };
  struct Approaching {
    size_t side = 0;
    ConnectionId id = 0;
    SctpPacket packet;
  };

  static constexpr uint32_t kChannelShift = 24;
  static constexpr ConnectionId ConnectionOf(ConnectionId id) {
    return id & ((1u << kChannelShift) - 1);
  }
  static constexpr size_t ChannelOf(ConnectionId id) { return id >> kChannelShift; }
  static constexpr ConnectionId WithChannel(ConnectionId connection, size_t channel) {
    return connection | static_cast<ConnectionId>(channel << kChannelShift);
  }

  void Flush(ConnectionId id, size_t side);
  void Flush(uint32_t id, CrossTraffic& traffic);
  void Deliver(size_t to, SharedLink::Arrival arrival);
  void AdvanceTimers();

  uint64_t seed_;
  std::array<SharedLink, 2> links_;
  std::map<ConnectionId, Connection> connections_;
  std::map<uint32_t, CrossTraffic*> traffic_;
  std::multimap<Timestamp, Approaching> approaching_;  // On their way to the shared link.
  // No timer expires before: timers are looked through when this time has come, not whenever
  // something happens.
  Timestamp next_timer_ = Timestamp::Never();
  uint32_t next_id_ = 0;  // Of connections and of other traffic.
  Timestamp now_ = Timestamp::FromMicros(1'000'000);
};

}  // namespace millrace::testing
