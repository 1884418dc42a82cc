// A raw data channel, used as most applications do: as much as bufferedAmount lets it, in messages
// of 64 KiB, with 8 MiB as the high and 1 MiB as the low water mark, on one connection.
#pragma once

#include "support/sctp_network.h"

namespace millrace::testing {

class RawChannel {
 public:
  static constexpr size_t kMessageBytes = 64 * 1024;
  static constexpr size_t kHighWater = 8 * 1024 * 1024;
  static constexpr size_t kLowWater = 1024 * 1024;
  static constexpr uint64_t kEndless = UINT64_MAX;

  // Sends `bytes` from `sender` to the other side, once Fill is called.
  RawChannel(SctpNetwork& network, size_t sender, uint64_t bytes = kEndless);

  ConnectionId connection() const { return connection_; }
  // Sends more if there is room; to be called whenever something has happened.
  void Fill();
  // A message of this connection has arrived.
  void OnMessage(size_t bytes);

  uint64_t received_bytes() const { return received_; }
  bool done() const { return received_ == bytes_; }
  // The longest time without a whole message until now.
  Duration LongestSilence() const;

 private:
  SctpNetwork& network_;
  size_t sender_;
  uint64_t bytes_;
  ConnectionId connection_;
  bool filling_ = true;
  uint64_t sent_ = 0;
  uint64_t received_ = 0;
  Timestamp last_message_;
  Duration longest_silence_{};
};

}  // namespace millrace::testing
