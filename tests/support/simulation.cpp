#include "support/simulation.h"

#include <algorithm>

#include "crypto/secret.h"
#include "crypto/x25519_handshake.h"

namespace millrace::testing {
namespace {

constexpr LaneId kBulkLane{1};

std::unique_ptr<Session> MakeSession(const SessionOptions& options, Random& random, Timestamp now) {
  const std::vector<uint8_t> entropy = random.Bytes(64);
  auto handshake =
      std::make_unique<X25519Handshake>(std::span<const uint8_t, 64>(entropy.data(), 64));
  return std::make_unique<Session>(options, std::move(handshake), now);
}

}  // namespace

const Event* SimPeer::Find(EventType type) const {
  for (auto it = events.rbegin(); it != events.rend(); ++it) {
    if (it->type == type) return &*it;
  }
  return nullptr;
}

size_t SimPeer::Count(EventType type) const {
  return static_cast<size_t>(std::count_if(events.begin(), events.end(),
                                           [type](const Event& e) { return e.type == type; }));
}

std::string SimPeer::CodeOf(EventType type) const {
  const Event* event = Find(type);
  return event == nullptr ? "" : std::string(ErrorCodeName(event->error.code));
}

Simulation::Simulation(uint64_t seed, LinkOptions link, DiskOptions disk,
                       const SessionOptions& session)
    : random_(seed), link_(link), disk_(disk) {
  InitializeCrypto();
  for (SimPeer& peer : peers_) peer.session = MakeSession(session, random_, now_);
}

void Simulation::Open(LaneId lane) {
  channels_.erase(lane);
  for (size_t side = 0; side < 2; ++side) {
    channels_[lane][side].open = true;
    peers_[side].session->OpenLane(lane, kMaxMessageBytes, now_);
  }
}

void Simulation::Connect() {
  Open(kControlLane);
  const bool up =
      RunUntil([this] { return a().session->established() && b().session->established(); });
  if (up) Open(kBulkLane);
}

TransferId Simulation::Send(SimPeer& from, std::vector<FileBytes> files) {
  std::vector<FileInfo> infos;
  for (size_t i = 0; i < files.size(); ++i) {
    infos.push_back(FileInfo{files[i].size(), 0, "file-" + std::to_string(i), ""});
  }
  const TransferId id = from.session->Offer(infos, now_);
  from.sources[id] = std::move(files);
  return id;
}

void Simulation::CloseLane(LaneId lane) {
  channels_.erase(lane);
  for (SimPeer& peer : peers_) peer.session->CloseLane(lane, now_);
}

void Simulation::Schedule(Duration delay, std::function<void()> act) {
  later_.emplace(now_ + delay, std::move(act));
}

void Simulation::Transmit(size_t from, const Output& output) {
  const auto found = channels_.find(output.lane);
  if (found == channels_.end()) return;
  Channel& channel = found->second[from];
  std::vector<uint8_t> bytes(output.message.begin(), output.message.end());
  channel.buffered += bytes.size();
  const auto micros =
      static_cast<int64_t>(bytes.size() * uint64_t{1'000'000} / link_.bytes_per_second);
  channel.free_at = std::max(channel.free_at, now_) + Duration::Micros(micros);
  Duration delay = link_.one_way_delay;
  const bool ordered = output.lane == kControlLane;
  if (!ordered && link_.jitter > Duration()) {
    delay = delay + Duration::Micros(static_cast<int64_t>(
                        random_.Below(static_cast<uint64_t>(link_.jitter.micros()))));
  }
  channel.queued.push_back(Message{channel.free_at, channel.free_at + delay, std::move(bytes)});
}

void Simulation::Read(size_t side, const ReadRequest& read) {
  const auto answer = [this, side, read] {
    SimPeer& peer = peers_[side];
    const FileBytes& file = peer.sources[read.transfer][read.file.value];
    const size_t from = std::min<size_t>(file.size(), static_cast<size_t>(read.offset));
    const size_t length = std::min(read.bytes.size(), file.size() - from);
    std::copy_n(file.begin() + static_cast<std::ptrdiff_t>(from), length, read.bytes.begin());
    peer.session->ReadDone(read.piece, length, now_);
  };
  if (disk_.read_delay == Duration()) return answer();
  Schedule(disk_.read_delay, answer);
}

void Simulation::Write(size_t side, const WriteRequest& write) {
  SimPeer& peer = peers_[side];
  FileBytes& file = peer.sinks[write.transfer][write.file.value];
  std::copy(write.bytes.begin(), write.bytes.end(),
            file.begin() + static_cast<std::ptrdiff_t>(write.offset));
  const auto answer = [this, side, id = write.write] { peers_[side].session->WriteDone(id, now_); };
  if (disk_.write_delay == Duration()) return answer();
  Schedule(disk_.write_delay, answer);
}

void Simulation::HandleEvent(size_t side, const Event& event) {
  SimPeer& peer = peers_[side];
  if (event.type == EventType::kOffer && peer.accepts) {
    const IncomingTransfer* transfer = peer.session->Incoming(event.transfer);
    for (const IncomingFile& file : transfer->files()) {
      peer.sinks[event.transfer].emplace_back(static_cast<size_t>(file.info.size));
    }
    peer.session->Accept(event.transfer, now_);
  }
  if (event.type == EventType::kFileReceived) {
    Schedule(disk_.write_delay, [this, side, transfer = event.transfer, file = event.file] {
      peers_[side].session->FileStored(transfer, file, now_);
    });
  }
  peer.events.push_back(event);
}

bool Simulation::Pump(size_t side) {
  Session& session = *peers_[side].session;
  bool busy = false;
  while (const auto write = session.PollWrite()) {
    Write(side, *write);
    busy = true;
  }
  while (const auto output = session.PollOutput(now_)) {
    Transmit(side, *output);
    busy = true;
  }
  while (const auto read = session.PollRead()) {
    Read(side, *read);
    busy = true;
  }
  while (const auto event = session.PollEvent()) {
    HandleEvent(side, *event);
    busy = true;
  }
  return busy;
}

Timestamp Simulation::NextHappening() const {
  Timestamp next = Timestamp::Never();
  for (const auto& [lane, pair] : channels_) {
    for (const Channel& channel : pair) {
      if (!channel.queued.empty()) next = std::min(next, channel.queued.front().leaves);
      if (!channel.flying.empty()) next = std::min(next, channel.flying.begin()->first);
    }
  }
  if (!later_.empty()) next = std::min(next, later_.begin()->first);
  for (const SimPeer& peer : peers_) next = std::min(next, peer.session->NextTimeout());
  return next;
}

void Simulation::Happen() {
  while (!later_.empty() && later_.begin()->first <= now_) {
    const std::function<void()> act = std::move(later_.begin()->second);
    later_.erase(later_.begin());
    act();
  }
  for (auto& [lane, pair] : channels_) {
    for (size_t side = 0; side < 2; ++side) {
      Channel& channel = pair[side];
      while (!channel.queued.empty() && channel.queued.front().leaves <= now_) {
        Message message = std::move(channel.queued.front());
        channel.queued.pop_front();
        channel.buffered -= message.bytes.size();
        peers_[side].session->SetBuffered(lane, channel.buffered, now_);
        if (!tamper || tamper(side, lane, message.bytes)) {
          channel.flying.emplace(message.arrives, std::move(message.bytes));
        }
      }
      while (!channel.flying.empty() && channel.flying.begin()->first <= now_) {
        const std::vector<uint8_t> bytes = std::move(channel.flying.begin()->second);
        channel.flying.erase(channel.flying.begin());
        Session& receiver = *peers_[1 - side].session;
        const MutableByteView buffer = receiver.InputBuffer(lane, bytes.size());
        if (buffer.empty()) continue;
        std::copy(bytes.begin(), bytes.end(), buffer.begin());
        receiver.HandleInput(lane, now_);
      }
    }
  }
  for (SimPeer& peer : peers_) peer.session->AdvanceTime(now_);
}

bool Simulation::RunUntil(const std::function<bool()>& done, Duration limit) {
  const Timestamp deadline = now_ + limit;
  while (true) {
    bool busy = true;
    while (busy) {
      busy = Pump(0);
      busy = Pump(1) || busy;
    }
    if (done()) return true;
    const Timestamp next = NextHappening();
    if (next > deadline) {
      now_ = deadline;
      return false;
    }
    now_ = std::max(now_, next);
    Happen();
  }
}

void Simulation::RunFor(Duration span) {
  RunUntil([] { return false; }, span);
}

}  // namespace millrace::testing
