#include "emulator/link_history.h"

#include <algorithm>
#include <cmath>

namespace millrace::emulator {

void LinkHistory::Begin(Time now) {
  begin_ = now;
  totals_ = {};
  buckets_.clear();
}

void LinkHistory::Offered(uint32_t wire_bytes) {
  ++totals_.offered_packets;
  totals_.offered_bytes += wire_bytes;
}

void LinkHistory::Carried(Time now, uint32_t wire_bytes, Nanoseconds queue_delay) {
  ++totals_.carried_packets;
  totals_.carried_bytes += wire_bytes;
  if (LinkBucket* bucket = BucketAt(now)) bucket->carried_bytes += wire_bytes;
  Waited(now, queue_delay);
}

void LinkHistory::Dropped(Time now, Drop why) {
  LinkBucket* bucket = BucketAt(now);
  switch (why) {
    case Drop::kQueue:
      ++totals_.dropped_by_queue;
      break;
    case Drop::kLoss:
      ++totals_.dropped_by_loss;
      break;
    case Drop::kBlackout:
      ++totals_.dropped_by_blackout;
      break;
  }
  if (bucket == nullptr) return;
  ++(why == Drop::kQueue ? bucket->dropped_by_queue : bucket->dropped_otherwise);
}

void LinkHistory::Waited(Time now, Nanoseconds queue_delay) {
  LinkBucket* bucket = BucketAt(now);
  if (bucket == nullptr) return;
  const auto delay_us = static_cast<uint32_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(queue_delay).count());
  bucket->queue_delay_us = std::max(bucket->queue_delay_us, delay_us);
}

Nanoseconds LinkHistory::QueueDelayQuantile(double share) const {
  const auto busy = [](const LinkBucket& bucket) { return bucket.carried_bytes > 0; };
  const auto first = std::find_if(buckets_.begin(), buckets_.end(), busy);
  if (first == buckets_.end()) return Nanoseconds(0);
  const auto last = std::find_if(buckets_.rbegin(), buckets_.rend(), busy).base();
  std::vector<uint32_t> delays_us;
  delays_us.reserve(static_cast<size_t>(last - first));
  for (auto bucket = first; bucket != last; ++bucket) delays_us.push_back(bucket->queue_delay_us);
  // The nearest rank: the smallest value that at least this share of all does not exceed.
  const auto rank =
      static_cast<ptrdiff_t>(std::ceil(share * static_cast<double>(delays_us.size())));
  const auto index =
      std::clamp<ptrdiff_t>(rank - 1, 0, static_cast<ptrdiff_t>(delays_us.size()) - 1);
  std::nth_element(delays_us.begin(), delays_us.begin() + index, delays_us.end());
  return std::chrono::microseconds(delays_us[static_cast<size_t>(index)]);
}

LinkBucket* LinkHistory::BucketAt(Time now) {
  const auto index = static_cast<size_t>((now - begin_) / kBucketSpan);
  if (index >= kMaxBuckets) return nullptr;
  if (index >= buckets_.size()) buckets_.resize(index + 1);
  return &buckets_[index];
}

}  // namespace millrace::emulator
