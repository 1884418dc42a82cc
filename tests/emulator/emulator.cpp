#include "emulator/emulator.h"

#include <sys/socket.h>

#include <algorithm>

namespace millrace::emulator {
namespace {

// IPv4 without options, and UDP: what the link carries beside the payload.
constexpr uint32_t kHeaderBytes = 20 + 8;

}  // namespace

Emulator::Emulator(uint64_t seed)
    : pool_(kMaxPackets), a_to_b_(kMaxPackets, seed), b_to_a_(kMaxPackets, ~seed) {
  const Time now = Clock::now();
  a_to_b_.Begin(now);
  b_to_a_.Begin(now);
}

void Emulator::Receive(EndpointId relay) {
  // A copy: new endpoints move the table.
  const Endpoint target = relays_[relay];
  std::array<iovec, kBatch> buffers;
  std::array<sockaddr_in, kBatch> sources;
  std::array<mmsghdr, kBatch> messages{};
  size_t taken = 0;
  for (; taken < kBatch; ++taken) {
    const std::optional<PacketId> packet = pool_.Take();
    if (!packet) break;
    batch_[taken] = *packet;
    buffers[taken] = {pool_[*packet].bytes.data(), kMaxPacketBytes};
    messages[taken].msg_hdr.msg_iov = &buffers[taken];
    messages[taken].msg_hdr.msg_iovlen = 1;
    messages[taken].msg_hdr.msg_name = &sources[taken];
    messages[taken].msg_hdr.msg_namelen = sizeof(sockaddr_in);
  }
  const int received = recvmmsg(target.relay_fd, messages.data(), static_cast<unsigned>(taken),
                                MSG_DONTWAIT, nullptr);
  const Time now = Clock::now();
  const Side side = Opposite(target.side);
  for (size_t i = 0; i < taken; ++i) {
    const PacketId packet = batch_[i];
    if (static_cast<int>(i) >= received) {
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
    const uint32_t size_bytes = messages[i].msg_len;
    pool_[packet].from = *source;
    pool_[packet].to = relay;
    pool_[packet].size_bytes = size_bytes;
    if (!From(side).Offer(packet, size_bytes + kHeaderBytes, now)) pool_.Return(packet);
  }
}

void Emulator::Deliver() {
  const Time now = Clock::now();
  DeliverFrom(a_to_b_, now);
  DeliverFrom(b_to_a_, now);
}

Time Emulator::NextEvent() const { return std::min(a_to_b_.NextEvent(), b_to_a_.NextEvent()); }

void Emulator::DeliverFrom(Bottleneck& direction, Time now) {
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
