#include "emulator/relays.h"

#include <arpa/inet.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace millrace::emulator {
namespace {

// What arrives while the emulator is not scheduled has to wait here; the system may allow less.
constexpr int kSocketBufferBytes = 4 << 20;

uint64_t KeyOf(Side side, const sockaddr_in& address) {
  return uint64_t{static_cast<uint8_t>(side)} << 48 | uint64_t{address.sin_addr.s_addr} << 16 |
         address.sin_port;
}

struct Relay {
  int fd;
  uint16_t port;
};

// At `host`, the browser's own address: Firefox takes no candidates at 127.0.0.1, and Chromium
// sends to them from another address than it has told. What comes from other machines is dropped,
// because its source was never mapped.
std::optional<Relay> OpenRelay(in_addr host) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return std::nullopt;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kSocketBufferBytes, sizeof(kSocketBufferBytes));
  // Arrival times by the system, so that a late emulator does not make a burst of what was none.
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &kSocketBufferBytes, sizeof(kSocketBufferBytes));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr = host;
  socklen_t length = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (bind(fd, generic, length) != 0 || getsockname(fd, generic, &length) != 0) {
    close(fd);
    return std::nullopt;
  }
  return Relay{fd, ntohs(address.sin_port)};
}

}  // namespace

Relays::~Relays() {
  for (const Endpoint& endpoint : endpoints_) close(endpoint.relay_fd);
}

std::optional<EndpointId> Relays::Map(Side side, const sockaddr_in& address,
                                      Nanoseconds extra_delay) {
  const uint64_t key = KeyOf(side, address);
  if (const auto known = ids_.find(key); known != ids_.end()) {
    endpoints_[static_cast<size_t>(known->second)].extra_delay = extra_delay;
    return known->second;
  }
  if (endpoints_.size() == kMaxEndpoints) return std::nullopt;
  const std::optional<Relay> relay = OpenRelay(address.sin_addr);
  if (!relay) return std::nullopt;
  const auto id = static_cast<EndpointId>(endpoints_.size());
  endpoints_.push_back({side, address, relay->fd, relay->port, extra_delay});
  ids_.emplace(key, id);
  return id;
}

std::optional<EndpointId> Relays::FindSource(Side side, const sockaddr_in& address) {
  if (const auto known = ids_.find(KeyOf(side, address)); known != ids_.end()) return known->second;
  const bool known_host = std::any_of(endpoints_.begin(), endpoints_.end(), [&](const Endpoint& e) {
    return e.address.sin_addr.s_addr == address.sin_addr.s_addr;
  });
  // A socket that is mapped for the other side talks to its own relay: nobody's packet.
  if (!known_host || ids_.contains(KeyOf(Opposite(side), address))) return std::nullopt;
  const std::optional<EndpointId> id = Map(side, address);
  if (id) ++reflexive_;
  return id;
}

uint64_t Relays::MissedPackets() const {
  uint64_t missed = 0;
  for (const Endpoint& endpoint : endpoints_) {
    std::array<uint32_t, SK_MEMINFO_VARS> values{};
    socklen_t length = sizeof(values);
    if (getsockopt(endpoint.relay_fd, SOL_SOCKET, SO_MEMINFO, values.data(), &length) == 0) {
      missed += values[SK_MEMINFO_DROPS];
    }
  }
  return missed;
}

}  // namespace millrace::emulator
