#include "lanes/sealed_lane.h"

#include <algorithm>

#include "crypto/record_protection.h"
#include "wire/record.h"

namespace millrace {
namespace {

static_assert(kRecordTagBytes == kTagBytes);
static_assert(OpeningKeys::kLateRecords >= SentRecords::kMostRemembered);

}  // namespace

void SealedLane::SetKeys(const SessionSecrets& secrets, uint64_t records_per_epoch) {
  sealing_keys_ = SealingKeys(DeriveLaneKey(secrets.master, secrets.role, id()), records_per_epoch);
  opening_keys_ =
      OpeningKeys(DeriveLaneKey(secrets.master, Opposite(secrets.role), id()), records_per_epoch);
  encrypted_ = secrets.agreement.encrypted;
  has_keys_ = true;
}

void SealedLane::ForgetKeys() {
  has_keys_ = false;
  sealing_keys_.Forget();
  opening_keys_.Forget();
}

ByteView SealedLane::SealRecord(const RecordContent& content, std::optional<PieceId> piece,
                                bool eliciting, Timestamp now, MutableByteView out) {
  const PacketNumber number = sent().next_number();
  const SecretKey& key = sealing_keys_.KeyFor(number);
  const MutableByteView message = out.first(content.size() + kRecordOverheadBytes);
  EncodeRecordHeader({static_cast<uint8_t>(sealing_keys_.epoch()), number}, message);
  const MutableByteView body = message.subspan(kRecordHeaderBytes);
  const auto padding_end = std::fill_n(body.begin(), content.padding, uint8_t{0});
  const auto head_end = std::copy(content.frames.begin(), content.frames.end(), padding_end);
  if (encrypted_) {
    const auto head_bytes = static_cast<size_t>(head_end - body.begin());
    SealWithPayload(key, number, message.first(kRecordHeaderBytes), body, head_bytes,
                    content.payload);
  } else {
    std::copy(content.payload.begin(), content.payload.end(), head_end);
    Authenticate(key, number, message);
  }
  sent().OnSent(piece, message.size(), eliciting, now);
  CountSent(message.size());
  return message;
}

Result<MutableByteView> SealedLane::OpenRecord(MutableByteView message, Timestamp now) {
  const std::optional<RecordHeader> header = DecodeRecordHeader(message);
  if (!header || !has_keys_) {
    return Error{ErrorCode::kBadRecord, "the peer sent a malformed record"};
  }
  const PacketNumber number = header->number;
  const OpeningKeys::Place place = opening_keys_.PlaceOf(number);
  const auto epoch = static_cast<uint8_t>(opening_keys_.EpochOf(number));
  if (header->epoch != epoch || place == OpeningKeys::Place::kTooFar) {
    return Error{ErrorCode::kBadRecord, "the peer sent a record of another epoch"};
  }
  if (place == OpeningKeys::Place::kPast) return MutableByteView();
  const SecretKey& key = opening_keys_.KeyFor(number);
  std::optional<MutableByteView> plaintext;
  if (encrypted_) {
    plaintext =
        Open(key, number, message.first(kRecordHeaderBytes), message.subspan(kRecordHeaderBytes));
  } else if (IsAuthentic(key, number, message)) {
    plaintext = message.subspan(kRecordHeaderBytes, message.size() - kRecordOverheadBytes);
  }
  if (!plaintext) {
    return Error{ErrorCode::kBadRecord, "the peer sent a record that is not sealed with our keys"};
  }
  opening_keys_.OnOpened(number);
  if (!received().Insert(number, now)) return MutableByteView();
  return *plaintext;
}

void SealedLane::CountSent(size_t bytes) {
  gate().OnSent(bytes);
  counters().bytes_sent += bytes;
  counters().records_sent += 1;
}

void SealedLane::CountReceived(size_t bytes) {
  counters().bytes_received += bytes;
  counters().records_received += 1;
}

}  // namespace millrace
