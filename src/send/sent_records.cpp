#include "send/sent_records.h"

#include <algorithm>

namespace millrace {

void SentRecords::OnSent(std::optional<PieceId> piece, Timestamp now) {
  records_.push_back(Sent{piece, now});
}

Status SentRecords::OnAck(const AckFrame& ack, std::vector<PieceId>& acked) {
  if (ack.range_count > 0 && ack.ranges[0].end > next_number().value) {
    return Violation("the peer acknowledged a record that was never sent");
  }
  for (const Range& range : ack.used()) {
    for (uint64_t number = std::max(range.begin, base_); number < range.end; ++number) {
      Sent& sent = records_[static_cast<size_t>(number - base_)];
      if (sent.acked) continue;
      sent.acked = true;
      if (sent.piece) acked.push_back(*sent.piece);
    }
  }
  while (!records_.empty() && records_.front().acked) {
    records_.pop_front();
    ++base_;
  }
  return Status::Ok();
}

}  // namespace millrace
