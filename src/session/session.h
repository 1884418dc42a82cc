// A Millrace session: everything between an application that has files and channels that carry
// messages.
//
// Sans-I/O and pull style: the user reports events with their times, then calls each Poll method
// until it answers nothing. No call blocks, calls back, throws or reads a clock. Time never runs
// backwards inside: a `now` before the last one counts as the last one.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/event.h"
#include "base/file_info.h"
#include "base/memory_budget.h"
#include "connection/connection_state.h"
#include "connection/control_channel.h"
#include "connection/message_assembler.h"
#include "connection/pulse.h"
#include "connection/pulse_lane.h"
#include "measure/loss_meter.h"
#include "measure/packet_loss.h"
#include "receive/receiver.h"
#include "report/waiting.h"
#include "send/sender.h"
#include "session/bulk_sender.h"
#include "session/output.h"
#include "session/session_trace.h"

namespace millrace {

struct SessionOptions {
  // Memory for sent payload, until it is acknowledged, and for received payload, until it is
  // written. Both pools, kMaxStateBytes, code and stack fit into 32 MiB. The receiver grants 6 MiB
  // of credit, enough for 500 Mbit/s at 100 ms; the send pool holds that and what is read ahead.
  size_t send_pool_bytes = 9 * 1024 * 1024;
  size_t receive_pool_bytes = Receiver::kPoolBytes;
  // Of bulk lanes: enough for a turn of the event loop. More would only add delay.
  WaterMarks water_marks = kMeasuredMarks;
  // How the chunk size follows the link. Records are smaller on slow links
  // (FlowControl::RecordPayload).
  ChunkSizerOptions chunks;
  Duration handshake_timeout = Duration::Seconds(15);
  // After this silence on the control lane the connection counts as lost.
  Duration idle_timeout = Duration::Seconds(30);
  // How long the session waits for a new connection after it has lost one; zero: it ends at once.
  Duration reconnect_timeout{};
  // How long a connected session may have no bulk lane before it ends; zero: it waits for its first
  // lanes without limit, and ends when the last one closes.
  Duration lane_timeout{};
  Scheduler scheduler = Scheduler::kEarliestCompletion;
  // How many bulk lanes to ask for (Session::lanes_wanted).
  LaneLimits lanes;
  // The user's limit of the sending rate; 0: none.
  uint64_t most_bytes_per_second = 0;
  // What is sent yields to all other traffic.
  bool background = false;
  // A lane's keys are replaced after this many records. Both sides use the same number; only tests
  // change it.
  uint64_t records_per_epoch = kRecordsPerEpoch;
  // Keep a log of what happens (Session::PollTrace).
  bool trace = false;
};

class Session {
 public:
  // `InitializeCrypto()` has answered true. All memory for payload is allocated here.
  Session(const SessionOptions& options, std::unique_ptr<Handshake> handshake, Timestamp now);

  // --- Lanes ---

  // A new connection to the same peer begins, after kDisconnected. Its handshake was made from
  // `secrets()`. Its lanes are opened next; the numbers of bulk lanes begin anew. Transfers go on
  // behind the acknowledged ranges. No-op unless the session is disconnected.
  void Reconnect(std::unique_ptr<Handshake> handshake, Timestamp now);

  // The fingerprints of the two certificates of the connection, before its control lane opens; see
  // Handshake::Begin.
  void SetFingerprints(std::string_view local, std::string_view remote);

  // The channel of a lane is open and carries messages of up to `max_message_bytes`. The control
  // lane and the pulse lane, which is unreliable, open first, in either order; the pulse lane may
  // also open later. Without it nothing is acknowledged, and the connection is lost after
  // SessionOptions::idle_timeout. Bulk lanes open once the session is connected. Errors: a kClosed
  // event with kInvalidArgument for a lane in the wrong order, for a number that this connection
  // has used before (its keys would seal under the same packet numbers again), and for too small
  // messages; for the control lane without fingerprints, or with an unusable secret.
  void OpenLane(LaneId id, size_t max_message_bytes, Delivery delivery, Timestamp now);
  // The channel of a lane has closed. Without the control lane or the pulse lane the connection is
  // lost: kDisconnected, or the end with kConnectionLost where no reconnection is allowed. Without
  // its last bulk lane the session ends with kLaneClosed, at once or after
  // SessionOptions::lane_timeout.
  void CloseLane(LaneId id, Timestamp now);
  // Sets the marks of all bulk lanes, open or not; clamped (ClampWaterMarks).
  void SetWaterMarks(WaterMarks marks);
  // The channel of a lane reports its bufferedAmount.
  void SetBuffered(LaneId id, size_t bytes, Timestamp now);
  // The most that this side sends of bulk from now on, bytes per second; 0: no limit. Less than
  // RateController::kLeastBytesPerSecond counts as that.
  void SetMostBytesPerSecond(uint64_t most, Timestamp now);
  // The kind of network path; see DetectProfile.
  void SetPath(bool host_pair, bool cellular) { bulk_.chunks().SetPath(host_pair, cellular); }
  // The peer has reported how many of the sent packets it received; see PacketLoss.
  void OnPacketCounts(uint64_t sent, uint64_t received, Timestamp now);

  // --- Input ---

  // Memory for the next message of a lane; valid until HandleInput. Empty where memory is short
  // (on the control lane the message has to wait, elsewhere it may be dropped), where the lane is
  // not open, and where `length` is 0 or above the limit of the lane, which ends the session.
  MutableByteView InputBuffer(LaneId id, size_t length);
  // Handles the message that the caller has written to the memory of the last InputBuffer. Messages
  // of the pulse lane are dropped until the handshake has succeeded. Errors: the session ends with
  // kBadRecord for a malformed or forged message, kProtocolViolation for forbidden content,
  // kTooLarge beyond a limit, kHandshakeFailed, kAuthenticationFailed. Cost: opening and hashing
  // the record; bulk is neither copied nor allocated.
  void HandleInput(LaneId id, Timestamp now);

  // --- Time ---

  // During a transfer, the user hears of pings that have been unanswered for this long (kSilent):
  // the path may be gone, and the user can look for another one. Shorter stalls end by themselves.
  static constexpr Duration kSilence = Duration::Millis(1500);

  void AdvanceTime(Timestamp now);
  // The user suspects that the peer is gone. Asks it for a sign of life; the connection counts as
  // lost where none comes within Pulse::kCheckTimeout. No-op unless connected.
  void CheckPeer(Timestamp now);
  // When AdvanceTime and the polls must be called, even without any input; Never: not at all.
  Timestamp NextTimeout() const;

  // --- Output: call each until it answers nothing ---

  // Valid until the next call of any method. Cost: sealing the record.
  std::optional<Output> PollOutput(Timestamp now);
  std::optional<ReadRequest> PollRead();
  // Cost: hashing the chunk.
  void ReadDone(ChunkId chunk, size_t length, Timestamp now);
  std::optional<WriteRequest> PollWrite();
  void WriteDone(WriteId write, Timestamp now);
  void FileStored(TransferId transfer, FileIndex file, Timestamp now);
  std::optional<Event> PollEvent();
  // The next entry of the log, if SessionOptions::trace is set; see Trace.
  std::optional<TraceEntry> PollTrace() { return trace_ ? trace_->Poll() : std::nullopt; }

  // --- Commands ---

  // Errors: as Sender::Offer; kInvalidArgument before the first connection, kClosed once the
  // session has ended: a caller may not have heard of that yet.
  TransferId Offer(const FileList& files, const TransferToken& token, Timestamp now);
  TransferId Offer(const std::vector<FileInfo>& files, const TransferToken& token, Timestamp now) {
    return Offer(FileList(files), token, now);
  }
  // The sink holds these bytes of a file from an earlier attempt; see Receiver::AddExisting.
  void AddExisting(TransferId transfer, FileIndex file, uint64_t offset, ByteView bytes);
  void Accept(TransferId transfer, Timestamp now);
  void Reject(TransferId transfer, std::string_view reason, Timestamp now);
  void SetPaused(TransferId transfer, bool paused, Timestamp now);
  // Ends a transfer on both sides, each of which gets a kFailed event.
  void Fail(TransferId transfer, ErrorCode code, std::string_view detail, Timestamp now);
  // Sends a message to the peer's shim. Errors: the session ends with kInvalidArgument for more
  // than kMaxSignalBytes.
  void Signal(std::string_view message, Timestamp now);
  // Sends a message to the peer's application over the control lane. Messages arrive in order and
  // once, also through reconnections. Dropped unless the session is established. Errors: the
  // session ends with kInvalidArgument for more than kMaxAppMessageBytes. Cost: a copy.
  void Message(ByteView message, Timestamp now);
  // Ends the session on both sides. What this side has said before still arrives, and then a CLOSE;
  // see draining().
  void Close(ErrorCode code, std::string_view detail, Timestamp now);

  // --- State ---

  // A handshake has succeeded, and the session has not ended.
  bool established() const { return state_.connected() || state_.interrupted(); }
  // There is a connection whose handshake has succeeded.
  bool connected() const { return state_.connected(); }
  bool closed() const { return state_.closed(); }
  // Closed, and the last messages are still to be sent or acknowledged: those before Close and the
  // CLOSE itself, or the acknowledgement of the peer's CLOSE, until the peer is known to have it.
  // The user keeps the channels of the control connection and goes on with input, output and time
  // while this holds: at most kDrainTimeout, or kAckDrainTimeout where the peer has closed.
  static constexpr Duration kDrainTimeout = Duration::Seconds(2);
  // The acknowledgement goes out five times meanwhile.
  static constexpr Duration kAckDrainTimeout = Duration::Millis(500);
  bool draining() const;
  // While established: the secrets from which the handshake of a reconnection starts.
  const SessionSecrets& secrets() const { return state_.first_secrets(); }
  // The files of an incoming transfer that has not ended; null for any other.
  const IncomingTransfer* Incoming(TransferId transfer) const { return receiver_.Find(transfer); }
  // Bytes that the peer has acknowledged (sending) or that are written (receiving), including those
  // of an earlier attempt; 0 once the transfer has ended.
  uint64_t TransferBytes(TransferId transfer) const;
  const RoundTrip& round_trip() const { return pulse_.round_trip(); }
  // How many bulk lanes this side wants now.
  size_t lanes_wanted() const { return flow().lanes_wanted(); }
  const FlowControl& flow() const { return bulk_.flow(); }
  const ChunkSizer& chunks() const { return bulk_.chunks(); }
  // The loss of packets where both sides count them, else of records on unreliable lanes; 0 to 1.
  // Nothing where neither is measured.
  std::optional<double> loss() const;
  // What sending has waited for, since this side began to send after it had sent nothing. The end
  // of its transfers does not change it. Nothing before the first transfer.
  std::optional<WaitingShares> waiting(Timestamp now) const { return waiting_.Shares(now); }
  // The same for receiving. A slow peer counts as kNetwork, since this side cannot tell them apart.
  std::optional<WaitingShares> receive_waiting(Timestamp now) const {
    return receive_waiting_.Shares(now);
  }
  // Bytes of what has been said to the peer and waits for the control lane.
  size_t control_bytes_waiting() const { return control_.waiting_bytes(); }
  // The bulk lanes.
  const LaneBook<SealedLane>::Lanes& lanes() const { return bulk_.lanes().lanes(); }
  // What the bulk lanes have carried since the session began.
  LaneCounters bulk_totals() const { return bulk_.lanes().totals(); }
  // Null while there is none.
  const SealedLane* control_lane() const { return control_.lane(); }
  const SealedLane* pulse_lane() const { return pulse_lane_.lane(); }
  size_t send_pool_used() const { return sender_.pool_used_bytes(); }
  size_t receive_pool_used() const { return receiver_.pool_used_bytes(); }

 private:
  enum class Ending : uint8_t {
    kGoodbye,          // Frames that were queued before are still sent, then a CLOSE.
    kFailure,          // Only a CLOSE is sent.
    kHandshakeFailed,  // The handshake tells the peer.
    kByPeer,           // The peer has sent a CLOSE.
  };

  SealedLane* FindLane(LaneId id);
  void Touch(Timestamp now) { now_ = std::max(now_, now); }
  void CloseWith(Error error, Ending ending);
  void Disconnect();
  // Wipes the keys of bulk lanes, and those of the control connection unless it is draining.
  void ForgetKeys();
  void OpenControlLane(size_t max_message_bytes);
  void OpenPulseLane(size_t max_message_bytes);
  // Whether a lane may open now.
  bool MayOpen(LaneId id) const;
  void ExpectLane();

  void HandleHandshake(ByteView message);
  void OnConnected(bool resumed);
  Status HandleRecord(SealedLane& lane, PoolBuffer& buffer);
  // Once closed, only acknowledgements and a CLOSE of the peer count.
  void HandleLastWords(SealedLane& lane, PoolBuffer& buffer);
  void HandleLastFrame(const Frame& frame);
  Status HandleFrame(const Frame& frame, PoolBuffer& buffer);
  Status HandlePong(const PongFrame& pong);
  Status HandleAck(const AckFrame& ack);
  Status HandleAccept(const AcceptFrame& accept);
  Status HandleCancel(const CancelFrame& cancel);
  Status HandleMessage(const MessageFrame& message);

  // Raises kSilent when a silence of the peer begins to matter, and when it is over.
  void JudgeSilence();
  // When that may be due; Never where it has been said, or does not matter.
  Timestamp SilenceDeadline() const {
    if (said_silent_ || !HasTransfers()) return Timestamp::Never();
    return pulse_.UnansweredFor(kSilence);
  }
  // Raises kLossy once, when unreliable lanes lose too much.
  void JudgeDelivery();
  // When the session ends unless a data channel moves; Never where no piece is pending.
  Timestamp StandstillDeadline() const;
  // When the connection counts as lost since the peer acknowledges nothing on the control lane.
  Timestamp ControlDeadline() const;
  PulseLane::Acknowledged Acknowledged() { return {*control_.lane(), bulk_.lanes()}; }
  // When the acknowledgements of all lanes have to leave.
  Timestamp AckDue() const {
    return pulse_lane_.AckDue(control_.ack_due(), bulk_.lanes().ack_due());
  }
  std::optional<Output> PollHandshake();
  std::optional<Output> PollPulse();
  std::optional<Output> PollControl();
  std::optional<Output> PollBulk();
  PingNeed NeedOfPings() const;
  // What receiving waits for, after all messages were handled; nothing where no bytes are expected.
  std::optional<Waiting> FindReceiveWaiting() const;
  // Receiving waits for this from now on; no-op where no bytes are expected.
  void SetReceiving(Waiting waiting);
  void ObserveTrace();
  bool HasTransfers() const {
    return sender_.active_transfers() + receiver_.active_transfers() > 0;
  }

  SessionOptions options_;
  Timestamp now_;
  MemoryBudget memory_{kMaxStateBytes};
  EventQueue events_;
  ConnectionState state_;
  ControlChannel control_{memory_};
  Pulse pulse_;
  PulseLane pulse_lane_;
  Sender sender_;
  Receiver receiver_;
  BulkSender bulk_;
  MessageAssembler incoming_message_;
  std::string local_fingerprint_;  // Of the next connection, as below.
  std::string remote_fingerprint_;
  PacketLoss packet_loss_;
  LossMeter record_loss_;  // Of records on unreliable lanes.
  bool said_lossy_ = false;
  bool said_silent_ = false;
  WaitingClock waiting_;
  WaitingClock receive_waiting_;
  std::unique_ptr<SessionTrace> trace_;  // Null unless the options ask for it.
  std::vector<uint8_t> output_;          // The message that PollOutput answers.
  PoolBuffer input_;
  Timestamp drain_deadline_;  // Once closed: when the last messages are given up.
};

}  // namespace millrace
