// Two sessions, the channels between them, sources and sinks, in virtual time: nothing waits, and a
// seed gives the same run every time. Time jumps to the earliest thing that can happen.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "session/session.h"
#include "support/random.h"

namespace millrace::testing {

struct LinkOptions {
  Duration one_way_delay = Duration::Millis(10);
  Duration jitter{};                       // Uniform, on top, so bulk messages overtake each other.
  uint64_t bytes_per_second = 12'500'000;  // What each channel drains at.
  Delivery delivery = Delivery::kReliable;
  // Of bulk messages. An unreliable channel drops them; a reliable one delivers them after
  // retransmission timeouts.
  double loss = 0.0;
  // Of messages of the pulse lane, on top.
  double pulse_loss = 0.0;
  // Losses that come together: the chance that a burst begins with a bulk message, and how long it
  // takes all that comes, at most.
  double burst_chance = 0.0;
  Duration longest_burst{};
  double duplication = 0.0;
  size_t bulk_lanes = 1;
  // How long a lane, and a connection, takes to be there again; nothing: it does not come back.
  std::optional<Duration> reopen_after;
  std::optional<Duration> reconnect_after;
};

struct DiskOptions {
  Duration read_delay{};   // Until a read is answered.
  Duration write_delay{};  // Until a write or the closing of a file is answered.
  Duration seal_time{};    // That a side stands still for after each record of bulk it has sealed.
};

// A file whose bytes follow from a seed, so that any size can be sent and checked without being
// held.
struct SimFile {
  uint64_t size = 0;
  bool is_stream = false;  // Its size is not announced.
  uint64_t seed = 0;
  // Set when the file shrinks under its reader.
  std::optional<uint64_t> shrunk_to;
  Duration read_delay{};  // Until a read is answered, on top of the disk's.

  void Fill(uint64_t offset, MutableByteView bytes) const;
  bool Matches(uint64_t offset, ByteView bytes) const;
};

// What arrived of a file: each byte must come once and be right.
struct SimSink {
  RangeSet written;
  bool wrong = false;
  bool twice = false;
  bool complete = false;  // The session said that the file is received.
};

// One side: a session with its sources and sinks, and what it was told.
struct SimPeer {
  std::unique_ptr<Session> session;
  bool accepts = true;
  std::map<TransferId, std::vector<SimFile>> sources;
  std::map<TransferId, std::vector<SimSink>> sinks;
  std::vector<Event> events;
  // When set, writes fail once so many bytes are written.
  std::optional<uint64_t> disk_room;
  // Bytes at the front of each file that an earlier attempt left, as whole leaves.
  uint64_t existing_leaves = 0;

  const Event* Find(EventType type) const;
  size_t Count(EventType type) const;
  // The code of the last event of the type, as text; "" where there was none.
  std::string CodeOf(EventType type) const;
};

class Simulation {
 public:
  explicit Simulation(uint64_t seed, LinkOptions link = {}, DiskOptions disk = {},
                      const SessionOptions& session = {}, const HandshakeOptions& handshake = {});

  // Opens the lanes of the control connection on both sides, runs until both are established, then
  // opens the bulk lanes.
  void Connect();

  TransferId Send(SimPeer& from, std::vector<SimFile> files);
  // Files of these sizes with contents of their own.
  std::vector<SimFile> Files(const std::vector<uint64_t>& sizes);

  // Runs until `done` or until nothing can happen any more or `limit` has passed. Answers whether
  // `done`.
  bool RunUntil(const std::function<bool()>& done, Duration limit = Duration::Seconds(120));
  void RunFor(Duration span);
  // Calls `act` so much later, within a run.
  void Schedule(Duration delay, std::function<void()> act);
  // A session asked again and again for a time that had passed, and did nothing.
  bool spun() const { return spun_; }

  // Both ends of the lane see it close; it comes back under a new number as `reopen_after` says.
  void CloseLane(LaneId lane);
  // From now on the lane takes messages and delivers none, without closing.
  void StallLane(LaneId lane);
  // All lanes go; the connection comes back as `reconnect_after` says.
  void BreakConnection();
  // Nothing crosses until then: what is sent meanwhile waits on reliable channels and is lost on
  // the others. A session that gives its connection up gets a new one after that.
  void Blackout(Duration span);
  // Both clocks stand still or jump ahead by this much.
  void JumpClock(Duration span) { clock_offset_ = clock_offset_ + span; }
  void SetRate(uint64_t bytes_per_second) { link_.bytes_per_second = bytes_per_second; }
  // How bulk lanes carry messages from now on; a lane that was opened before keeps its label.
  void SetDelivery(Delivery delivery) { link_.delivery = delivery; }

  // The source, or the sink, of the transfer answers nothing until it is let go.
  void HoldSource(TransferId id) { held_sources_.insert(id); }
  void HoldSink(TransferId id) { held_sinks_.insert(id); }
  void LetGo(TransferId id);

  // The bulk lanes that are open now, and those of them that do not stall.
  std::vector<LaneId> BulkLanes() const;
  size_t MovingBulkLanes() const;

  // Every file of the transfer is whole at the other side, each byte written once and right.
  bool Delivered(const SimPeer& from, const SimPeer& to, TransferId id) const;
  // No sink got a wrong byte or one twice, and none was called complete without being whole.
  bool Sound(const SimPeer& from, const SimPeer& to) const;

  SimPeer& a() { return peers_[0]; }
  SimPeer& b() { return peers_[1]; }
  Timestamp now() const { return now_ + clock_offset_; }
  Random& random() { return random_; }

  // Called with each event of a side, before the side says anything more.
  std::function<void(SimPeer& peer, const Event& event)> on_event;
  // Called for every message before it travels; may change or, with false, drop it.
  std::function<bool(size_t from, LaneId lane, std::vector<uint8_t>& message)> tamper;

 private:
  struct Message {
    Timestamp leaves;
    Timestamp arrives;
    std::vector<uint8_t> bytes;
  };
  struct Channel {
    bool stalled = false;
    Timestamp burst_until;
    Timestamp free_at;           // When the last message has left.
    Timestamp last_arrival;      // Ordered channels never overtake.
    std::deque<Message> queued;  // Not yet left: the buffered amount.
    std::multimap<Timestamp, std::vector<uint8_t>>
        flying;  // By arrival; equal times keep their order.
    size_t buffered = 0;
  };

  void Open(LaneId lane);
  void OpenControlConnection();
  Delivery DeliveryOf(LaneId lane) const;
  Duration DelayOf(LaneId lane);
  void OpenBulkLanes();
  // Nothing is left of the connection; a new one comes as `reconnect_after` says.
  void Replace();
  void Reconnect();
  bool IsLost(LaneId lane, Channel& channel, Timestamp at);
  bool Pump(size_t side);
  void Transmit(size_t from, const Output& output);
  void HandleEvent(size_t side, const Event& event);
  void AcceptOffer(SimPeer& peer, TransferId id);
  // A session gave the lane up: its connection closes and another one opens.
  void ReplaceLane(LaneId lane);
  void Read(size_t side, const ReadRequest& read);
  void Write(size_t side, const WriteRequest& write);
  // Answers a read or a write after `delay`, counted from when the transfer is let go.
  void Answer(TransferId id, bool held, Duration delay, std::function<void()> act);
  Timestamp NextHappening() const;
  void Happen();
  void Drain(LaneId lane, size_t side, Channel& channel);
  void Deliver(LaneId lane, size_t side, std::vector<uint8_t> bytes);

  Random random_;
  LinkOptions link_;
  DiskOptions disk_;
  SessionOptions session_options_;
  HandshakeOptions handshake_options_;
  Timestamp now_ = Timestamp::FromMicros(1'000'000);
  Duration clock_offset_{};
  Timestamp dark_until_;
  uint32_t next_lane_ = 1;
  uint64_t next_file_seed_ = 1;
  uint8_t next_token_ = 1;
  bool lanes_wanted_ = false;  // As soon as both sides are connected again.
  bool spun_ = false;
  std::array<SimPeer, 2> peers_;
  std::map<LaneId, std::array<Channel, 2>> channels_;  // By the side that sends.
  std::multimap<Timestamp, std::function<void()>> later_;
  std::set<TransferId> held_sources_;
  std::set<TransferId> held_sinks_;
  std::multimap<TransferId, std::pair<Duration, std::function<void()>>> held_answers_;
};

}  // namespace millrace::testing
