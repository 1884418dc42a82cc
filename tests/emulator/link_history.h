// What a direction of the link carried and dropped: totals, and how it went over time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "emulator/link_settings.h"

namespace millrace::emulator {

enum class Drop { kQueue, kLoss, kBlackout };

struct LinkTotals {
  // Everything that was sent into the link, dropped or not.
  uint64_t offered_packets = 0;
  uint64_t offered_bytes = 0;
  // What left the bottleneck and was not lost.
  uint64_t carried_packets = 0;
  uint64_t carried_bytes = 0;
  uint64_t dropped_by_queue = 0;
  uint64_t dropped_by_loss = 0;
  uint64_t dropped_by_blackout = 0;
};

struct LinkBucket {
  uint32_t carried_bytes = 0;
  // The longest wait of a packet that left the queue in this bucket.
  uint32_t queue_delay_us = 0;
  uint32_t dropped_by_queue = 0;
  // Random, in bursts, and in blackouts.
  uint32_t dropped_otherwise = 0;
};

class LinkHistory {
 public:
  // Short against every round trip that is emulated, and 20 minutes fit into kMaxBuckets.
  static constexpr Nanoseconds kBucketSpan = std::chrono::milliseconds(10);
  static constexpr size_t kMaxBuckets = 120'000;

  // Forgets everything; time counts from `now` on.
  void Begin(Time now);

  void Offered(uint32_t wire_bytes);
  void Carried(Time now, uint32_t wire_bytes, Nanoseconds queue_delay);
  void Dropped(Time now, Drop why);
  // A lost packet waited, too.
  void Waited(Time now, Nanoseconds queue_delay);

  const LinkTotals& totals() const { return totals_; }
  // One per kBucketSpan from the beginning to the last thing that happened; after kMaxBuckets only
  // the totals go on.
  const std::vector<LinkBucket>& buckets() const { return buckets_; }

  // The queue delay that this share of the buckets does not exceed, 0–1, from the first to the
  // last bucket in which something left the queue; 0 where nothing did.
  Nanoseconds QueueDelayQuantile(double share) const;

 private:
  // Null where there are enough.
  LinkBucket* BucketAt(Time now);

  Time begin_;
  LinkTotals totals_;
  std::vector<LinkBucket> buckets_;
};

}  // namespace millrace::emulator
