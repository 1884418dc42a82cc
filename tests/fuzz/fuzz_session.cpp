// A session against a peer that holds the keys: the input is a list of steps, each a sealed
// plaintext on a lane, a raw message, an answer of the victim's user, or time. Whatever happens,
// memory stays within the pools and the session ends only with a typed error.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "support/hostile_peer.h"

namespace millrace {
namespace {

using testing::HostilePeer;

const SessionOptions& SmallOptions() {
  static const SessionOptions options = [] {
    SessionOptions small;
    small.send_pool_bytes = 256 * 1024;
    small.receive_pool_bytes = 1024 * 1024;
    return small;
  }();
  return options;
}

void CheckInvariants(HostilePeer& peer) {
  if (peer.victim().receive_pool_used() > SmallOptions().receive_pool_bytes) std::abort();
  if (peer.victim().send_pool_used() > SmallOptions().send_pool_bytes) std::abort();
}

void Answer(HostilePeer& peer, uint8_t choice) {
  Session& victim = peer.victim();
  const TransferId theirs = peer.OwnTransfer(choice >> 4);
  switch (choice & 7) {
    case 0:
      return victim.Accept(theirs, peer.now());
    case 1:
      return victim.Reject(theirs, "no", peer.now());
    case 2:
      return victim.SetPaused(theirs, (choice & 8) != 0, peer.now());
    case 3:
      return victim.Fail(theirs, ErrorCode::kCancelled, "", peer.now());
    case 4:
      victim.Offer({FileInfo{static_cast<uint64_t>(choice) * 1000, 0, "f", ""}}, {}, peer.now());
      return;
    case 5:
      while (const auto read = victim.PollRead()) {
        std::fill(read->bytes.begin(), read->bytes.end(), choice);
        victim.ReadDone(read->piece, read->bytes.size(), peer.now());
      }
      return;
    case 6:
      return victim.FileStored(theirs, FileIndex(0), peer.now());
    default:
      return peer.Drain();
  }
}

void Run(ByteReader& input) {
  HostilePeer peer(1, SmallOptions());
  while (!input.AtEnd() && !peer.victim().closed()) {
    const uint8_t step = input.U8();
    const size_t length = input.U16() % 2048;
    const ByteView bytes = input.Bytes(std::min(length, input.rest().size()));
    const LaneId lane = (step & 1) != 0 ? kControlLane : HostilePeer::kBulk;
    switch (step >> 1 & 3) {
      case 0:
      case 1:
        peer.SendPlaintext(lane, {bytes.begin(), bytes.end()});
        break;
      case 2:
        peer.SendRaw(lane, {bytes.begin(), bytes.end()});
        break;
      default:
        if (!bytes.empty()) Answer(peer, bytes.front());
    }
    CheckInvariants(peer);
  }
  peer.Drain();
  CheckInvariants(peer);
}

}  // namespace
}  // namespace millrace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  millrace::ByteReader input(millrace::ByteView(data, size));
  millrace::Run(input);
  return 0;
}
