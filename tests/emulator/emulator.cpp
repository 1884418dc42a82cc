#include "emulator/emulator.h"

#include <sys/socket.h>

#include <algorithm>
#include <cstring>

namespace millrace::emulator {
namespace {

// IPv4 without options, and UDP: what the link carries beside the payload.
constexpr uint32_t kHeaderBytes = 20 + 8;

// Room for one SCM_TIMESTAMPNS.
struct alignas(cmsghdr) TimestampBuffer {
  std::array<uint8_t, CMSG_SPACE(sizeof(timespec))> bytes;
};

// When the system took the packet from its sender, on the system clock.
Nanoseconds TimestampOf(msghdr& header) {
  const cmsghdr* control = CMSG_FIRSTHDR(&header);
  if (control == nullptr || control->cmsg_type != SCM_TIMESTAMPNS) {
    return std::chrono::system_clock::now().time_since_epoch();
  }
  timespec stamp;
  std::memcpy(&stamp, CMSG_DATA(control), sizeof(stamp));
  return std::chrono::seconds(stamp.tv_sec) + Nanoseconds(stamp.tv_nsec);
}

}  // namespace

Emulator::Emulator(uint64_t seed)
    : pool_(kMaxPackets), a_to_b_(kMaxPackets, seed), b_to_a_(kMaxPackets, ~seed) {
  const Time now = Clock::now();
  a_to_b_.Begin(now);
  b_to_a_.Begin(now);
}

void Emulator::Receive(EndpointId relay) {
  while (ReceiveBatch(relay) == kBatch) {
  }
}

size_t Emulator::ReceiveBatch(EndpointId relay) {
  // A copy: new endpoints move the table.
  const Endpoint target = relays_[relay];
  std::array<iovec, kBatch> buffers;
  std::array<sockaddr_in, kBatch> sources;
  std::array<TimestampBuffer, kBatch> timestamps;
  std::array<mmsghdr, kBatch> messages{};
  size_t taken = 0;
  for (; taken < kBatch; ++taken) {
    const std::optional<PacketId> packet = pool_.Take();
    if (!packet) break;
    batch_[taken] = *packet;
    buffers[taken] = {pool_[*packet].bytes.data(), kMaxPacketBytes};
    msghdr& header = messages[taken].msg_hdr;
    header.msg_iov = &buffers[taken];
    header.msg_iovlen = 1;
    header.msg_name = &sources[taken];
    header.msg_namelen = sizeof(sockaddr_in);
    header.msg_control = &timestamps[taken];
    header.msg_controllen = sizeof(TimestampBuffer);
  }
  const int count = recvmmsg(target.relay_fd, messages.data(), static_cast<unsigned>(taken),
                             MSG_DONTWAIT, nullptr);
  const size_t received = static_cast<size_t>(std::max(count, 0));
  // The system's timestamps are of the clock that people read.
  const Nanoseconds offset =
      Clock::now().time_since_epoch() - std::chrono::system_clock::now().time_since_epoch();
  const Side side = Opposite(target.side);
  for (size_t i = 0; i < taken; ++i) {
    const PacketId packet = batch_[i];
    if (i >= received) {
      pool_.Return(packet);
      continue;
    }
    const bool whole = (messages[i].msg_hdr.msg_flags & MSG_TRUNC) == 0;
    const std::optional<EndpointId> source =
        whole ? relays_.FindSource(side, sources[i]) : std::nullopt;
    if (!source) {
      ++unknown_packets_;
      pool_.Return(packet);
      continue;
    }
    pool_[packet].from = *source;
    pool_[packet].to = relay;
    pool_[packet].size_bytes = messages[i].msg_len;
    const Time arrived = Time(TimestampOf(messages[i].msg_hdr) + offset);
    arrivals_.Push({arrived + relays_[*source].extra_delay, packet, side});
  }
  return received;
}

void Emulator::Forward(Time now) {
  while (const std::optional<Arrival> arrival = arrivals_.Poll(now)) {
    forwarded_until_ = std::max(forwarded_until_, arrival->at);
    const uint32_t wire_bytes = pool_[arrival->packet].size_bytes + kHeaderBytes;
    const bool taken = From(arrival->from).Offer(arrival->packet, wire_bytes, forwarded_until_);
    if (!taken) pool_.Return(arrival->packet);
  }
  forwarded_until_ = std::max(forwarded_until_, now);
  Deliver(a_to_b_, now);
  Deliver(b_to_a_, now);
}

Time Emulator::NextEvent() const {
  return std::min({arrivals_.NextEvent(), a_to_b_.NextEvent(), b_to_a_.NextEvent()});
}

void Emulator::Deliver(Bottleneck& direction, Time now) {
  size_t count = 0;
  while (const std::optional<PacketId> packet = direction.PollArrived(now)) {
    // One system call sends from one socket.
    if (count == kBatch || (count > 0 && pool_[batch_[0]].from != pool_[*packet].from)) {
      SendBatch(count);
      count = 0;
    }
    batch_[count++] = *packet;
  }
  SendBatch(count);
}

void Emulator::SendBatch(size_t count) {
  if (count == 0) return;
  std::array<iovec, kBatch> buffers;
  std::array<sockaddr_in, kBatch> targets;
  std::array<mmsghdr, kBatch> messages{};
  for (size_t i = 0; i < count; ++i) {
    Packet& packet = pool_[batch_[i]];
    targets[i] = relays_[packet.to].address;
    buffers[i] = {packet.bytes.data(), packet.size_bytes};
    messages[i].msg_hdr.msg_iov = &buffers[i];
    messages[i].msg_hdr.msg_iovlen = 1;
    messages[i].msg_hdr.msg_name = &targets[i];
    messages[i].msg_hdr.msg_namelen = sizeof(sockaddr_in);
  }
  const int relay_fd = relays_[pool_[batch_[0]].from].relay_fd;
  const int sent = sendmmsg(relay_fd, messages.data(), static_cast<unsigned>(count), MSG_DONTWAIT);
  // What the system has no room for is lost, as it would be on a host's own interface.
  unsent_packets_ += count - static_cast<size_t>(std::max(sent, 0));
  for (size_t i = 0; i < count; ++i) pool_.Return(batch_[i]);
}

}  // namespace millrace::emulator
