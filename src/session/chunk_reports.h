// Reports the state of the link to the chunk sizer, a few times a second while bulk moves.
#pragma once

#include "control/chunk_sizer.h"

namespace millrace {

class ChunkReports {
 public:
  // Short enough that a person notices no delay.
  static constexpr Duration kInterval = Duration::Millis(250);

  struct Link {
    Duration round_trip;
    Duration jitter;
    double loss = 0;          // 0 to 1.
    double buffer_level = 0;  // The emptiest channel's share of its high water mark, 0 to 1.
  };

  explicit ChunkReports(const ChunkSizerOptions& options) : sizer_(options) {}

  void OnSent() { totals_.chunks_sent += 1; }
  void OnAcked(size_t bytes, size_t chunks) {
    totals_.bytes_transferred += static_cast<double>(bytes);
    totals_.chunks_acked += static_cast<double>(chunks);
  }
  bool IsDue(Timestamp now) const { return now >= next_; }
  void Report(const Link& link, Timestamp now) {
    next_ = now + kInterval;
    ChunkMetrics metrics = totals_;
    metrics.timestamp_ms = static_cast<double>(now.micros()) / 1000;
    metrics.rtt_ms = link.round_trip.millis();
    metrics.jitter_ms = link.jitter.millis();
    metrics.loss = link.loss;
    metrics.buffer_level = link.buffer_level;
    sizer_.Report(metrics);
  }

  ChunkSizer& sizer() { return sizer_; }
  const ChunkSizer& sizer() const { return sizer_; }
  // Bytes of bulk since the session began.
  double acked_bytes() const { return totals_.bytes_transferred; }

 private:
  ChunkSizer sizer_;
  ChunkMetrics totals_;
  Timestamp next_;
};

}  // namespace millrace
