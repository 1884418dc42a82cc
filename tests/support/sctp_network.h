// Two hosts and the connections between them, all over one shared link in each direction, in
// virtual time.
#pragma once

#include <array>
#include <functional>
#include <map>

#include "support/sctp_association.h"
#include "support/shared_link.h"

namespace millrace::testing {

// A connection with one channel. Hosts are sides 0 and 1.
using ConnectionId = uint32_t;

class SctpNetwork {
 public:
  SctpNetwork(const SharedLinkOptions& link, uint64_t seed)
      : links_{SharedLink(link, seed * 2), SharedLink(link, seed * 2 + 1)} {}

  // Called while time advances: a message has arrived at a side; something has left a side's
  // buffer.
  std::function<void(ConnectionId, size_t side, std::vector<uint8_t> message)> on_message;
  std::function<void(ConnectionId, size_t side, size_t buffered)> on_buffered;

  // A connection that is set up already.
  ConnectionId Open(bool ordered);
  // What it still carried is lost.
  void Close(ConnectionId id) { connections_.erase(id); }
  void Send(ConnectionId id, size_t side, std::vector<uint8_t> message);

  Timestamp now() const { return now_; }
  Timestamp NextHappening() const;
  // Lets everything happen that is due by `now`, which is not past NextHappening().
  void AdvanceTo(Timestamp now);

  // The link that carries what `side` sends.
  SharedLink& link(size_t side) { return links_[side]; }
  const SctpAssociation& association(ConnectionId id, size_t side) const {
    return connections_.at(id)[side];
  }

 private:
  using Connection = std::array<SctpAssociation, 2>;

  void Flush(ConnectionId id, size_t side);

  std::array<SharedLink, 2> links_;
  std::map<ConnectionId, Connection> connections_;
  ConnectionId next_id_ = 0;
  Timestamp now_ = Timestamp::FromMicros(1'000'000);
};

}  // namespace millrace::testing
