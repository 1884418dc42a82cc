// Agents of a mesh in virtual time: the real node, connections with a rate and a delay, a room that
// carries what agents say to everyone in it. The same seed gives the same run.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <queue>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "mesh/mesh_node.h"
#include "support/random.h"

namespace millrace::testing {

struct MeshSimulationOptions {
  uint64_t seed = 1;
  MeshOptions mesh;
  // One way, of each connection, drawn once.
  Duration least_delay = Duration::Millis(5);
  Duration most_delay = Duration::Millis(50);
  // Of each connection, each way.
  double bytes_per_second = 2'500'000;
  Duration room_delay = Duration::Millis(30);
  Duration connect_time = Duration::Millis(200);
  // Until the others see that an agent without a word is gone.
  Duration detection = Duration::Seconds(1);
};

class MeshSimulation {
 public:
  explicit MeshSimulation(const MeshSimulationOptions& options);

  // A new agent in the room; answers its index.
  size_t Add(std::string id, uint64_t capacity = 1'000'000);
  // Many at once, who know of each other without asking: the room as it is after a while.
  void AddKnown(size_t count);
  // Dies without a word.
  void Kill(size_t agent);
  // Says goodbye and closes its connections.
  void Leave(size_t agent);

  // Messages of `bytes` (at least 16). What is refused is not counted; answers whether it was sent.
  bool Send(size_t from, size_t to, size_t bytes, const SendOptions& options = {});
  bool Broadcast(size_t from, size_t bytes, const SendOptions& options = {});
  // A batch from nobody's node, on the connection between two agents.
  void Inject(size_t from, size_t to, std::vector<uint8_t> batch);

  void RunFor(Duration span);

  Timestamp now() const { return now_; }
  size_t size() const { return agents_.size(); }
  bool alive(size_t agent) const { return agents_[agent].alive; }
  MeshNode& node(size_t agent) { return *agents_[agent].node; }
  const std::string& id(size_t agent) const { return agents_[agent].id; }
  const std::vector<MeshEvent>& events(size_t agent) const { return agents_[agent].events; }
  void ForgetEvents() {
    for (Simulated& agent : agents_) agent.events.clear();
  }
  bool IsUp(size_t a, size_t b) const;

  // Over all messages whose source and receivers are still there.
  struct Outcome {
    uint64_t sent = 0;
    uint64_t expected = 0;  // Deliveries.
    uint64_t delivered = 0;
    uint64_t lost = 0;
    uint64_t twice = 0;
    uint64_t out_of_order = 0;
    double p50_ms = 0;
    double p95_ms = 0;
    double max_ms = 0;
    size_t connections = 0;        // In all.
    size_t most_connections = 0;   // Of one agent.
    uint64_t most_held_bytes = 0;  // Of one agent: queues, kept, waiting; at any time.
    uint64_t resent = 0;
  };
  Outcome Measure();

 private:
  struct Simulated {
    std::string id;
    std::unique_ptr<MeshNode> node;
    bool alive = true;
    Timestamp wake_at = Timestamp::Never();
    std::set<std::string> wants;
    std::vector<MeshEvent> events;
    // The last number of each ordered stream.
    std::map<std::pair<std::string, StreamKind>, uint64_t> last;
  };
  using Pair = std::pair<size_t, size_t>;
  struct Connection {
    bool up = false;
    bool opening = false;
    uint64_t generation = 0;
    Duration delay;
  };
  struct Message {
    size_t from = 0;
    Timestamp sent_at;
    std::vector<uint32_t> to;
    std::vector<bool> arrived;
  };
  struct Happening {
    enum class Type : uint8_t { kWake, kSaid, kOpened, kArrived, kDrained, kBroke, kRetry };
    Timestamp at{};
    uint64_t order = 0;
    Type type = Type::kWake;
    size_t from = 0;
    size_t to = 0;
    uint64_t generation = 0;
    std::shared_ptr<const RoomMessage> said{};
    std::vector<uint8_t> batch{};
    size_t bytes = 0;

    bool operator>(const Happening& other) const {
      return at != other.at ? at > other.at : order > other.order;
    }
  };
  // One direction.
  struct Channel {
    Timestamp free_at;
    size_t buffered = 0;
  };

  static Pair Between(size_t a, size_t b) { return a < b ? Pair{a, b} : Pair{b, a}; }
  void Schedule(Happening happening);
  void Happen(Happening& happening);
  void Open(size_t a, size_t b);
  void Break(size_t a, size_t b);
  void Poll(size_t agent);
  void Note(size_t agent, MeshEvent event);
  void Transmit(size_t from, size_t to, std::vector<uint8_t> batch);
  std::vector<uint8_t> NewMessage(size_t from, std::vector<uint32_t> to, size_t bytes);
  std::shared_ptr<const Plan> SharedPlan(std::vector<Agent> room, const TopologyOptions& options);

  MeshSimulationOptions options_;
  Random random_;
  Timestamp now_;
  uint64_t order_ = 0;
  std::vector<Simulated> agents_;
  std::map<std::string, size_t, std::less<>> by_id_;
  std::map<Pair, Connection> connections_;
  std::map<Pair, Channel> channels_;  // From, to.
  std::priority_queue<Happening, std::vector<Happening>, std::greater<>> queue_;
  std::vector<Message> messages_;
  std::map<uint64_t, std::shared_ptr<const Plan>> plans_;
  std::vector<double> latencies_ms_;
  uint64_t twice_ = 0;
  uint64_t out_of_order_ = 0;
  uint64_t most_held_ = 0;
};

}  // namespace millrace::testing
