#include "mesh/message_queue.h"

#include <algorithm>
#include <utility>

namespace millrace {

bool MessageQueue::Push(Level level, ByteView packet, Timestamp now) {
  const size_t own = static_cast<size_t>(level);
  std::vector<uint8_t> framed(VarintLength(packet.size()) + packet.size());
  ByteWriter writer(framed);
  writer.LengthPrefixed(packet);

  size_t lower_bytes = 0;
  for (size_t i = 0; i < own; ++i) lower_bytes += level_bytes_[i];
  if (bytes_ - lower_bytes + framed.size() > options_.max_bytes) return false;
  for (size_t i = 0; bytes_ + framed.size() > options_.max_bytes; ++i) {
    while (!queues_[i].empty() && bytes_ + framed.size() > options_.max_bytes) {
      const size_t size = queues_[i].back().packet.size();
      queues_[i].pop_back();
      level_bytes_[i] -= size;
      bytes_ -= size;
      ++dropped_;
    }
  }
  level_bytes_[own] += framed.size();
  bytes_ += framed.size();
  queue(level).push_back({std::move(framed), now});
  return true;
}

Timestamp MessageQueue::DueAt(Duration delay, Timestamp now) const {
  if (empty()) return Timestamp::Never();
  const bool urgent = level_bytes_[static_cast<size_t>(Level::kUrgent)] > 0;
  if (urgent || bytes_ >= options_.batch_bytes) return now;
  Timestamp since = now;
  for (const std::deque<Waiting>& waiting : queues_) {
    if (!waiting.empty()) since = std::min(since, waiting.front().since);
  }
  return since + delay;
}

std::optional<std::vector<uint8_t>> MessageQueue::PopBatch() {
  if (empty()) return std::nullopt;
  std::vector<uint8_t> batch;
  for (size_t i = kLevels; i-- > 0;) {
    while (!queues_[i].empty()) {
      const std::vector<uint8_t>& next = queues_[i].front().packet;
      if (!batch.empty() && batch.size() + next.size() > options_.batch_bytes) return batch;
      batch.insert(batch.end(), next.begin(), next.end());
      level_bytes_[i] -= next.size();
      bytes_ -= next.size();
      queues_[i].pop_front();
    }
  }
  return batch;
}

}  // namespace millrace
