// Two sessions, the channels between them, sources and sinks, in virtual time: nothing waits, and a
// seed gives the same run every time. Time jumps to the earliest thing that can happen.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "session/session.h"
#include "support/random.h"

namespace millrace::testing {

struct LinkOptions {
  Duration one_way_delay = Duration::Millis(10);
  Duration jitter{};                       // Uniform, on top, so bulk messages overtake each other.
  uint64_t bytes_per_second = 12'500'000;  // What each channel drains at.
};

struct DiskOptions {
  Duration read_delay{};   // Until a read is answered.
  Duration write_delay{};  // Until a write or the closing of a file is answered.
};

using FileBytes = std::vector<uint8_t>;

// One side: a session with its sources and sinks, and what it was told.
struct SimPeer {
  std::unique_ptr<Session> session;
  bool accepts = true;
  std::map<TransferId, std::vector<FileBytes>> sources;
  std::map<TransferId, std::vector<FileBytes>> sinks;
  std::vector<Event> events;

  const Event* Find(EventType type) const;
  size_t Count(EventType type) const;
  // The code of the last event of the type, as text; "" where there was none.
  std::string CodeOf(EventType type) const;
};

class Simulation {
 public:
  explicit Simulation(uint64_t seed, LinkOptions link = {}, DiskOptions disk = {},
                      const SessionOptions& session = {});

  // Opens the control lane on both sides, runs until both are established, then opens a bulk lane.
  void Connect();

  TransferId Send(SimPeer& from, std::vector<FileBytes> files);

  // Runs until `done` or until nothing can happen any more or `limit` has passed. Answers whether
  // `done`.
  bool RunUntil(const std::function<bool()>& done, Duration limit = Duration::Seconds(120));
  void RunFor(Duration span);

  void CloseLane(LaneId lane);

  SimPeer& a() { return peers_[0]; }
  SimPeer& b() { return peers_[1]; }
  Timestamp now() const { return now_; }
  Random& random() { return random_; }

  // Called for every message before it travels; may change or, with false, drop it.
  std::function<bool(size_t from, LaneId lane, std::vector<uint8_t>& message)> tamper;

 private:
  struct Message {
    Timestamp leaves;
    Timestamp arrives;
    std::vector<uint8_t> bytes;
  };
  struct Channel {
    bool open = false;
    Timestamp free_at;           // When the last message has left.
    std::deque<Message> queued;  // Not yet left: the buffered amount.
    std::multimap<Timestamp, std::vector<uint8_t>>
        flying;  // By arrival; equal times keep their order.
    size_t buffered = 0;
  };
  void Open(LaneId lane);
  bool Pump(size_t side);
  void Transmit(size_t from, const Output& output);
  void HandleEvent(size_t side, const Event& event);
  void Read(size_t side, const ReadRequest& read);
  void Write(size_t side, const WriteRequest& write);
  void Schedule(Duration delay, std::function<void()> act);
  Timestamp NextHappening() const;
  void Happen();

  Random random_;
  LinkOptions link_;
  DiskOptions disk_;
  Timestamp now_ = Timestamp::FromMicros(1'000'000);
  std::array<SimPeer, 2> peers_;
  std::map<LaneId, std::array<Channel, 2>> channels_;  // By the side that sends.
  std::multimap<Timestamp, std::function<void()>> later_;
};

}  // namespace millrace::testing
