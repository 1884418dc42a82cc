// What a transfer waits for, as shares of the time that it has run.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/time.h"

namespace millrace {

enum class Waiting : uint8_t {
  kSource,   // Bytes that are being read.
  kSeal,     // This side's processor: hashing, sealing, handing over.
  kChannel,  // Room in the channels' buffers, below their high marks.
  kNetwork,  // The link: pacing, full windows, acknowledgements.
  kSink,     // The peer, which has no room until its sink has written.
};
inline constexpr size_t kWaitings = 5;

// Indexed by Waiting; adds up to 1.
using WaitingShares = std::array<double, kWaitings>;

class WaitingTimes {
 public:
  // Indexed by Waiting, at some moment.
  using Totals = std::array<Duration, kWaitings>;

  // The transfer waits for this from `now` on; nothing: there is nothing to do, and the time does
  // not count. A time before the last one counts as the last one.
  void Set(std::optional<Waiting> waiting, Timestamp now) {
    Settle(now);
    waiting_ = waiting;
  }
  std::optional<Waiting> current() const { return waiting_; }

  Totals TotalsAt(Timestamp now) const {
    WaitingTimes settled = *this;
    settled.Settle(now);
    return settled.totals_;
  }
  // Shares of the time between the totals of two moments; nothing where none of it counted.
  static std::optional<WaitingShares> Between(const Totals& earlier, const Totals& later) {
    Duration sum;
    for (size_t i = 0; i < kWaitings; ++i) sum = sum + (later[i] - earlier[i]);
    if (sum <= Duration()) return std::nullopt;
    WaitingShares shares{};
    for (size_t i = 0; i < kWaitings; ++i) {
      shares[i] = (later[i] - earlier[i]).seconds() / sum.seconds();
    }
    return shares;
  }

 private:
  void Settle(Timestamp now) {
    if (waiting_ && now > since_) {
      Duration& total = totals_[static_cast<size_t>(*waiting_)];
      total = total + (now - since_);
    }
    if (now > since_) since_ = now;
  }

  std::optional<Waiting> waiting_;
  Timestamp since_;
  Totals totals_{};
};

// Waiting times since a moment that can be reset.
class WaitingClock {
 public:
  void Set(std::optional<Waiting> waiting, Timestamp now) { times_.Set(waiting, now); }
  std::optional<Waiting> current() const { return times_.current(); }
  // The shares count from now on.
  void Begin(Timestamp now) { from_ = times_.TotalsAt(now); }
  // Nothing where none of the time counted.
  std::optional<WaitingShares> Shares(Timestamp now) const {
    return WaitingTimes::Between(from_, times_.TotalsAt(now));
  }
  WaitingTimes::Totals TotalsAt(Timestamp now) const { return times_.TotalsAt(now); }

 private:
  WaitingTimes times_;
  WaitingTimes::Totals from_{};
};

}  // namespace millrace
