#include "support/sctp_network.h"

#include <algorithm>

namespace millrace::testing {

ConnectionId SctpNetwork::Open(bool ordered) {
  connections_.emplace(next_id_, Connection{SctpAssociation(ordered), SctpAssociation(ordered)});
  return next_id_++;
}

void SctpNetwork::Send(ConnectionId id, size_t side, std::vector<uint8_t> message) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  found->second[side].Send(std::move(message));
  Flush(id, side);
}

Timestamp SctpNetwork::NextHappening() const {
  Timestamp next = std::min(links_[0].NextArrival(), links_[1].NextArrival());
  for (const auto& [id, ends] : connections_) {
    next = std::min({next, ends[0].NextTimeout(), ends[1].NextTimeout()});
  }
  return next;
}

void SctpNetwork::Flush(ConnectionId id, size_t side) {
  SctpAssociation& end = connections_.at(id)[side];
  const size_t buffered = end.buffered();
  while (std::optional<SctpPacket> packet = end.PollPacket(now_)) {
    links_[side].Send(id, std::move(*packet), now_);
  }
  if (end.buffered() != buffered && on_buffered) on_buffered(id, side, end.buffered());
}

void SctpNetwork::AdvanceTo(Timestamp now) {
  now_ = std::max(now_, now);
  for (size_t side = 0; side < 2; ++side) {
    const size_t to = 1 - side;
    while (std::optional<SharedLink::Arrival> arrival = links_[side].PollArrival(now_)) {
      const ConnectionId id = arrival->destination;
      const auto found = connections_.find(id);
      if (found == connections_.end()) continue;
      SctpAssociation& end = found->second[to];
      end.HandlePacket(std::move(arrival->packet), now_);
      Flush(id, to);
      while (std::optional<std::vector<uint8_t>> message = end.PollMessage()) {
        on_message(id, to, std::move(*message));
      }
    }
  }
  for (auto& [id, ends] : connections_) {
    for (size_t side = 0; side < 2; ++side) {
      if (ends[side].NextTimeout() > now_) continue;
      ends[side].AdvanceTime(now_);
      Flush(id, side);
    }
  }
}

}  // namespace millrace::testing
