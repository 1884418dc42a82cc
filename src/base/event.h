// What the core tells its user. Everything that happens once per transfer or file goes through
// here; what happens for every record (reads, writes, outputs) has its own polls.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "base/agreement.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/token.h"

namespace millrace {

enum class EventType : uint8_t {
  kEstablished,   // Keys are agreed on, and `agreement`; `flag`: this side opens the lanes.
  kDisconnected,  // The control lane is gone, or the one in its place did not shake hands in time;
                  // a new connection may take its place (Session::Reconnect).
  kReconnected,   // It has; transfers go on. `flag`: this side opens the lanes.
  kSilent,        // `flag`: the peer has left pings unanswered for Session::kSilence during a
                  // transfer, and the connection stays. Not `flag`: it has answered again.
  kLossy,         // Unreliable lanes lose more than they are worth: open reliable ones instead.
  kSignal,        // `text` is an in-band signalling message of the peer.
  kMessage,       // `bytes` is a message of the peer's application.
  kOffer,         // The peer offers `transfer`; its files can be asked for.
  kAccepted,      // The peer accepted `transfer`.
  kPaused,        // The peer paused (`flag`) or resumed `transfer`.
  kFileReceived,  // Every byte of `file` is written and hashes to `root`; store it, then say so.
  kDone,          // Every file of `transfer` has its receipt.
  kFailed,        // `transfer` ended with `error`; `flag`: the peer said so.
  kClosed,        // The session ended with `error`.
  kLaneRetired,  // `lane` is not used any more: close its connection. Others may be wanted instead.
};

// What both sides hold of a file in the end: the receipt.
struct FileProof {
  FileIndex file{};
  uint64_t size = 0;
  Digest root{};
};

struct Event {
  EventType type = EventType::kClosed;
  TransferId transfer{};
  TransferToken token{};  // kOffer.
  FileIndex file{};
  LaneId lane{};  // kLaneRetired.
  uint64_t size = 0;
  Digest root{};
  bool flag = false;
  Agreement agreement{};
  std::string text{};
  std::vector<uint8_t> bytes{};
  Error error{};
  std::vector<FileProof> proofs{};  // kDone: one a file, in the manifest's order.
};

using EventQueue = std::deque<Event>;

}  // namespace millrace
