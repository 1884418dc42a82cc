#include "mesh/mesh_node.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <string>
#include <vector>

#include "support/mesh_simulation.h"

namespace millrace {
namespace {

using testing::MeshSimulation;
using testing::MeshSimulationOptions;

Timestamp At(int64_t ms) { return Timestamp::FromMicros(ms * 1000); }

const MeshEvent* Find(const std::vector<MeshEvent>& events, MeshEvent::Type type) {
  const auto at = std::find_if(events.begin(), events.end(),
                               [type](const MeshEvent& event) { return event.type == type; });
  return at == events.end() ? nullptr : &*at;
}

size_t Count(const std::vector<MeshEvent>& events, MeshEvent::Type type) {
  return static_cast<size_t>(std::count_if(
      events.begin(), events.end(), [type](const MeshEvent& event) { return event.type == type; }));
}

std::vector<uint8_t> Batch(const Packet& packet) {
  std::vector<uint8_t> one(kMaxMeshPacketBytes);
  ByteWriter writer(one);
  EncodePacket(packet, writer);
  std::vector<uint8_t> batch(kMaxMeshBatchBytes);
  ByteWriter framed(batch);
  framed.LengthPrefixed(writer.written());
  batch.resize(framed.size());
  return batch;
}

// Node "a" that knows agents b, c, d (incarnations 2, 3, 4) and is connected to b and c.
struct Lone {
  MeshNode node;
  std::vector<uint8_t> text = {'h', 'e', 'y'};

  explicit Lone(const MeshOptions& options = {})
      : node(Agent{"a", Incarnation(1), 0}, options, At(0)) {
    uint64_t incarnation = 2;
    for (const char* id : {"b", "c", "d"}) {
      node.HandleRoom({.agents = {Agent{id, Incarnation(incarnation++), 0}}}, At(0));
    }
    node.AdvanceTime(At(100));
    for (const char* id : {"b", "c"}) node.LinkUp(id, At(100));
    Events();
    while (node.PollSay()) continue;
  }

  std::vector<MeshEvent> Events() {
    std::vector<MeshEvent> events;
    while (auto event = node.PollEvent()) events.push_back(std::move(*event));
    return events;
  }
  std::vector<MeshOutput> Outputs(int64_t ms) {
    std::vector<MeshOutput> outputs;
    while (auto output = node.PollOutput(At(ms))) outputs.push_back(std::move(*output));
    return outputs;
  }
  // What "b" says, unless something else is asked for.
  Packet Message(uint64_t sequence = 0) {
    Packet packet;
    packet.source = {"b", Incarnation(2)};
    packet.destination = {"a", Incarnation(1)};
    packet.message.sequence = sequence;
    packet.message.payload = text;
    return packet;
  }
  // The reason of the drop that is told of, or "taken".
  std::string Given(const Packet& packet, const char* from = "b", int64_t ms = 100) {
    node.HandleBatch(from, Batch(packet), At(ms));
    const std::vector<MeshEvent> events = Events();
    if (const MeshEvent* drop = Find(events, MeshEvent::Type::kDropped)) {
      return std::string(NameOf(drop->reason));
    }
    return Find(events, MeshEvent::Type::kMessage) != nullptr ? "taken" : "";
  }
};

MeshSimulationOptions Quiet(uint64_t seed = 1) {
  MeshSimulationOptions options;
  options.seed = seed;
  return options;
}

TEST_CASE("two agents find each other, and a message arrives and is acknowledged") {
  MeshSimulation sim(Quiet());
  const size_t a = sim.Add("a");
  const size_t b = sim.Add("b");
  sim.RunFor(Duration::Seconds(1));
  REQUIRE(sim.IsUp(a, b));
  const std::vector<uint8_t> text = {1, 2, 3};
  const Result<MessageId> id = sim.node(a).Send("b", text, {.timestamp_ms = 77}, sim.now());
  REQUIRE(id.ok());
  sim.Broadcast(b, 16);
  sim.RunFor(Duration::Seconds(1));
  const MeshEvent* message = Find(sim.events(b), MeshEvent::Type::kMessage);
  REQUIRE(message != nullptr);
  CHECK(message->payload == text);
  CHECK(message->agent.id == "a");
  CHECK(message->timestamp_ms == 77);
  CHECK(message->id == id.value());
  CHECK(sim.node(a).stats().kept_bytes == 0);
  CHECK(sim.Measure().lost == 0);
}

TEST_CASE("kDelivered names the message, once everyone has it") {
  Lone lone;
  const Result<MessageId> id = lone.node.Broadcast(lone.text, {}, At(100));
  REQUIRE(id.ok());
  const auto acked_by = [&](const char* agent, uint64_t incarnation, int64_t ms) {
    Packet ack;
    ack.type = Packet::Type::kAck;
    ack.source = {agent, Incarnation(incarnation)};
    ack.destination = {"a", Incarnation(1)};
    ack.stream = id.value().stream;
    ack.ack.next = 1;
    // What d says comes by c.
    ack.hops = std::string_view(agent) == "d" ? 1 : 0;
    lone.node.HandleBatch(ack.hops == 1 ? "c" : agent, Batch(ack), At(ms));
    const std::vector<MeshEvent> events = lone.Events();
    const MeshEvent* delivered = Find(events, MeshEvent::Type::kDelivered);
    return delivered != nullptr && delivered->id == id.value();
  };
  CHECK_FALSE(acked_by("b", 2, 110));
  CHECK_FALSE(acked_by("d", 4, 120));
  CHECK(acked_by("c", 3, 130));
  CHECK(lone.node.stats().kept_bytes == 0);
}

TEST_CASE("what can not be sent is refused by its reason") {
  Lone lone;
  const auto code = [](const Result<MessageId>& result) {
    return result.ok() ? "ok" : ErrorCodeName(result.error().code);
  };
  CHECK(code(lone.node.Send("nobody", lone.text, {}, At(100))) == "invalid-argument");
  CHECK(code(lone.node.Send("a", lone.text, {}, At(100))) == "invalid-argument");
  CHECK(code(lone.node.Send("", lone.text, {}, At(100))) == "invalid-argument");
  const std::vector<uint8_t> longest(kMaxMeshPayloadBytes);
  CHECK(code(lone.node.Send("b", longest, {}, At(100))) == "ok");
  const std::vector<uint8_t> too_long(kMaxMeshPayloadBytes + 1);
  CHECK(code(lone.node.Send("b", too_long, {}, At(100))) == "too-large");
  CHECK(code(lone.node.Send("b", lone.text, {.timestamp_ms = ~uint64_t{0}}, At(100))) ==
        "invalid-argument");
  MeshNode alone(Agent{"a", Incarnation(1), 0}, {}, At(0));
  CHECK(code(alone.Broadcast(lone.text, {}, At(0))) == "invalid-argument");
  lone.node.Leave();
  CHECK(code(lone.node.Send("b", lone.text, {}, At(100))) == "closed");
  CHECK(code(lone.node.Broadcast(lone.text, {}, At(100))) == "closed");
}

TEST_CASE("an agent that says too much is told so itself") {
  MeshOptions options;
  options.flood.messages_per_second = 10;
  options.flood.burst = Duration::Seconds(1);
  Lone lone(options);
  size_t sent = 0;
  for (int i = 0; i < 100; ++i) {
    if (lone.node.Send("b", lone.text, {}, At(100)).ok()) ++sent;
  }
  CHECK(sent == 10);
}

TEST_CASE("each kind of bad packet is dropped by its name, and the next good one is taken") {
  const auto given = [](auto change, const char* from = "b") {
    Lone lone;
    Packet packet = lone.Message();
    change(packet);
    const std::string result = lone.Given(packet, from);
    CHECK(lone.Given(lone.Message()) == (result == "taken" ? "" : "taken"));
    return result;
  };
  CHECK(given([](Packet&) {}) == "taken");
  CHECK(given([](Packet& p) { p.hops = 1; }) == "forged");
  CHECK(given([](Packet&) {}, "c") == "forged");
  CHECK(given([](Packet& p) { p.source.id = "a"; }) == "loop");
  CHECK(given([](Packet& p) { p.source.incarnation = Incarnation(9); }) == "unknown-source");
  CHECK(given([](Packet& p) { p.destination.incarnation = Incarnation(9); }) == "unknown-source");
  CHECK(given([](Packet& p) {
          p.source = {"stranger", Incarnation(2)};
          p.hops = 1;
        }) == "unknown-source");
  CHECK(given([](Packet& p) { p.message.sequence = 256; }) == "no-room");
  CHECK(given([](Packet& p) {
          p.type = Packet::Type::kAck;
          p.ack.next = 7;
        }) == "");
  CHECK(given([](Packet& p) {
          p.destination = {"d", Incarnation(4)};
          p.hops = kMaxHops;
          p.source = {"c", Incarnation(3)};
        }) == "loop");
}

TEST_CASE("an acknowledgement of what was never sent is dropped") {
  Lone lone;
  REQUIRE(lone.node.Send("b", lone.text, {}, At(100)).ok());
  Packet ack = lone.Message();
  ack.type = Packet::Type::kAck;
  ack.ack.next = 2;
  CHECK(lone.Given(ack) == "malformed");
  CHECK(lone.node.stats().kept_bytes == 3);
}

TEST_CASE("bytes that are no batch are dropped") {
  Lone lone;
  const std::vector<std::vector<uint8_t>> bad = {{0}, {5, 1}, {1, 9}, {0xff, 0xff, 0xff, 0xff}};
  for (const std::vector<uint8_t>& bytes : bad) lone.node.HandleBatch("b", bytes, At(100));
  const std::vector<MeshEvent> events = lone.Events();
  // Told once a second; all are counted.
  CHECK(Count(events, MeshEvent::Type::kDropped) == 1);
  CHECK(lone.node.stats().dropped[static_cast<size_t>(DropReason::kMalformed)] == 4);
  lone.node.HandleBatch("stranger", Batch(lone.Message()), At(100));
  CHECK(lone.Events().empty());
}

TEST_CASE("a flood of one source does not touch another") {
  MeshOptions options;
  options.flood.messages_per_second = 100;
  options.flood.burst = Duration::Seconds(1);
  Lone lone(options);
  for (uint64_t i = 0; i < 1000; ++i) lone.node.HandleBatch("b", Batch(lone.Message(i)), At(100));
  const std::vector<MeshEvent> events = lone.Events();
  CHECK(Count(events, MeshEvent::Type::kMessage) == 100);
  const MeshEvent* drop = Find(events, MeshEvent::Type::kDropped);
  REQUIRE(drop != nullptr);
  CHECK(drop->reason == DropReason::kFlood);
  CHECK(drop->agent.id == "b");
  Packet other = lone.Message();
  other.source = {"c", Incarnation(3)};
  CHECK(lone.Given(other, "c") == "taken");
}

TEST_CASE("memory for what waits is bounded over all streams") {
  MeshOptions options;
  options.waiting_bytes = 100;
  Lone lone(options);
  lone.text.assign(60, 'x');
  Packet late = lone.Message(1);
  CHECK(lone.Given(late) == "");
  late.stream.level = Level::kHigh;
  CHECK(lone.Given(late) == "no-room");
  CHECK(lone.node.stats().waiting_bytes == 60);
  // What does not have to wait is taken, and lets out what waited.
  lone.node.HandleBatch("b", Batch(lone.Message(0)), At(100));
  CHECK(Count(lone.Events(), MeshEvent::Type::kMessage) == 2);
  CHECK(lone.node.stats().waiting_bytes == 0);
  CHECK(lone.Given(late) == "");
  lone.node.HandleRoom({.type = RoomMessage::Type::kBye, .agents = {Agent{"b", Incarnation(2), 0}}},
                       At(100));
  lone.node.LinkDown("b", At(100));
  CHECK(lone.node.stats().waiting_bytes == 0);
}

TEST_CASE("urgent messages overtake what waits for a full channel") {
  Lone lone;
  lone.node.SetBuffered("b", 1024 * 1024);
  const auto first_byte = [](const MeshOutput& output) { return output.batch.back(); };
  REQUIRE(lone.node.Send("b", std::vector<uint8_t>{1}, {.level = Level::kLow}, At(100)).ok());
  REQUIRE(lone.node.Send("b", std::vector<uint8_t>(16 * 1024, 2), {}, At(100)).ok());
  REQUIRE(lone.node.Send("b", std::vector<uint8_t>{3}, {.level = Level::kUrgent}, At(100)).ok());
  CHECK(lone.Outputs(100).empty());
  lone.node.SetBuffered("b", 0);
  const std::vector<MeshOutput> outputs = lone.Outputs(100);
  REQUIRE(outputs.size() == 3);
  CHECK(first_byte(outputs[0]) == 3);
  CHECK(first_byte(outputs[1]) == 2);
  CHECK(first_byte(outputs[2]) == 1);
}

TEST_CASE("full channels change the mode, and the mode makes batches") {
  Lone lone;
  lone.node.SetBuffered("b", 600 * 1024);
  lone.node.AdvanceTime(At(200));
  const std::vector<MeshEvent> events = lone.Events();
  const MeshEvent* quality = Find(events, MeshEvent::Type::kQuality);
  REQUIRE(quality != nullptr);
  CHECK(quality->quality.new_mode == QualityMode::kMedium);
  CHECK(quality->quality.channel_count == 2);
  CHECK(lone.node.mode() == QualityMode::kMedium);
  CHECK(lone.node.NextTimeout(At(200)) == At(300));
  for (int i = 0; i < 3; ++i) REQUIRE(lone.node.Send("c", lone.text, {}, At(210)).ok());
  CHECK(lone.Outputs(210).empty());
  CHECK(lone.node.NextTimeout(At(210)) == At(260));
  CHECK(lone.Outputs(260).size() == 1);

  REQUIRE(lone.node.Send("c", lone.text, {}, At(265)).ok());
  CHECK(lone.Outputs(265).empty());
  lone.node.Flush();
  CHECK(lone.Outputs(265).size() == 1);
  REQUIRE(lone.node.Send("c", lone.text, {}, At(266)).ok());
  CHECK(lone.Outputs(266).empty());
}

TEST_CASE("a connection counts once, and under an agent's id only") {
  Lone lone;
  REQUIRE(lone.node.stats().connections == 2);
  lone.node.LinkUp("b", At(200));
  lone.node.LinkUp("", At(200));
  lone.node.LinkUp("\xff", At(200));
  CHECK(lone.node.stats().connections == 2);
  lone.node.LinkUp("d", At(200));
  CHECK(lone.node.stats().connections == 3);
  Lone gone;
  gone.node.Leave();
  gone.node.LinkUp("d", At(200));
  CHECK(gone.node.stats().connections == 2);
}

TEST_CASE("who can not be connected to is suspected, and gone if it says nothing") {
  const MeshOptions options;
  Lone lone(options);
  const Timestamp late = At(100) + options.connect_timeout;
  REQUIRE(lone.node.NextTimeout(At(100)) <= late);
  lone.node.AdvanceTime(late);
  bool suspected = false;
  while (const auto said = lone.node.PollSay()) {
    if (said->type != RoomMessage::Type::kSuspect) continue;
    suspected = true;
    CHECK(said->agents.front().id == "d");
  }
  CHECK(suspected);
  CHECK(Find(lone.Events(), MeshEvent::Type::kLeft) == nullptr);
  lone.node.AdvanceTime(late + options.presence.suspicion);
  const std::vector<MeshEvent> events = lone.Events();
  REQUIRE(Count(events, MeshEvent::Type::kLeft) == 1);
  CHECK(Find(events, MeshEvent::Type::kLeft)->agent.id == "d");
}

TEST_CASE("whose way to the room is back says that it is here, and asks") {
  Lone lone;
  lone.node.Rejoin();
  const std::optional<RoomMessage> said = lone.node.PollSay();
  REQUIRE(said);
  CHECK(said->type == RoomMessage::Type::kHere);
  CHECK(said->asks);
}

TEST_CASE("an agent that turns out stronger than the others becomes the hub, in every plan") {
  MeshSimulationOptions options = Quiet(7);
  options.mesh.topology.topology = Topology::kHub;
  options.mesh.topology.agents_per_hub = 10;
  options.mesh.topology.hubs_per_agent = 1;
  MeshSimulation sim(options);
  for (int i = 0; i < 6; ++i) sim.Add("agent-" + std::to_string(i));
  sim.RunFor(Duration::Seconds(5));
  const auto hub_of = [&sim](size_t agent) {
    const Plan& plan = sim.node(agent).plan();
    return plan.agent(plan.hubs().front()).id;
  };
  const size_t strong = hub_of(0) == "agent-0" ? 1 : 0;
  sim.node(strong).SetCapacity(100'000'000);
  // Its shim takes a turn after that.
  sim.node(strong).AdvanceTime(sim.now());
  REQUIRE(sim.Send(strong, 5, 16));
  sim.RunFor(Duration::Seconds(5));
  for (size_t agent = 0; agent < sim.size(); ++agent) CHECK(hub_of(agent) == sim.id(strong));
}

TEST_CASE("messages for who has left fail, and others do not") {
  Lone lone;
  REQUIRE(lone.node.Send("d", lone.text, {}, At(100)).ok());
  REQUIRE(lone.node.Send("b", lone.text, {}, At(100)).ok());
  lone.node.HandleRoom({.type = RoomMessage::Type::kBye, .agents = {Agent{"d", Incarnation(4), 0}}},
                       At(200));
  const std::vector<MeshEvent> events = lone.Events();
  CHECK(Count(events, MeshEvent::Type::kFailed) == 1);
  CHECK(Find(events, MeshEvent::Type::kFailed)->id.destination == "d");
  CHECK(lone.node.stats().kept_bytes == 3);
}

TEST_CASE("a message that found no way goes out when there is one") {
  Lone lone;
  REQUIRE(lone.node.Send("d", lone.text, {}, At(100)).ok());
  CHECK(lone.Outputs(100).empty());
  lone.node.LinkUp("d", At(150));
  lone.node.AdvanceTime(At(150));
  CHECK(lone.Outputs(150).size() == 1);
}

TEST_CASE("what breaks off with a connection is sent again over the next one") {
  MeshSimulationOptions options = Quiet(3);
  options.bytes_per_second = 100'000;
  MeshSimulation sim(options);
  const size_t a = sim.Add("a");
  const size_t b = sim.Add("b");
  sim.RunFor(Duration::Seconds(1));
  for (int i = 0; i < 20; ++i) REQUIRE(sim.Send(a, b, 5000));
  sim.RunFor(Duration::Millis(300));
  sim.node(a).LinkDown("b", sim.now());
  sim.node(b).LinkDown("a", sim.now());
  sim.RunFor(Duration::Millis(500));
  sim.node(a).LinkUp("b", sim.now());
  sim.node(b).LinkUp("a", sim.now());
  sim.RunFor(Duration::Seconds(20));
  const MeshSimulation::Outcome outcome = sim.Measure();
  CHECK(outcome.delivered == 20);
  CHECK(outcome.twice == 0);
  CHECK(outcome.out_of_order == 0);
}

TEST_CASE("a second agent with an id is told, and the others do not see it") {
  MeshSimulation sim(Quiet());
  sim.Add("a");
  const size_t b = sim.Add("b");
  sim.RunFor(Duration::Seconds(5));
  sim.ForgetEvents();
  const size_t twin = sim.Add("a");
  sim.RunFor(Duration::Seconds(5));
  CHECK(Find(sim.events(twin), MeshEvent::Type::kDuplicate) != nullptr);
  CHECK(sim.events(b).empty());
  CHECK_FALSE(sim.node(twin).Send("b", std::vector<uint8_t>{1}, {}, sim.now()).ok());
}

TEST_CASE("in a partial mesh broadcasts and messages reach everyone over others") {
  MeshSimulationOptions options = Quiet(5);
  options.mesh.topology.topology = Topology::kPartial;
  options.mesh.topology.neighbours = 8;
  MeshSimulation sim(options);
  for (int i = 0; i < 30; ++i) sim.Add("agent-" + std::to_string(i));
  sim.RunFor(Duration::Seconds(5));
  for (size_t i = 1; i < 30; ++i) REQUIRE(sim.Send(0, i, 100));
  REQUIRE(sim.Broadcast(7, 100));
  sim.RunFor(Duration::Seconds(2));
  const MeshSimulation::Outcome outcome = sim.Measure();
  CHECK(outcome.expected == 29 + 29);
  CHECK(outcome.lost == 0);
  CHECK(outcome.twice == 0);
  CHECK(outcome.most_connections < 20);
  CHECK(outcome.resent < 5);
}

TEST_CASE("a hub that dies is replaced, and nothing is lost") {
  MeshSimulationOptions options = Quiet(6);
  options.mesh.topology.topology = Topology::kHub;
  options.mesh.topology.agents_per_hub = 10;
  MeshSimulation sim(options);
  for (int i = 0; i < 30; ++i)
    sim.Add("agent-" + std::to_string(i), uint64_t{1'000'000} << (i % 4));
  sim.RunFor(Duration::Seconds(5));
  const Plan& plan = sim.node(0).plan();
  REQUIRE(plan.topology() == Topology::kHub);
  const std::string hub = plan.agent(plan.hubs().front()).id;
  size_t dying = 0;
  while (sim.id(dying) != hub) ++dying;
  for (size_t i = 0; i < 30; ++i) {
    if (i != dying) REQUIRE(sim.Send(i, (i + 7) % 30, 200));
  }
  sim.Kill(dying);
  for (size_t i = 0; i < 30; ++i) {
    if (i != dying) REQUIRE(sim.Broadcast(i, 200));
  }
  sim.RunFor(Duration::Seconds(30));
  const MeshSimulation::Outcome outcome = sim.Measure();
  CHECK(outcome.lost == 0);
  CHECK(outcome.twice == 0);
  CHECK(outcome.out_of_order == 0);
  CHECK_FALSE(sim.node((dying + 1) % 30).plan().Find(hub).has_value());
  CHECK(sim.node((dying + 1) % 30).plan().hubs().size() == 3);
}

}  // namespace
}  // namespace millrace
