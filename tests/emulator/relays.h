// Who stands for whom: each socket of a browser has a relay socket of the emulator, which is what
// the other side knows of it.
#pragma once

#include <netinet/in.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "emulator/link_settings.h"
#include "emulator/packet_pool.h"
#include "emulator/side.h"

namespace millrace::emulator {

struct Endpoint {
  Side side;
  // The browser's own socket.
  sockaddr_in address;
  // Stands for it: what the other side sends here goes to `address`, and what comes from
  // `address` leaves here.
  int relay_fd;
  uint16_t relay_port;
  // A packet from `address` reaches the link this much later: sockets that share the bottleneck
  // may be differently far away from it.
  Nanoseconds extra_delay{0};
};

class Relays {
 public:
  // More than any page's connections need: a bound for what arrives from unknown sources.
  static constexpr size_t kMaxEndpoints = 1024;

  Relays() = default;
  Relays(const Relays&) = delete;
  Relays& operator=(const Relays&) = delete;
  ~Relays();

  // The endpoint of a socket of this machine, with a new relay if it has none yet, at the same
  // host. Nothing when there are too many or the system gives no socket. A socket that has a relay
  // keeps it and gets the new `extra_delay`.
  std::optional<EndpointId> Map(Side side, const sockaddr_in& address,
                                Nanoseconds extra_delay = Nanoseconds(0));

  // The endpoint that a packet comes from. An address that was never mapped (a peer-reflexive one,
  // RFC 8445 section 7.3.1.3) is mapped now if its host was, and else is nobody's.
  std::optional<EndpointId> FindSource(Side side, const sockaddr_in& address);

  const Endpoint& operator[](EndpointId id) const { return endpoints_[static_cast<size_t>(id)]; }
  const std::vector<Endpoint>& all() const { return endpoints_; }
  // How many FindSource has mapped.
  uint64_t reflexive() const { return reflexive_; }
  // Packets that the system dropped because the emulator did not come to read them.
  uint64_t MissedPackets() const;

 private:
  std::vector<Endpoint> endpoints_;
  // By side, address and port.
  std::unordered_map<uint64_t, EndpointId> ids_;
  uint64_t reflexive_ = 0;
};

}  // namespace millrace::emulator
