// The closed list of what can go wrong. The same words reach the web as `MillraceError.code`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace millrace {

// The values travel in CLOSE and CANCEL frames (PROTOCOL, "Error codes"): add at the end, never
// renumber.
enum class ErrorCode : uint8_t {
  kClosed = 0,                 // Ended in good order by one of the sides.
  kCancelled = 1,              // A person or program stopped the transfer.
  kRejected = 2,               // The receiver declined the offer.
  kHandshakeFailed = 3,        // No common version, or the keys could not be agreed on.
  kBadRecord = 4,              // A record was malformed or not sealed with the session's keys.
  kProtocolViolation = 5,      // A sealed record said something that the protocol forbids.
  kTooLarge = 6,               // Something passed a stated limit.
  kLaneClosed = 7,             // A data channel closed while it was needed.
  kConnectionLost = 8,         // Nothing was heard from the peer for too long.
  kTimeout = 9,                // A step that has a deadline missed it.
  kSourceFailed = 10,          // The sender could not read the file.
  kSourceChanged = 11,         // The file changed or shrank while it was sent.
  kSinkFailed = 12,            // The receiver could not write the file.
  kOutOfSpace = 13,            // The receiver has no room for the file.
  kHashMismatch = 14,          // What arrived is not what the sender hashed.
  kAborted = 15,               // The caller's abort signal fired.
  kInvalidArgument = 16,       // The caller passed something unusable.
  kInternal = 17,              // A defect of this library.
  kConnectionFailed = 18,      // No path to the peer was found.
  kSignalingFailed = 19,       // The signalling could not be used.
  kNotSupported = 20,          // This browser or this version can not do it.
  kAuthenticationFailed = 21,  // Another secret on the other side, or someone in between.
};

// The stable name of a code, for example "lane-closed".
std::string_view ErrorCodeName(ErrorCode code);

// The code of a name; nothing where the name is none of ours.
std::optional<ErrorCode> ErrorCodeFromName(std::string_view name);

// The code of a number off the wire; a number this version does not know reads as kInternal.
ErrorCode ErrorCodeFromWire(uint64_t value);

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string detail;  // One sentence for a person; may quote the peer.
};

// A value or the error that stood in its way.
template <typename T>
class Result {
 public:
  Result(T value) : value_(std::move(value)) {}      // NOLINT: implicit by design
  Result(Error error) : error_(std::move(error)) {}  // NOLINT: implicit by design

  bool ok() const { return value_.has_value(); }
  T& value() { return *value_; }
  const T& value() const { return *value_; }
  const Error& error() const { return error_; }

 private:
  std::optional<T> value_;
  Error error_;
};

struct Unit {};

// Success without a value, or an error.
class Status : public Result<Unit> {
 public:
  using Result<Unit>::Result;
  static Status Ok() { return Status(Unit{}); }
};

inline Error Violation(std::string_view detail) {
  return Error{ErrorCode::kProtocolViolation, std::string(detail)};
}

}  // namespace millrace
