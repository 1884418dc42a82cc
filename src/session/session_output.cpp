// The session's output: the next message, from whichever part has one to send.
#include <algorithm>

#include "session/session.h"
#include "wire/record.h"

namespace millrace {

std::optional<Output> Session::PollOutput(Timestamp now) {
  Touch(now);
  if (control_.frames().overflowed()) {
    CloseWith(Error{ErrorCode::kTooLarge, "too many control messages wait for the peer"},
              Ending::kFailure);
  }
  receive_waiting_.Set(FindReceiveWaiting(), now_);
  if (trace_) ObserveTrace();
  if (control_.lane() == nullptr) return std::nullopt;
  if (std::optional<Output> handshake = PollHandshake()) return handshake;
  if (!control_.lane()->has_keys()) return std::nullopt;
  if (!closed()) receiver_.GrantCredit();
  if (std::optional<Output> pulse = PollPulse()) return pulse;
  if (std::optional<Output> control = PollControl()) return control;
  return PollBulk();
}

std::optional<Output> Session::PollHandshake() {
  const size_t length = state_.PollHandshake(MutableByteView(output_).subspan(1));
  if (length == 0) return std::nullopt;
  output_[0] = static_cast<uint8_t>(RecordKind::kHandshake);
  control_.lane()->CountSent(1 + length);
  return Output{kControlLane, ByteView(output_).first(1 + length)};
}

PingNeed Session::NeedOfPings() const {
  const FlowControl& flow = bulk_.flow();
  PingNeed need{.measuring = std::nullopt,
                .knows_round_trip = flow.KnowsRoundTrip(),
                .round_trip = flow.min_round_trip(),
                .has_transfers = HasTransfers(),
                .finishing = closed()};
  if (bulk_.IsMoving(now_)) {
    need.measuring = std::max(
        flow.PingInterval(),
        PulseBudget::Interval(flow.rate().pacing_bytes_per_second(), PulseBudget::kTypicalBytes));
  }
  return need;
}

std::optional<Output> Session::PollPulse() {
  if (!pulse_lane_.HasRoom()) return std::nullopt;
  const bool ack_due = !closed() && AckDue() <= now_;
  if (!ack_due && !pulse_.owes_pong() && !pulse_.IsPingDue(now_)) return std::nullopt;
  const ByteView message = pulse_lane_.Poll(Acknowledged(), pulse_, NeedOfPings(), now_, output_);
  if (closed()) ForgetKeys();
  return Output{kPulseLane, message};
}

std::optional<Output> Session::PollControl() {
  if (!control_.HasRoom() || !control_.WantsToSpeak()) return std::nullopt;
  if (control_.IsIgnored()) {
    CloseWith(Violation("the peer does not acknowledge control messages"), Ending::kFailure);
  }
  const std::optional<ByteView> message = control_.Poll(now_, output_);
  if (!message) return std::nullopt;
  return Output{kControlLane, *message};
}

std::optional<Output> Session::PollBulk() {
  const bool was_moving = bulk_.IsMoving(now_);
  bulk_.SetSilent(pulse_.IsLate(bulk_.flow().round_trip(), now_));
  std::optional<Output> output;
  if (!closed()) output = bulk_.Poll(now_, output_);
  if (output && !was_moving && bulk_.IsMoving(now_)) pulse_.PingNow(now_);
  waiting_.Set(closed() ? std::nullopt : WaitingFor(bulk_.holdup()), now_);
  return output;
}

}  // namespace millrace
