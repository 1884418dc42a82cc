#include "base/error.h"

#include <array>

namespace millrace {
namespace {

struct NamedCode {
  ErrorCode code;
  std::string_view name;
};

constexpr std::array<NamedCode, 22> kNames = {{
    {ErrorCode::kClosed, "closed"},
    {ErrorCode::kCancelled, "cancelled"},
    {ErrorCode::kRejected, "rejected"},
    {ErrorCode::kHandshakeFailed, "handshake-failed"},
    {ErrorCode::kBadRecord, "bad-record"},
    {ErrorCode::kProtocolViolation, "protocol-violation"},
    {ErrorCode::kTooLarge, "too-large"},
    {ErrorCode::kLaneClosed, "lane-closed"},
    {ErrorCode::kConnectionLost, "connection-lost"},
    {ErrorCode::kTimeout, "timeout"},
    {ErrorCode::kSourceFailed, "source-failed"},
    {ErrorCode::kSourceChanged, "source-changed"},
    {ErrorCode::kSinkFailed, "sink-failed"},
    {ErrorCode::kOutOfSpace, "out-of-space"},
    {ErrorCode::kHashMismatch, "hash-mismatch"},
    {ErrorCode::kAborted, "aborted"},
    {ErrorCode::kInvalidArgument, "invalid-argument"},
    {ErrorCode::kInternal, "internal"},
    {ErrorCode::kConnectionFailed, "connection-failed"},
    {ErrorCode::kSignalingFailed, "signaling-failed"},
    {ErrorCode::kNotSupported, "not-supported"},
    {ErrorCode::kAuthenticationFailed, "authentication-failed"},
}};

}  // namespace

std::string_view ErrorCodeName(ErrorCode code) {
  for (const NamedCode& entry : kNames) {
    if (entry.code == code) return entry.name;
  }
  return "internal";
}

std::optional<ErrorCode> ErrorCodeFromName(std::string_view name) {
  for (const NamedCode& entry : kNames) {
    if (entry.name == name) return entry.code;
  }
  return std::nullopt;
}

ErrorCode ErrorCodeFromWire(uint64_t value) {
  if (value >= kNames.size()) return ErrorCode::kInternal;
  return static_cast<ErrorCode>(value);
}

}  // namespace millrace
