// Any order of what a node can be told: words in its room, connections that come and go, batches of
// any bytes and of packets that nearly fit. What it answers always decodes, and its timers go on.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "fuzz/check.h"
#include "mesh/mesh_node.h"

namespace millrace::testing {
namespace {

constexpr const char* kIds[] = {"a", "b", "c", "d", "", "\xff"};

class Driver {
 public:
  explicit Driver(ByteView input) : input_(input), node_(Self(), Options(), now_) {}

  void Run() {
    while (!input_.AtEnd()) {
      Step();
      Poll();
    }
    // Whatever was said, a second later it is no busier than before.
    for (int i = 0; i < 200 && node_.NextTimeout(now_) <= now_ + Duration::Seconds(1); ++i) {
      now_ = std::max(now_, node_.NextTimeout(now_));
      Poll();
    }
  }

 private:
  static Agent Self() { return {"a", Incarnation(1), 0}; }
  static MeshOptions Options() {
    MeshOptions options;
    options.topology.most_full = 2;
    options.topology.most_partial = 3;
    options.topology.agents_per_hub = 2;
    options.presence.most_agents = 3;
    options.waiting_bytes = 1000;
    options.queue.max_bytes = 2000;
    options.flood.messages_per_second = 50;
    return options;
  }

  const char* Id() { return kIds[input_.U8() % std::size(kIds)]; }
  Agent AnAgent() {
    const char* id = Id();
    return {id, Incarnation(input_.U8() % 4), uint64_t{1} << (input_.U8() % 64)};
  }

  void Step() {
    switch (input_.U8() % 9) {
      case 0: {
        RoomMessage message;
        message.type = static_cast<RoomMessage::Type>(input_.U8() % 3);
        for (int i = input_.U8() % 4; i > 0; --i) message.agents.push_back(AnAgent());
        const uint8_t flags = input_.U8();
        message.asks = (flags & 1) != 0;
        message.settled = (flags & 2) != 0;
        if ((flags & 4) != 0) message.to = Id();
        return node_.HandleRoom(message, now_);
      }
      case 1:
        return node_.LinkUp(Id(), now_);
      case 2:
        return node_.LinkDown(Id(), now_);
      case 3:
        return node_.SetBuffered(Id(), size_t{input_.U16()} * 64);
      case 4: {
        const char* from = Id();
        return node_.HandleBatch(from, input_.Bytes(std::min<size_t>(input_.U8(), Left())), now_);
      }
      case 5:
        return node_.HandleBatch(Id(), NearlyRight(), now_);
      case 6: {
        const std::vector<uint8_t> payload(input_.U16());
        const SendOptions options{static_cast<Level>(input_.U8() % kLevels), input_.U8() % 2 == 1};
        const char* to = Id();
        if (input_.U8() % 2 == 0)
          (void)node_.Send(to, payload, options, now_);
        else
          (void)node_.Broadcast(payload, options, now_);
        return;
      }
      case 7:
        now_ = now_ + Duration::Millis(input_.U16());
        return;
      case 8:
        if (input_.U8() == 0)
          node_.Leave();
        else
          node_.SetCapacity(input_.U64());
    }
  }

  size_t Left() const { return input_.rest().size(); }

  ByteView NearlyRight() {
    Packet packet;
    packet.type = input_.U8() % 4 == 0 ? Packet::Type::kAck : Packet::Type::kMessage;
    packet.hops = input_.U8() % 3;
    const uint8_t stream = input_.U8();
    packet.stream = {static_cast<Level>(stream % kLevels), (stream & 4) != 0, (stream & 8) != 0};
    packet.source = {Id(), Incarnation(input_.U8() % 4)};
    packet.destination = {Id(), Incarnation(input_.U8() % 4)};
    packet.message.sequence = input_.U8();
    packet.message.oldest = std::min<uint64_t>(input_.U8(), packet.message.sequence);
    packet.message.payload = input_.Bytes(std::min<size_t>(input_.U8(), Left()));
    packet.ack.next = input_.U8() % 8;
    packet.ack.range_count = input_.U8() % 3;
    for (size_t i = 0; i < packet.ack.range_count; ++i) {
      const uint64_t begin = (i == 0 ? packet.ack.next : packet.ack.ranges[0].end) + 1;
      packet.ack.ranges[i] = {begin, begin + 1 + input_.U8() % 4};
    }
    packet_.assign(kMaxMeshPacketBytes, 0);
    ByteWriter writer(packet_);
    EncodePacket(packet, writer);
    batch_.assign(kMaxMeshBatchBytes, 0);
    ByteWriter framed(batch_);
    framed.LengthPrefixed(writer.written());
    return framed.written();
  }

  void Poll() {
    node_.AdvanceTime(now_);
    while (const auto output = node_.PollOutput(now_)) {
      Check(output->batch.size() <= kMaxMeshBatchBytes);
      ByteReader batch(output->batch);
      while (!batch.AtEnd()) {
        const Result<ByteView> packet = NextInBatch(batch);
        Check(packet.ok() && DecodePacket(packet.value()).ok());
      }
    }
    while (const auto said = node_.PollSay()) Check(!said->agents.empty());
    while (const auto event = node_.PollEvent()) {
      if (event->type == MeshEvent::Type::kMessage) Check(IsAgentId(event->agent.id));
    }
    const MeshStats stats = node_.stats();
    Check(stats.waiting_bytes <= Options().waiting_bytes);
    Check(node_.presence().others() <= Options().presence.most_agents);
  }

  ByteReader input_;
  Timestamp now_ = Timestamp::FromMicros(1);
  MeshNode node_;
  std::vector<uint8_t> packet_;
  std::vector<uint8_t> batch_;
};

}  // namespace
}  // namespace millrace::testing

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size <= 4096) millrace::testing::Driver(millrace::ByteView(data, size)).Run();
  return 0;
}
