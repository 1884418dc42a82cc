#include "support/hostile_peer.h"

#include <algorithm>

#include "crypto/secret.h"
#include "support/handshakes.h"

namespace millrace::testing {
namespace {

constexpr WaterMarks kMarks{1 << 20, 1 << 18};

}  // namespace

std::vector<uint8_t> EncodeEntries(const std::vector<FileEntry>& entries) {
  size_t length = 0;
  for (const FileEntry& entry : entries) length += FileEntryLength(entry);
  std::vector<uint8_t> bytes(length);
  ByteWriter writer(bytes);
  for (const FileEntry& entry : entries) EncodeFileEntry(entry, writer);
  return bytes;
}

HostilePeer::HostilePeer(uint64_t seed, const SessionOptions& options, Stage stage,
                         const HandshakeOptions& handshake)
    : random_(seed), records_per_epoch_(options.records_per_epoch), handshake_options_(handshake) {
  InitializeCrypto();
  victim_ = std::make_unique<Session>(options, MakeHandshake(random_, handshake_options_), now_);
  OpenControl();
  if (stage == Stage::kControlOpen) return;
  ShakeHands();
  if (stage == Stage::kBulkOpen) OpenBulk(kBulk);
  Drain();
}

void HostilePeer::Advance(Duration span) {
  now_ = now_ + span;
  victim_->AdvanceTime(now_);
}

void HostilePeer::OpenControl() {
  victim_->SetFingerprints(kFingerprintA, kFingerprintB);
  victim_->OpenLane(kControlLane, kMaxMessageBytes, Delivery::kReliable, now_);
  victim_->OpenLane(kPulseLane, kMaxMessageBytes, Delivery::kUnreliable, now_);
}

void HostilePeer::ShakeHands() {
  DrainOutputs();
  if (hello_.empty()) return;
  const auto own = first_secrets_ ? MakeHandshake(random_, *first_secrets_, handshake_options_)
                                  : MakeHandshake(random_, handshake_options_);
  own->Begin(kFingerprintB, kFingerprintA);
  std::vector<uint8_t> received = std::move(hello_);
  hello_.clear();
  std::optional<SessionSecrets> secrets;
  while (PeekRecordKind(received) == RecordKind::kHandshake) {
    if (!own->HandleMessage(ByteView(received).subspan(1)).ok()) return;
    secrets = own->TakeSecrets();
    for (auto message = NextMessage(*own); !message.empty(); message = NextMessage(*own)) {
      message.insert(message.begin(), static_cast<uint8_t>(RecordKind::kHandshake));
      SendRaw(kControlLane, message);
    }
    if (secrets) break;
    const std::optional<Output> output = victim_->PollOutput(now_);
    if (!output) return;
    received.assign(output->message.begin(), output->message.end());
  }
  if (!secrets) return;
  if (!first_secrets_) first_secrets_ = secrets->Copy();
  secrets_ = std::move(secrets);
  lanes_.clear();
}

void HostilePeer::OpenBulk(LaneId lane) {
  victim_->OpenLane(lane, kMaxMessageBytes, Delivery::kReliable, now_);
}

void HostilePeer::CloseLane(LaneId lane) { victim_->CloseLane(lane, now_); }

void HostilePeer::Reconnect() {
  victim_->Reconnect(MakeHandshake(random_, victim_->secrets(), handshake_options_), now_);
  OpenControl();
}

SealedLane& HostilePeer::LaneOf(LaneId id) {
  const auto [it, added] =
      lanes_.try_emplace(id, LaneSetup{id, Delivery::kReliable, kMarks, kMaxMessageBytes});
  if (added && secrets_) it->second.SetKeys(*secrets_, records_per_epoch_);
  return it->second;
}

void HostilePeer::SendRaw(LaneId lane, std::vector<uint8_t> message) {
  now_ = now_ + Duration::Millis(1);
  const MutableByteView buffer = victim_->InputBuffer(lane, message.size());
  if (buffer.empty()) return;
  std::copy(message.begin(), message.end(), buffer.begin());
  victim_->HandleInput(lane, now_);
}

void HostilePeer::SendPlaintext(LaneId lane, const std::vector<uint8_t>& plaintext) {
  std::vector<uint8_t> out(plaintext.size() + kRecordOverheadBytes);
  LaneOf(lane).SealRecord(plaintext, std::nullopt, true, now_, out);
  SendRaw(lane, out);
}

std::vector<uint8_t> HostilePeer::SealedFrame(LaneId lane, const Frame& frame) {
  ByteWriter writer(scratch_);
  EncodeFrame(frame, writer);
  std::vector<uint8_t> out(writer.size() + kRecordOverheadBytes);
  LaneOf(lane).SealRecord(writer.written(), std::nullopt, true, now_, out);
  return out;
}

void HostilePeer::SendFrame(LaneId lane, const Frame& frame) {
  SendRaw(lane, SealedFrame(lane, frame));
}

void HostilePeer::SendFrame(const Frame& frame) {
  SendFrame(IsPulse(frame) ? kPulseLane : kControlLane, frame);
}

TransferId HostilePeer::OwnTransfer(uint32_t ordinal) const {
  return TransferId(ordinal * 2 + static_cast<uint32_t>(secrets_->role));
}

TransferId HostilePeer::VictimTransfer(uint32_t ordinal) const {
  return TransferId(ordinal * 2 + static_cast<uint32_t>(Opposite(secrets_->role)));
}

TransferId HostilePeer::OfferAccepted(uint64_t size) {
  const TransferId id = OwnTransfer(0);
  const std::vector<uint8_t> entries = EncodeEntries({FileEntry{size, 0, "file", ""}});
  SendFrame(kControlLane, ManifestFrame{id, {}, 1, 0, 1, entries});
  victim_->Accept(id, now_);
  Drain();
  return id;
}

void HostilePeer::Drain() {
  while (const auto write = victim_->PollWrite()) victim_->WriteDone(write->write, now_);
  DrainOutputs();
  while (auto event = victim_->PollEvent()) events_.push_back(std::move(*event));
}

void HostilePeer::DrainOutputs() {
  while (const auto output = victim_->PollOutput(now_)) {
    Observe(*output);
    victim_->SetBuffered(output->lane, 0, now_);
  }
}

void HostilePeer::Observe(const Output& output) {
  std::vector<uint8_t> message(output.message.begin(), output.message.end());
  if (PeekRecordKind(message) == RecordKind::kHandshake) {
    hello_ = message;
    return;
  }
  const Result<MutableByteView> opened = LaneOf(output.lane).OpenRecord(message, now_);
  if (!opened.ok()) return;
  ByteReader reader(opened.value());
  while (!reader.AtEnd()) {
    const Result<Frame> frame = DecodeFrame(reader);
    if (!frame.ok()) return;
    if (const auto* close = std::get_if<CloseFrame>(&frame.value())) close_code_ = close->code;
    if (const auto* ping = std::get_if<PingFrame>(&frame.value())) last_ping_ = ping->token;
    if (const auto* ack = std::get_if<AckFrame>(&frame.value())) acks_[ack->lane] = *ack;
  }
}

void HostilePeer::AcknowledgeControl() {
  AckFrame ack;
  ack.lane = kControlLane;
  ack.ranges[ack.range_count++] = Range{0, victim_->control_lane()->sent().next_number().value};
  SendFrame(ack);
}

std::string HostilePeer::CloseCode() {
  Drain();
  for (const Event& event : events_) {
    if (event.type == EventType::kClosed) return std::string(ErrorCodeName(event.error.code));
  }
  return "";
}

std::optional<ErrorCode> HostilePeer::CloseCodeOnWire() {
  Drain();
  return close_code_;
}

}  // namespace millrace::testing
