#include "support/sctp_network.h"

#include <algorithm>
#include <utility>

namespace millrace::testing {

SctpNetwork::SctpNetwork(const LinkPair& links, uint64_t seed)
    : seed_(seed), links_{SharedLink(links[0], seed * 2), SharedLink(links[1], seed * 2 + 1)} {}

ConnectionId SctpNetwork::Open(SctpAssociation::Kind kind, Duration access_delay) {
  connections_.emplace(next_id_,
                       Connection{{SctpAssociation(kind), SctpAssociation(kind)}, access_delay});
  return next_id_++;
}

ConnectionId SctpNetwork::AddChannel(ConnectionId connection, SctpAssociation::Kind kind) {
  Connection& opened = connections_.at(connection);
  opened.ends[0].AddChannel(kind);
  return WithChannel(connection, opened.ends[1].AddChannel(kind));
}

void SctpNetwork::Close(ConnectionId id) { connections_.erase(id); }

void SctpNetwork::Send(ConnectionId id, size_t side, std::vector<uint8_t> message) {
  const auto found = connections_.find(ConnectionOf(id));
  if (found == connections_.end()) return;
  found->second.ends[side].Send(std::move(message), ChannelOf(id));
  Flush(found->first, side);
}

void SctpNetwork::Start(CrossTraffic& traffic) {
  traffic_.emplace(next_id_, &traffic);
  Flush(next_id_++, traffic);
}

void SctpNetwork::ReplaceLinks(const LinkPair& links) {
  seed_ += 0x10000;
  links_ = {SharedLink(links[0], seed_ * 2), SharedLink(links[1], seed_ * 2 + 1)};
  approaching_.clear();
}

Timestamp SctpNetwork::NextHappening() const {
  const Timestamp next = std::min({links_[0].NextArrival(), links_[1].NextArrival(), next_timer_});
  return approaching_.empty() ? next : std::min(next, approaching_.begin()->first);
}

void SctpNetwork::Flush(ConnectionId id, size_t side) {
  Connection& connection = connections_.at(id);
  SctpAssociation& end = connection.ends[side];
  std::array<size_t, SctpAssociation::kMostChannels> buffered{};
  for (size_t i = 0; i < end.channels(); ++i) buffered[i] = end.buffered(i);
  while (std::optional<SctpPacket> packet = end.PollPacket(now_)) {
    if (connection.access_delay == Duration()) {
      links_[side].Send(id, std::move(*packet), now_);
    } else {
      approaching_.emplace(now_ + connection.access_delay,
                           Approaching{side, id, std::move(*packet)});
    }
  }
  next_timer_ = std::min(next_timer_, end.NextTimeout());
  for (size_t i = 0; i < end.channels() && on_buffered; ++i) {
    if (end.buffered(i) != buffered[i]) on_buffered(WithChannel(id, i), side, end.buffered(i));
  }
}

void SctpNetwork::Flush(uint32_t id, CrossTraffic& traffic) {
  for (size_t side = 0; side < 2; ++side) {
    while (std::optional<CrossPacket> packet = traffic.PollPacket(side, now_)) {
      links_[side].Send(id, std::move(*packet), now_);
    }
  }
  next_timer_ = std::min(next_timer_, traffic.NextTimeout());
}

void SctpNetwork::Deliver(size_t to, SharedLink::Arrival arrival) {
  const uint32_t id = arrival.destination;
  if (const auto* packet = std::get_if<CrossPacket>(&arrival.packet)) {
    CrossTraffic& traffic = *traffic_.at(id);
    traffic.HandlePacket(to, *packet, now_);
    return Flush(id, traffic);
  }
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  found->second.ends[to].HandlePacket(std::get<SctpPacket>(std::move(arrival.packet)), now_);
  Flush(id, to);
  // A message may close connections.
  for (auto open = connections_.find(id); open != connections_.end();
       open = connections_.find(id)) {
    std::optional<SctpAssociation::Message> message = open->second.ends[to].PollMessage();
    if (!message) break;
    on_message(WithChannel(id, message->channel), to, std::move(message->bytes));
  }
}

void SctpNetwork::AdvanceTimers() {
  if (next_timer_ > now_) return;
  next_timer_ = Timestamp::Never();
  for (auto& [id, connection] : connections_) {
    for (size_t side = 0; side < 2; ++side) {
      SctpAssociation& end = connection.ends[side];
      if (end.NextTimeout() <= now_) {
        end.AdvanceTime(now_);
        Flush(id, side);
      }
      next_timer_ = std::min(next_timer_, end.NextTimeout());
    }
  }
  for (const auto& [id, traffic] : traffic_) {
    if (traffic->NextTimeout() <= now_) {
      traffic->AdvanceTime(now_);
      Flush(id, *traffic);
    }
    next_timer_ = std::min(next_timer_, traffic->NextTimeout());
  }
}

void SctpNetwork::AdvanceTo(Timestamp now) {
  now_ = std::max(now_, now);
  while (!approaching_.empty() && approaching_.begin()->first <= now_) {
    Approaching packet = std::move(approaching_.extract(approaching_.begin()).mapped());
    links_[packet.side].Send(packet.id, std::move(packet.packet), now_);
  }
  for (size_t side = 0; side < 2; ++side) {
    while (std::optional<SharedLink::Arrival> arrival = links_[side].PollArrival(now_)) {
      Deliver(1 - side, std::move(*arrival));
    }
  }
  AdvanceTimers();
}

void SctpNetwork::RunFor(Duration span) {
  const Timestamp end = now_ + span;
  while (NextHappening() <= end) AdvanceTo(NextHappening());
  AdvanceTo(end);
}

}  // namespace millrace::testing
