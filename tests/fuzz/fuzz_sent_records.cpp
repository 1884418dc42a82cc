// Both ends of a lane, SentRecords and ReceivedRecords, over a channel that drops, doubles and
// reorders as the input says, against a model that remembers every record: each piece is settled at
// most once and in the right order, what is on its way is counted, and what was never sent cannot
// be acknowledged.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <vector>

#include "fuzz/check.h"
#include "lanes/received_records.h"
#include "lanes/sent_records.h"

namespace millrace {
namespace {

using testing::Check;

enum class Fate : uint8_t { kOnItsWay, kLost, kAcked };

// Enough to make both sides forget.
constexpr size_t kMostRecords = 10'000;

struct Record {
  bool bulk = false;  // It carries a piece, whose id is the record's number; else only padding.
  Timestamp sent_at;
  Fate fate = Fate::kOnItsWay;
};

template <typename List>
auto At(List& list, size_t choice) {
  return list.begin() + static_cast<std::ptrdiff_t>(choice % list.size());
}

class Lane {
 public:
  explicit Lane(Delivery delivery) : delivery_(delivery), sent_(delivery) {}

  void Step(ByteReader& input) {
    const uint8_t step = input.U8();
    const uint8_t choice = step >> 4;
    switch (step & 15) {
      case 0:
      case 1:
        return Send(1 + choice, true);
      case 2:
        return Send(1, false);
      case 3:
        return Send(300, true);
      case 4:
      case 5:
        return Deliver(choice, true);
      case 6:
        return Deliver(choice, false);
      case 7:
        return DeliverEveryOther();
      case 8:
        if (!flying_.empty()) flying_.erase(At(flying_, choice));
        return;
      case 9:
        return Acknowledge();
      case 10:
        if (!acks_.empty()) TakeAck(At(acks_, choice)->frame);
        return;
      case 11:
        return Lie(input);
      case 12:
        now_ = now_ + Duration::Micros(int64_t{1} << (choice + 10));
        return;
      case 13:
        return DetectLosses();
      case 14:
        return choice < 4 ? Probe(choice) : Confirm(choice);
      default:
        if (choice == 15) End();
    }
  }

  bool ended() const { return ended_; }

  void CheckInvariants() {
    Check(sent_.next_number().value == records_.size());
    const auto on_its_way = std::count_if(
        records_.begin(), records_.end(),
        [](const Record& record) { return record.fate == Fate::kOnItsWay && record.bulk; });
    Check(sent_.in_flight() == static_cast<size_t>(on_its_way));
    Check(sent_.lost_records() == lost_);
    Check(sent_.remembered() <= SentRecords::kMostRemembered + sent_.in_flight());
    Check(sent_.next_timeout().IsNever() == (on_its_way == 0));
  }

 private:
  void Send(size_t count, bool bulk) {
    for (size_t i = 0; i < count && records_.size() < kMostRecords; ++i) {
      const uint64_t number = records_.size();
      sent_.OnSent(bulk ? std::optional(PieceId(number)) : std::nullopt, 100, bulk, now_);
      records_.push_back(Record{bulk, now_, Fate::kOnItsWay});
      flying_.push_back(number);
    }
  }

  void Deliver(size_t choice, bool once) {
    if (flying_.empty()) return;
    const auto at = At(flying_, choice);
    const uint64_t number = *at;
    if (once) flying_.erase(at);
    Receive(number);
  }

  void DeliverEveryOther() {
    std::deque<uint64_t> left;
    for (size_t i = 0; i < flying_.size(); ++i) {
      if (i % 2 == 0) {
        left.push_back(flying_[i]);
      } else {
        Receive(flying_[i]);
      }
    }
    flying_ = left;
  }

  void Receive(uint64_t number) {
    const bool is_new = arrived_.count(number) == 0;
    const bool taken = received_.Insert(PacketNumber(number), now_);
    Check(is_new || !taken);
    // A new one may be dropped only where too many gaps made the receiver forget.
    Check(taken || !is_new || forgets_);
    if (!taken) return;
    unconfirmed_.insert(number);
    if (arrived_.empty() || number > *arrived_.rbegin()) newest_at_ = now_;
    arrived_.insert(number);
    ranges_.Insert(number, number + 1);
    forgets_ = forgets_ || ranges_.ranges().size() > kMaxGaps;
    if (records_[static_cast<size_t>(number)].bulk) received_.OnAckEliciting(now_);
    Check(received_.ack_due().IsNever() ||
          received_.ack_due() <= now_ + ReceivedRecords::kMaxAckDelay);
  }

  void Acknowledge() {
    const AckFrame ack = received_.TakeAck(LaneId(1));
    Check(received_.confirmed() == (ack.range_count == 0));
    if (ack.range_count == 0) return;
    Check(received_.ack_due().IsNever());
    Check(ack.range_count <= kMaxAckRanges);
    Check(ack.ranges[0].end == *unconfirmed_.rbegin() + 1);
    Check(ack.largest_received_at == newest_at_);
    for (size_t i = 0; i < ack.range_count; ++i) {
      const Range& range = ack.ranges[i];
      Check(range.begin < range.end);
      Check(i == 0 || range.end < ack.ranges[i - 1].begin);
      for (uint64_t n = range.begin; n < range.end; ++n) Check(unconfirmed_.count(n) == 1);
      Check(unconfirmed_.count(range.end) == 0);
    }
    received_.ExpectConfirmation(PacketNumber(next_pulse_));
    // Over the wire and back.
    std::vector<uint8_t> bytes(2048);
    ByteWriter writer(bytes);
    EncodeFrame(ack, writer);
    Check(writer.ok());
    ByteReader reader(writer.written());
    const Result<Frame> decoded = DecodeFrame(reader);
    Check(decoded.ok() && reader.AtEnd());
    acks_.push_back({std::get<AckFrame>(decoded.value()), next_pulse_++, unconfirmed_});
    if (acks_.size() > 16) acks_.pop_front();
  }

  // The peer answers the ping beside an acknowledgement, in any order. What is forgotten then was
  // in an acknowledgement that the peer has.
  void Confirm(size_t choice) {
    if (acks_.empty()) return;
    const Ack& ack = *At(acks_, choice);
    received_.OnConfirmed(PacketNumber(ack.pulse_record));
    std::set<uint64_t> kept;
    for (const uint64_t number : unconfirmed_) {
      if (ack.numbers.count(number) == 0) kept.insert(number);
    }
    const AckFrame next = received_.TakeAck(LaneId(1));
    const bool all = NamesNewestOf(kept, next);
    const bool nothing = NamesNewestOf(unconfirmed_, next);
    Check(all || nothing || forgets_);
    // A frame that is full may look the same either way.
    const bool is_known = all != nothing || kept == unconfirmed_;
    if (forgets_ || !is_known) {
      ended_ = true;
      return;
    }
    if (all) unconfirmed_ = kept;
  }

  // Whether the frame has the newest ranges of these numbers, as many as it can.
  static bool NamesNewestOf(const std::set<uint64_t>& numbers, const AckFrame& ack) {
    RangeSet ranges;
    for (const uint64_t number : numbers) ranges.Insert(number, number + 1);
    const auto all = ranges.ranges();
    if (ack.range_count != std::min<size_t>(all.size(), kMaxAckRanges)) return false;
    return std::equal(ack.ranges.begin(),
                      ack.ranges.begin() + static_cast<std::ptrdiff_t>(ack.range_count),
                      all.rbegin());
  }

  // An acknowledgement of the peer's own making: of what has not arrived, or was never sent.
  void Lie(ByteReader& input) {
    AckFrame ack;
    const uint64_t end = input.U16() % (records_.size() + 2) + 1;
    ack.ranges[0] = Range{end - std::min<uint64_t>(end, 1 + input.U8()), end};
    ack.range_count = 1;
    TakeAck(ack);
  }

  void TakeAck(const AckFrame& ack) {
    AckedRecords acked;
    const Status status = sent_.OnAck(ack, now_, acked);
    if (ack.ranges[0].end > records_.size()) {
      Check(!status.ok() && status.error().code == ErrorCode::kProtocolViolation);
      Check(acked.pieces.empty() && acked.bytes == 0);
      return;
    }
    Check(status.ok());
    std::set<uint64_t> told;
    for (const PieceId piece : acked.pieces) {
      Check(told.insert(piece.value).second);
      Check(records_[static_cast<size_t>(piece.value)].bulk);
    }
    for (const Range& range : ack.used()) {
      for (uint64_t number = range.begin; number < range.end; ++number) SettleAcked(number, told);
    }
    Check(told.empty());
  }

  void SettleAcked(uint64_t number, std::set<uint64_t>& told) {
    Record& record = records_[static_cast<size_t>(number)];
    const bool was_told = told.erase(number) == 1;
    if (record.fate == Fate::kAcked) return Check(!was_told);
    const bool forgettable =
        record.fate == Fate::kLost &&
        ((largest_acked_ && number + SentRecords::kLateRecords <= *largest_acked_) ||
         number + SentRecords::kMostRemembered < records_.size());
    largest_acked_ = std::max(largest_acked_.value_or(0), number);
    Check(was_told || !record.bulk || forgettable);
    if (!was_told && forgettable) return;
    // It arrived after it was given up for lost.
    if (record.fate == Fate::kLost) --lost_;
    record.fate = Fate::kAcked;
  }

  void DetectLosses() {
    const std::vector<PieceId> pieces = sent_.DetectLosses(now_);
    std::set<uint64_t> told;
    for (const PieceId piece : pieces) Check(told.insert(piece.value).second);
    for (uint64_t number = 0; number < records_.size(); ++number) {
      Record& record = records_[static_cast<size_t>(number)];
      const bool open = record.bulk && record.fate == Fate::kOnItsWay;
      if (told.erase(number) == 1) {
        Check(open && (IsOvertaken(number) || IsOverdue(number, record)));
        Lose(record);
      } else {
        Check(!open || !IsOvertaken(number));
      }
    }
    Check(told.empty());
  }

  bool IsOvertaken(uint64_t number) const {
    return delivery_ == Delivery::kUnreliable && largest_acked_ &&
           number + SentRecords::kPacketThreshold <= *largest_acked_;
  }

  // Old enough to be lost, by the smaller of what the two rules could mean.
  bool IsOverdue(uint64_t number, const Record& record) const {
    if (!largest_acked_ || number >= *largest_acked_) return false;
    const Duration rtt = sent_.round_trip().smoothed().value_or(SentRecords::kInitialProbeTimeout);
    const Duration least = delivery_ == Delivery::kUnreliable
                               ? rtt
                               : std::max(rtt * 4, SentRecords::kReliableLossDelay);
    return now_ - record.sent_at >= least;
  }

  void Probe(size_t most) {
    if (!sent_.ProbeDue(now_)) return;
    Check(sent_.in_flight() > 0);
    sent_.OnProbe(now_);
    Check(sent_.stalled());
    Check(!sent_.ProbeDue(now_));
    for (size_t i = 0; i < most; ++i) {
      const auto oldest = std::find_if(records_.begin(), records_.end(), [](const Record& record) {
        return record.fate == Fate::kOnItsWay && record.bulk;
      });
      const std::optional<PieceId> piece = sent_.TakeOldest();
      Check(piece.has_value() == (oldest != records_.end()));
      if (!piece) return;
      Check(piece->value == static_cast<uint64_t>(oldest - records_.begin()));
      Lose(*oldest);
    }
  }

  // The lane is gone: all that is on its way is answered, once.
  void End() {
    const std::vector<PieceId> pieces = sent_.TakeAll();
    std::vector<uint64_t> expected;
    for (uint64_t number = 0; number < records_.size(); ++number) {
      Record& record = records_[static_cast<size_t>(number)];
      if (record.fate != Fate::kOnItsWay || !record.bulk) continue;
      expected.push_back(number);
      record.fate = Fate::kLost;
    }
    Check(pieces.size() == expected.size());
    for (size_t i = 0; i < pieces.size(); ++i) Check(pieces[i].value == expected[i]);
    ended_ = true;
  }

  void Lose(Record& record) {
    record.fate = Fate::kLost;
    ++lost_;
  }

  Delivery delivery_;
  SentRecords sent_;
  ReceivedRecords received_;
  Timestamp now_ = Timestamp::FromMicros(1'000'000);
  std::vector<Record> records_;
  std::deque<uint64_t> flying_;
  struct Ack {
    AckFrame frame;
    uint64_t pulse_record;
    std::set<uint64_t> numbers;
  };
  std::deque<Ack> acks_;
  uint64_t next_pulse_ = 0;
  std::set<uint64_t> unconfirmed_;
  std::set<uint64_t> arrived_;
  Timestamp newest_at_;
  RangeSet ranges_;       // The same as arrived_.
  bool forgets_ = false;  // The receiver has more gaps behind it than it keeps.
  std::optional<uint64_t> largest_acked_;
  uint64_t lost_ = 0;
  bool ended_ = false;
};

}  // namespace
}  // namespace millrace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1 || size > 512) return 0;
  millrace::ByteReader input(millrace::ByteView(data, size));
  const bool unreliable = (input.U8() & 1) != 0;
  millrace::Lane lane(unreliable ? millrace::Delivery::kUnreliable : millrace::Delivery::kReliable);
  while (!input.AtEnd() && !lane.ended()) {
    lane.Step(input);
    lane.CheckInvariants();
  }
  return 0;
}
