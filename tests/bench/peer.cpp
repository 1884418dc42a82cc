#include "bench/peer.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace millrace::bench {
namespace {

// Where bytes of the file lie in the slab, and how many before they go on at its beginning: what is
// read at once is no fixed part of it.
std::pair<size_t, size_t> Place(uint64_t offset, size_t bytes) {
  const size_t at = static_cast<size_t>(offset % kSlabBytes);
  return {at, std::min(bytes, kSlabBytes - at)};
}

}  // namespace

bool Wire::Send(LaneId lane, ByteView message) {
  if (message.size() > bytes_.size() - used_bytes_) return false;
  std::memcpy(bytes_.data() + used_bytes_, message.data(), message.size());
  messages_.push_back(Message{lane, used_bytes_, message.size()});
  used_bytes_ += message.size();
  return true;
}

void Wire::Clear() {
  messages_.clear();
  used_bytes_ = 0;
}

Peer::Peer(Way way, std::unique_ptr<Session> session, MutableByteView slab)
    : deliver_step_(way == Way::kSend ? Step::kAcks : Step::kPlace),
      output_step_(way == Way::kSend ? Step::kSchedule : Step::kAcks),
      session_(std::move(session)),
      slab_(slab) {}

void Peer::Deliver(const Wire::Message& message, ByteView bytes, Timestamp now) {
  const MutableByteView buffer = session_->InputBuffer(message.lane, bytes.size());
  timer_.Lap(deliver_step_);
  if (buffer.empty()) {
    failed_ = true;
    return;
  }
  std::memcpy(buffer.data(), bytes.data(), bytes.size());
  timer_.Lap(Step::kChannel);
  session_->HandleInput(message.lane, now);
  timer_.Lap(deliver_step_);
  if (!IsOfControlConnection(message.lane)) ++bulk_records_;
}

void Peer::Drain(Timestamp now) {
  session_->SetBuffered(kControlLane, 0, now);
  session_->SetBuffered(kPulseLane, 0, now);
  for (const auto& [id, lane] : session_->lanes()) session_->SetBuffered(id, 0, now);
}

void Peer::Turn(Timestamp now) {
  // What the channels hold, which here is what they were given since they were drained.
  for (const SealedLane* lane : {session_->control_lane(), session_->pulse_lane()}) {
    if (lane != nullptr) session_->SetBuffered(lane->id(), lane->gate().buffered(), now);
  }
  for (const auto& [id, lane] : session_->lanes()) {
    session_->SetBuffered(id, lane.gate().buffered(), now);
  }
  if (now >= session_->NextTimeout()) session_->AdvanceTime(now);
  while (Pass(now)) {
  }
  // The shim sets its timer.
  if (now >= session_->NextTimeout()) session_->AdvanceTime(now);
  timer_.Lap(output_step_);
}

bool Peer::Pass(Timestamp now) {
  bool busy = false;
  timer_.Lap(output_step_);
  while (const auto write = session_->PollWrite()) {
    Write(*write, now);
    busy = true;
  }
  timer_.Lap(Step::kPlace);
  while (const auto output = session_->PollOutput(now)) {
    Send(*output);
    busy = true;
  }
  while (const auto read = session_->PollRead()) {
    timer_.Lap(output_step_);
    const auto [at, first] = Place(read->offset, read->bytes.size());
    std::memcpy(read->bytes.data(), slab_.data() + at, first);
    std::memcpy(read->bytes.data() + first, slab_.data(), read->bytes.size() - first);
    timer_.Lap(Step::kRead);
    session_->ReadDone(read->chunk, read->bytes.size(), now);
    busy = true;
  }
  while (const auto event = session_->PollEvent()) {
    Handle(*event, now);
    busy = true;
  }
  return busy;
}

void Peer::Write(const WriteRequest& write, Timestamp now) {
  timer_.Lap(Step::kPlace);
  const auto [at, first] = Place(write.offset, write.bytes.size());
  std::memcpy(slab_.data() + at, write.bytes.data(), first);
  std::memcpy(slab_.data(), write.bytes.data() + first, write.bytes.size() - first);
  timer_.Lap(Step::kWrite);
  session_->WriteDone(write.write, now);
}

void Peer::Send(const Output& output) {
  timer_.Lap(output_step_);
  if (!wire_.Send(output.lane, output.message)) failed_ = true;
  timer_.Lap(Step::kChannel);
  if (!IsOfControlConnection(output.lane)) ++bulk_records_;
}

void Peer::Handle(const Event& event, Timestamp now) {
  switch (event.type) {
    case EventType::kOffer:
      session_->Accept(event.transfer, now);
      break;
    case EventType::kFileReceived:
      session_->FileStored(event.transfer, event.file, now);
      break;
    case EventType::kDone:
      done_ = true;
      break;
    case EventType::kFailed:
    case EventType::kClosed:
      failed_ = true;
      break;
    default:
      break;
  }
}

}  // namespace millrace::bench
