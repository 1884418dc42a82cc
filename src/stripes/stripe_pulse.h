// Pings and pongs of a set of lanes, on a channel of their own that never retransmits: they measure
// the queue of the path. Any of them may be lost; the next one takes its place.
#pragma once

#include <deque>
#include <optional>

#include "measure/ping_sample.h"
#include "wire/frames.h"
#include "wire/owed_pongs.h"

namespace millrace {

class StripePulse {
 public:
  // Only the newest pings are remembered: more than two seconds of them.
  static constexpr size_t kMostPings = 512;
  // PONG and PING frames at most, in bytes.
  static constexpr size_t kMostBytes = OwedPongs::kMostBytes + 1 + 8;
  // A peer that answers no ping for so long does not know them, and gets no more.
  static constexpr Duration kAnswerTimeout = Duration::Seconds(2);

  struct Answer {
    PingSample sample;
    // Lanes held bulk when the ping left, so it may have waited for that.
    bool behind_bulk = false;
  };

  // The channel is open, or has closed.
  void Open();
  void Close() { open_ = false; }
  // The channel reports its bufferedAmount.
  void OnBuffered(size_t bytes) { buffered_ = bytes; }
  bool open() const { return open_; }
  // Whether the peer answers pings, as far as is known.
  bool is_answered() const { return answered_ || !unknown_; }

  void OnPing(const PingFrame& ping, Timestamp now) { pongs_.Add(ping, now); }
  // Nothing for a ping that was never sent, was answered before, or is not remembered any more.
  std::optional<Answer> OnPong(const PongFrame& pong, Timestamp now);

  // When the next ping is due while bulk moves; Never without a channel, or while it holds messages
  // that have not left yet.
  Timestamp PingDue(Duration interval) const {
    return HasRoom() && is_answered() ? pinged_at_ + interval : Timestamp::Never();
  }
  bool owes_pong() const { return !pongs_.empty() && HasRoom(); }
  // Write the PONGs that are owed, and a PING. `writer` has room for kMostBytes.
  void PackPongs(ByteWriter& writer) { pongs_.Pack(writer); }
  void PackPing(ByteWriter& writer, bool behind_bulk, Timestamp now);

 private:
  struct Ping {
    uint64_t token = 0;
    Timestamp sent_at;
    bool behind_bulk = false;
  };

  bool HasRoom() const { return open_ && buffered_ < kMostBytes; }

  bool open_ = false;
  size_t buffered_ = 0;
  OwedPongs pongs_;
  std::deque<Ping> pings_;  // Those without an answer, oldest first.
  uint64_t next_token_ = 1;
  Timestamp pinged_at_ = Timestamp::FromMicros(INT64_MIN / 2);
  Timestamp first_ping_at_ = Timestamp::Never();
  bool answered_ = false;
  bool unknown_ = false;  // No ping was answered before the timeout.
};

}  // namespace millrace
