#include "session/bulk_sender.h"

#include <algorithm>
#include <array>

namespace millrace {
namespace {

// dcSCTP sends four packets for each message that it is given and for each acknowledgement
// (max_burst; RFC 9260, section 6.1). Of a record of 16 KiB it therefore sends four packets at once
// and the rest a round trip later, although the initial congestion window holds ten. Three more
// messages of one byte of padding, the window probes, make it use the whole window (measured in
// Chromium at 100 ms: 10 and 4 packets in the first round trips instead of 4, 8 and 2). After three
// acknowledged records the window is no longer young.
constexpr size_t kWindowProbes = 3;
constexpr size_t kBurstBytes = 4 * 1160;
constexpr uint64_t kYoungRecords = 3;
// The rate counts as being measured for this long after the last piece.
constexpr Duration kMovingMemory = Duration::Seconds(1);
// A record is late after 5/4 of a recent round trip and this: delayed acknowledgements and timers.
constexpr Duration kLateRecord = Duration::Millis(50);

}  // namespace

BulkSender::BulkSender(Sender& sender, const BulkOptions& options)
    : sender_(sender), options_(options), flow_(MakeFlow()), chunks_(options.chunks) {}

FlowControl BulkSender::MakeFlow() const {
  FlowControl flow(options_.lanes);
  flow.SetBackground(options_.background);
  flow.SetMostBytesPerSecond(MostBytesPerSecond(), Timestamp());
  return flow;
}

double BulkSender::MostBytesPerSecond() const {
  const uint64_t most = options_.most_bytes_per_second;
  return most == 0 ? RateController::kMostBytesPerSecond : static_cast<double>(most);
}

void BulkSender::SetMostBytesPerSecond(uint64_t most, Timestamp now) {
  options_.most_bytes_per_second = most;
  flow_.SetMostBytesPerSecond(MostBytesPerSecond(), now);
}

bool BulkSender::OpenLane(const LaneSetup& setup, const SessionSecrets& secrets,
                          uint64_t records_per_epoch, Timestamp now) {
  SealedLane* lane = lanes_.Open(SealedLane(setup));
  if (lane == nullptr) return false;
  lane->SetKeys(secrets, records_per_epoch);
  progress_at_ = now;
  return true;
}

Status BulkSender::OnAck(const AckFrame& ack, Timestamp now) {
  SealedLane* lane = nullptr;
  const Status taken = lanes_.OnAck(ack, now, acked_, lane);
  if (!taken.ok() || lane == nullptr) return taken;
  for (const PieceId piece : acked_.pieces) sender_.OnAcked(piece);
  if (!acked_.pieces.empty()) progress_at_ = now;
  if (acked_.bytes == 0) return taken;
  lane->set_arrived_at(
      flow_.OnAcked(acked_.bytes, lane->arrived_at(), ack.largest_received_at, now));
  lane->load().OnAcked(acked_.bytes, lane->gate().buffered() > 0, flow_.min_round_trip(), now);
  chunks_.OnAcked(acked_.bytes, acked_.pieces.size());
  return taken;
}

void BulkSender::ReportChunks(std::optional<Duration> round_trip, std::optional<double> loss,
                              Timestamp now) {
  if (!chunks_.IsDue(now) || !IsMoving(now) || !round_trip) return;
  double buffer_level = 1;
  for (const auto& [id, lane] : lanes_.lanes()) {
    buffer_level = std::min(buffer_level, lane.gate().BufferLevel());
  }
  chunks_.Report({*round_trip, flow_.rate().queue_delay().jitter(), loss.value_or(0), buffer_level},
                 now);
}

std::optional<Output> BulkSender::Poll(Timestamp now, MutableByteView out) {
  due_ = Timestamp::Never();
  if (!IsPending()) progress_at_ = now;
  std::optional<Output> output;
  if (!lanes_.empty() && !silent_) output = PollRecord(now, out);
  holdup_ = output ? Holdup::kProcessor : FindHoldup(now);
  flow_.OnLimited(LimitOf(holdup_), now);
  return output;
}

std::optional<Output> BulkSender::PollRecord(Timestamp now, MutableByteView out) {
  if (std::optional<Output> probe = PollWindowProbe(now, out)) return probe;
  if (std::optional<Output> probe = PollProbe(now, out)) return probe;
  if (!flow_.MaySend(lanes_.in_flight_bytes(), now)) {
    if (flow_.ready_at() > now) due_ = flow_.ready_at();
    return std::nullopt;
  }
  if (!sender_.HasPiece()) return sender_.HasTail() ? PollCopy(now, out) : std::nullopt;
  SealedLane* lane = lanes_.Pick(Choice());
  if (lane == nullptr) return std::nullopt;
  return SendNext(*lane, now, out);
}

std::optional<Output> BulkSender::PollWindowProbe(Timestamp now, MutableByteView out) {
  if (window_probes_left_ == 0) return std::nullopt;
  --window_probes_left_;
  SealedLane* lane = lanes_.Find(lanes_.last_used());
  if (lane == nullptr) return std::nullopt;
  std::array<uint8_t, 1> plaintext;
  ByteWriter writer(plaintext);
  EncodeFrame(PaddingFrame{}, writer);
  const ByteView message = lanes_.Send(*lane, [&](SealedLane& to) {
    return to.SealRecord(writer.written(), std::nullopt, false, now, out);
  });
  return Output{lane->id(), message};
}

std::optional<Output> BulkSender::PollProbe(Timestamp now, MutableByteView out) {
  SealedLane* lane = lanes_.PickForProbe();
  if (lane == nullptr) return std::nullopt;
  return SendNext(*lane, now, out);
}

std::optional<Output> BulkSender::SendNext(SealedLane& lane, Timestamp now, MutableByteView out) {
  const auto piece = sender_.NextPiece(RecordPayload(lane.max_message_bytes()));
  if (!piece) return std::nullopt;
  return Send(lane, *piece, now, out);
}

// Nothing else is left to send, so a record that takes much longer than a round trip is sent a
// second time: its channel waits for a retransmission.
std::optional<Output> BulkSender::PollCopy(Timestamp now, MutableByteView out) {
  const Timestamp sent_before = now + (Duration() - flow_.round_trip() * 5 / 4 - kLateRecord);
  const auto is_tail = [this](PieceId piece) { return sender_.IsTail(piece); };
  // A copy goes where nothing is in its way, so any lane will do.
  LaneChoice choice = Choice();
  choice.most_lanes = SIZE_MAX;
  while (true) {
    const auto [lane, piece] = lanes_.PickForCopy(choice, sent_before, is_tail);
    if (lane == nullptr) return std::nullopt;
    const auto copy = sender_.CopyPiece(piece, RecordPayload(lane->max_message_bytes()));
    if (copy) return Send(*lane, *copy, now, out);
  }
}

Output BulkSender::Send(SealedLane& lane, const OutgoingPiece& piece, Timestamp now,
                        MutableByteView out) {
  moving_until_ = now + kMovingMemory;
  const bool has_data = piece.piece.has_value();
  // Padding is never acknowledged, so sending it counts as progress.
  if (!has_data) progress_at_ = now;
  const ByteView message = lanes_.Send(lane, [&](SealedLane& to) {
    return to.SealRecord(RecordContent{piece.padding, piece.fields(), piece.payload}, piece.piece,
                         has_data, now, out);
  });
  flow_.OnSent(message.size(), now);
  if (has_data) chunks_.OnSent();
  // With privacy, window probes would show which messages hold data.
  const bool fills_burst = message.size() > kBurstBytes;
  const bool young = lane.sent().acked_records() < kYoungRecords;
  if (!privacy_ && fills_burst && young) window_probes_left_ = kWindowProbes;
  return Output{lane.id(), message};
}

LaneChoice BulkSender::Choice() const {
  return {
      .scheduler = options_.scheduler,
      .record_bytes = RecordPayload(),
      .round_trip = flow_.min_round_trip(),
      .backlog = flow_.LaneBacklog(),
      .except = std::nullopt,
      // In turn means all of them.
      .most_lanes = options_.scheduler == Scheduler::kRoundRobin ? SIZE_MAX : flow_.lanes_usable()};
}

size_t BulkSender::RecordPayload(size_t max_message_bytes) const {
  return flow_.RecordPayload(RecordPayloadBytes(chunks().chunk_bytes(), max_message_bytes));
}

size_t BulkSender::RecordPayload() const {
  return RecordPayload(lanes_.empty() ? kMaxMessageBytes : lanes_.max_message_bytes());
}

Holdup BulkSender::FindHoldup(Timestamp now) const {
  if (!sender_.MayMove()) return Holdup::kNothing;
  if (lanes_.empty()) return Holdup::kNoLane;
  if (silent_) return Holdup::kSilence;
  if (!sender_.HasPiece()) {
    if (sender_.HasMore()) return Holdup::kSource;
    return lanes_.in_flight_bytes() > 0 ? Holdup::kAcknowledgement : Holdup::kSink;
  }
  const bool channels_are_full = lanes_.ChannelsAreFull();
  if (flow_.ready_at() > now) {
    return channels_are_full ? Holdup::kPacingAndChannels : Holdup::kPacing;
  }
  if (channels_are_full) return Holdup::kChannels;
  const bool in_flight_limit = !flow_.MaySend(lanes_.in_flight_bytes(), now);
  // At the in-flight limit the bytes are either in channels whose windows are full, or on the path.
  return in_flight_limit && !lanes_.WindowsAreFull() ? Holdup::kInFlight : Holdup::kWindows;
}

}  // namespace millrace
