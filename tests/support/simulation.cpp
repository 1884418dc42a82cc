#include "support/simulation.h"

#include <algorithm>

#include "crypto/secret.h"
#include "support/handshakes.h"

namespace millrace::testing {
namespace {

// libwebrtc's least retransmission timeout, and the longest one after it has doubled
// (media/sctp/dcsctp_transport.cc, max_timer_backoff_duration).
constexpr Duration kRetransmissionTimeout = Duration::Millis(400);
constexpr Duration kMostRetransmissionTimeout = Duration::Seconds(3);
// A reliable channel delivers after this at the latest.
constexpr Duration kMostRetransmissions = Duration::Seconds(30);

// More turns than this without any time passing do nothing.
constexpr int kMostIdleTurns = 10'000;

// Word n of a file's contents: SplitMix64's output function.
uint64_t ContentWord(uint64_t seed, uint64_t n) {
  uint64_t z = seed * 0x9e3779b97f4a7c15u + n * 0xd1342543de82ef95u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  return z ^ (z >> 27);
}

}  // namespace

void SimFile::Fill(uint64_t offset, MutableByteView bytes) const {
  // Reads begin on leaves, hence on words.
  uint64_t word = offset / 8;
  const auto write = [this, &word](uint8_t* to, size_t length) {
    const uint64_t value = ContentWord(seed, word++);
    for (size_t i = 0; i < length; ++i) to[i] = static_cast<uint8_t>(value >> (8 * i));
  };
  size_t at = 0;
  // With a length that is known here, eight bytes are one store.
  for (; at + 8 <= bytes.size(); at += 8) write(bytes.data() + at, 8);
  if (at < bytes.size()) write(bytes.data() + at, bytes.size() - at);
}

bool SimFile::Matches(uint64_t offset, ByteView bytes) const {
  std::vector<uint8_t> expected(bytes.size());
  Fill(offset, expected);
  return std::equal(bytes.begin(), bytes.end(), expected.begin());
}

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
                       const SessionOptions& session, const HandshakeOptions& handshake)
    : random_(seed),
      link_(link),
      disk_(disk),
      session_options_(session),
      handshake_options_(handshake) {
  InitializeCrypto();
  for (SimPeer& peer : peers_) {
    peer.session = std::make_unique<Session>(session_options_,
                                             MakeHandshake(random_, handshake_options_), now_);
  }
}

void Simulation::Open(LaneId lane) {
  channels_.erase(lane);
  channels_[lane];
  for (SimPeer& peer : peers_) {
    peer.session->OpenLane(lane, kMaxMessageBytes, DeliveryOf(lane), now());
  }
}

void Simulation::OpenControlConnection() {
  a().session->SetFingerprints(kFingerprintA, kFingerprintB);
  b().session->SetFingerprints(kFingerprintB, kFingerprintA);
  // Either channel may open first.
  const bool pulse_first = random_.Chance(0.5);
  Open(pulse_first ? kPulseLane : kControlLane);
  Open(pulse_first ? kControlLane : kPulseLane);
}

Delivery Simulation::DeliveryOf(LaneId lane) const {
  if (lane == kControlLane) return Delivery::kReliable;
  return lane == kPulseLane ? Delivery::kUnreliable : link_.delivery;
}

void Simulation::OpenBulkLanes() {
  for (size_t i = 0; i < link_.bulk_lanes; ++i) Open(LaneId(next_lane_++));
}

void Simulation::Connect() {
  OpenControlConnection();
  const bool up = RunUntil([this] { return a().session->connected() && b().session->connected(); });
  if (up) OpenBulkLanes();
}

TransferId Simulation::Send(SimPeer& from, std::vector<SimFile> files) {
  std::vector<FileInfo> infos;
  for (size_t i = 0; i < files.size(); ++i) {
    const std::string name = "file-" + std::to_string(i);
    infos.push_back(
        FileInfo{files[i].is_stream ? std::nullopt : std::optional(files[i].size), 0, name, ""});
  }
  const TransferId id = from.session->Offer(infos, TransferToken{next_token_++}, now());
  from.sources[id] = std::move(files);
  return id;
}

std::vector<SimFile> Simulation::Files(const std::vector<uint64_t>& sizes) {
  std::vector<SimFile> files;
  for (const uint64_t size : sizes)
    files.push_back(SimFile{size, false, next_file_seed_++, std::nullopt, {}});
  return files;
}

std::vector<LaneId> Simulation::BulkLanes() const {
  std::vector<LaneId> lanes;
  for (const auto& [id, channels] : channels_) {
    if (!IsOfControlConnection(id)) lanes.push_back(id);
  }
  return lanes;
}

size_t Simulation::MovingBulkLanes() const {
  return static_cast<size_t>(
      std::count_if(channels_.begin(), channels_.end(), [](const auto& entry) {
        return !IsOfControlConnection(entry.first) && !entry.second[0].stalled;
      }));
}

void Simulation::CloseLane(LaneId lane) {
  if (channels_.erase(lane) == 0) return;
  for (SimPeer& peer : peers_) peer.session->CloseLane(lane, now());
  if (!link_.reopen_after || IsOfControlConnection(lane)) return;
  Schedule(*link_.reopen_after, [this] {
    if (channels_.count(kControlLane) == 0) return;
    if (a().session->connected() && b().session->connected()) Open(LaneId(next_lane_++));
  });
}

void Simulation::StallLane(LaneId lane) {
  const auto found = channels_.find(lane);
  if (found == channels_.end()) return;
  for (Channel& channel : found->second) channel.stalled = true;
}

void Simulation::BreakConnection() {
  for (SimPeer& peer : peers_) peer.session->CloseLane(kControlLane, now());
  Replace();
}

void Simulation::Replace() {
  if (channels_.empty()) return;
  channels_.clear();
  lanes_wanted_ = false;
  if (!link_.reconnect_after) return;
  Schedule(std::max(dark_until_, now_) + *link_.reconnect_after - now_, [this] { Reconnect(); });
}

void Simulation::Reconnect() {
  if (channels_.count(kControlLane) > 0) return;
  for (SimPeer& peer : peers_) {
    if (peer.session->closed() || !peer.session->established()) return;
    // The other side may not have noticed yet.
    peer.session->CloseLane(kControlLane, now());
    peer.session->Reconnect(MakeHandshake(random_, peer.session->secrets(), handshake_options_),
                            now());
  }
  OpenControlConnection();
  lanes_wanted_ = true;
}

void Simulation::Blackout(Duration span) { dark_until_ = std::max(dark_until_, now_ + span); }

bool Simulation::IsLost(LaneId lane, Channel& channel, Timestamp at) {
  if (lane == kPulseLane && random_.Chance(link_.pulse_loss)) return true;
  if (at >= channel.burst_until && random_.Chance(link_.burst_chance)) {
    const auto longest = static_cast<uint64_t>(link_.longest_burst.micros());
    channel.burst_until = at + Duration::Micros(static_cast<int64_t>(random_.Below(longest) + 1));
  }
  return at < channel.burst_until || random_.Chance(link_.loss);
}

void Simulation::Schedule(Duration delay, std::function<void()> act) {
  later_.emplace(now_ + delay, std::move(act));
}

void Simulation::Answer(TransferId id, bool held, Duration delay, std::function<void()> act) {
  if (held) {
    held_answers_.emplace(id, std::pair(delay, std::move(act)));
  } else if (delay == Duration()) {
    act();
  } else {
    Schedule(delay, std::move(act));
  }
}

void Simulation::LetGo(TransferId id) {
  held_sources_.erase(id);
  held_sinks_.erase(id);
  const auto [begin, end] = held_answers_.equal_range(id);
  for (auto it = begin; it != end; ++it) {
    Schedule(it->second.first, std::move(it->second.second));
  }
  held_answers_.erase(begin, end);
}

Duration Simulation::DelayOf(LaneId lane) {
  if (lane == kControlLane || link_.jitter == Duration()) return link_.one_way_delay;
  const auto most = static_cast<uint64_t>(link_.jitter.micros());
  return link_.one_way_delay + Duration::Micros(static_cast<int64_t>(random_.Below(most)));
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
  Duration delay = DelayOf(output.lane);
  const bool control = output.lane == kControlLane;
  const bool lossy = DeliveryOf(output.lane) == Delivery::kUnreliable;
  Duration timeout = kRetransmissionTimeout;
  const Duration most = delay + kMostRetransmissions;
  while (!control && !lossy && IsLost(output.lane, channel, now_ + delay) && delay < most) {
    delay = delay + timeout;
    timeout = std::min(timeout * 2, kMostRetransmissionTimeout);
  }
  Timestamp arrives = std::max(channel.free_at, lossy ? Timestamp() : dark_until_) + delay;
  if (control) arrives = channel.last_arrival = std::max(channel.last_arrival, arrives);
  channel.queued.push_back(Message{channel.free_at, arrives, std::move(bytes)});
}

void Simulation::Read(size_t side, const ReadRequest& read) {
  const auto answer = [this, side, read] {
    SimPeer& peer = peers_[side];
    const SimFile& file = peer.sources[read.transfer][read.file.value];
    const uint64_t readable = file.shrunk_to.value_or(file.size);
    const uint64_t from = std::min(readable, read.offset);
    const auto length = static_cast<size_t>(std::min<uint64_t>(read.bytes.size(), readable - from));
    file.Fill(from, read.bytes.first(length));
    peer.session->ReadDone(read.chunk, length, now());
  };
  const SimFile& file = peers_[side].sources[read.transfer][read.file.value];
  Answer(read.transfer, held_sources_.count(read.transfer) > 0, disk_.read_delay + file.read_delay,
         answer);
}

void Simulation::Write(size_t side, const WriteRequest& write) {
  SimPeer& peer = peers_[side];
  SimSink& sink = peer.sinks[write.transfer][write.file.value];
  const uint64_t end = write.offset + write.bytes.size();
  if (peer.disk_room) {
    if (*peer.disk_room < write.bytes.size()) {
      peer.session->Fail(write.transfer, ErrorCode::kOutOfSpace, "the disk is full", now());
      peer.session->WriteDone(write.write, now());
      return;
    }
    *peer.disk_room -= write.bytes.size();
  }
  const SimFile& file = peers_[1 - side].sources[write.transfer][write.file.value];
  sink.wrong = sink.wrong || !file.Matches(write.offset, write.bytes);
  sink.twice = sink.twice || sink.written.Insert(write.offset, end) != write.bytes.size();
  const auto answer = [this, side, id = write.write] {
    peers_[side].session->WriteDone(id, now());
  };
  Answer(write.transfer, held_sinks_.count(write.transfer) > 0, disk_.write_delay, answer);
}

void Simulation::AcceptOffer(SimPeer& peer, TransferId id) {
  const size_t side = &peer == &peers_[0] ? 0 : 1;
  const IncomingTransfer* transfer = peer.session->Incoming(id);
  if (transfer == nullptr) return;
  const size_t count = transfer->files().size();
  peer.sinks[id].resize(count);
  for (size_t i = 0; i < count; ++i) {
    const SimFile& file = peers_[1 - side].sources[id][i];
    const uint64_t existing = std::min(file.size, peer.existing_leaves * kLeafBytes);
    if (existing == 0 || file.is_stream) continue;
    std::vector<uint8_t> bytes(static_cast<size_t>(existing));
    file.Fill(0, bytes);
    peer.session->AddExisting(id, FileIndex(static_cast<uint32_t>(i)), 0, bytes);
    peer.sinks[id][i].written.Insert(0, existing);
  }
  peer.session->Accept(id, now());
}

void Simulation::HandleEvent(size_t side, const Event& event) {
  SimPeer& peer = peers_[side];
  if (event.type == EventType::kOffer && peer.accepts) AcceptOffer(peer, event.transfer);
  if (event.type == EventType::kDisconnected) Replace();
  if (event.type == EventType::kFileReceived) {
    peer.sinks[event.transfer][event.file.value].complete = true;
    Schedule(disk_.write_delay, [this, side, transfer = event.transfer, file = event.file] {
      peers_[side].session->FileStored(transfer, file, now());
    });
  }
  if (event.type == EventType::kLaneRetired) ReplaceLane(event.lane);
  peer.events.push_back(event);
  if (on_event) on_event(peer, event);
}

void Simulation::ReplaceLane(LaneId lane) {
  if (channels_.count(lane) == 0) return;
  CloseLane(lane);
  if (link_.reopen_after) return;  // As every lane that closes.
  // Offer and answer, ICE, DTLS and SCTP.
  Schedule(link_.one_way_delay * 10, [this] {
    if (channels_.count(kControlLane) == 0) return;
    if (a().session->connected() && b().session->connected()) Open(LaneId(next_lane_++));
  });
}

bool Simulation::Pump(size_t side) {
  Session& session = *peers_[side].session;
  bool busy = false;
  while (const auto write = session.PollWrite()) {
    Write(side, *write);
    busy = true;
  }
  while (const auto output = session.PollOutput(now())) {
    Transmit(side, *output);
    if (!IsOfControlConnection(output->lane)) now_ = now_ + disk_.seal_time;
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
      if (channel.stalled) continue;
      if (!channel.queued.empty()) next = std::min(next, channel.queued.front().leaves);
      if (!channel.flying.empty()) next = std::min(next, channel.flying.begin()->first);
    }
  }
  if (!later_.empty()) next = std::min(next, later_.begin()->first);
  for (const SimPeer& peer : peers_) {
    const Timestamp timeout = peer.session->NextTimeout();
    if (!timeout.IsNever()) next = std::min(next, timeout + (Duration() - clock_offset_));
  }
  return next;
}

void Simulation::Drain(LaneId lane, size_t side, Channel& channel) {
  bool drained = false;
  while (!channel.queued.empty() && channel.queued.front().leaves <= now_) {
    Message message = std::move(channel.queued.front());
    channel.queued.pop_front();
    channel.buffered -= message.bytes.size();
    drained = true;
    if (tamper && !tamper(side, lane, message.bytes)) continue;
    const bool control = lane == kControlLane;
    const bool lossy = DeliveryOf(lane) == Delivery::kUnreliable;
    if (lossy && (now_ < dark_until_ || IsLost(lane, channel, now_))) continue;
    if (!control && random_.Chance(link_.duplication)) {
      channel.flying.emplace(message.arrives + link_.one_way_delay, message.bytes);
    }
    channel.flying.emplace(message.arrives, std::move(message.bytes));
  }
  if (drained) peers_[side].session->SetBuffered(lane, channel.buffered, now());
}

void Simulation::Deliver(LaneId lane, size_t side, std::vector<uint8_t> bytes) {
  Session& receiver = *peers_[side].session;
  const MutableByteView buffer = receiver.InputBuffer(lane, bytes.size());
  if (buffer.empty()) return;
  std::copy(bytes.begin(), bytes.end(), buffer.begin());
  receiver.HandleInput(lane, now());
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
      if (channel.stalled) continue;
      Drain(lane, side, channel);
      while (!channel.flying.empty() && channel.flying.begin()->first <= now_) {
        std::vector<uint8_t> bytes = std::move(channel.flying.begin()->second);
        channel.flying.erase(channel.flying.begin());
        Deliver(lane, 1 - side, std::move(bytes));
      }
    }
  }
  for (SimPeer& peer : peers_) peer.session->AdvanceTime(now());
  if (lanes_wanted_ && a().session->connected() && b().session->connected()) {
    lanes_wanted_ = false;
    OpenBulkLanes();
  }
}

bool Simulation::RunUntil(const std::function<bool()>& done, Duration limit) {
  const Timestamp deadline = now_ + limit;
  int idle_turns = 0;
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
    idle_turns = next > now_ ? 0 : idle_turns + 1;
    if (idle_turns > kMostIdleTurns) {
      spun_ = true;
      return false;
    }
    now_ = std::max(now_, next);
    Happen();
  }
}

void Simulation::RunFor(Duration span) {
  RunUntil([] { return false; }, span);
}

bool Simulation::Delivered(const SimPeer& from, const SimPeer& to, TransferId id) const {
  const auto sources = from.sources.find(id);
  const auto sinks = to.sinks.find(id);
  if (sources == from.sources.end() || sinks == to.sinks.end()) return false;
  for (size_t i = 0; i < sources->second.size(); ++i) {
    const SimSink& sink = sinks->second[i];
    const bool whole = sink.complete && sink.written.count() == sources->second[i].size;
    if (!whole || sink.wrong || sink.twice) return false;
  }
  return true;
}

bool Simulation::Sound(const SimPeer& from, const SimPeer& to) const {
  for (const auto& [id, sinks] : to.sinks) {
    const auto sources = from.sources.find(id);
    for (size_t i = 0; i < sinks.size(); ++i) {
      if (sinks[i].wrong || sinks[i].twice) return false;
      const bool whole =
          sources != from.sources.end() && sinks[i].written.count() == sources->second[i].size;
      if (sinks[i].complete && !whole) return false;
    }
  }
  return true;
}

}  // namespace millrace::testing
