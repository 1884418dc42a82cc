#include "session/lane.h"

#include "crypto/record_protection.h"
#include "wire/record.h"

namespace millrace {
namespace {

static_assert(kRecordTagBytes == kTagBytes);

// Keys do not change within a session yet, so there is one epoch.
constexpr uint8_t kEpoch = 0;

}  // namespace

void Lane::SetKeys(const SessionSecrets& secrets) {
  seal_key_ = DeriveLaneKey(secrets.master, secrets.role, id_, kEpoch);
  open_key_ = DeriveLaneKey(secrets.master, Opposite(secrets.role), id_, kEpoch);
  has_keys_ = true;
}

ByteView Lane::SealRecord(ByteView plaintext, std::optional<PieceId> piece, bool eliciting,
                          Timestamp now, MutableByteView out) {
  const RecordHeader header{kEpoch, sent_.next_number()};
  const MutableByteView message = out.first(plaintext.size() + kRecordOverheadBytes);
  EncodeRecordHeader(header, message);
  Seal(seal_key_, header.number, message.first(kRecordHeaderBytes), plaintext,
       message.subspan(kRecordHeaderBytes));
  sent_.OnSent(piece, message.size(), eliciting, now);
  CountSent(message.size());
  return message;
}

Result<MutableByteView> Lane::OpenRecord(MutableByteView message, Timestamp now) {
  const std::optional<RecordHeader> header = DecodeRecordHeader(message);
  if (!header || header->epoch != kEpoch) {
    return Error{ErrorCode::kBadRecord, "the peer sent a malformed record"};
  }
  const std::optional<MutableByteView> plaintext =
      Open(open_key_, header->number, message.first(kRecordHeaderBytes),
           message.subspan(kRecordHeaderBytes));
  if (!plaintext) {
    return Error{ErrorCode::kBadRecord, "the peer sent a record that is not sealed with our keys"};
  }
  if (!received_.Insert(header->number, now)) return MutableByteView();
  return *plaintext;
}

void Lane::CountSent(size_t bytes) {
  gate_.OnSent(bytes);
  counters_.bytes_sent += bytes;
  counters_.records_sent += 1;
}

void Lane::CountReceived(size_t bytes) {
  counters_.bytes_received += bytes;
  counters_.records_received += 1;
}

}  // namespace millrace
