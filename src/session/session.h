// A Millrace session: everything between an application that has files and channels that carry
// messages.
//
// Sans-I/O and pull style: the user hands over what happened and when, then
// polls until every poll has nothing more to say. No call blocks, calls back, throws or reads a
// clock. Time never runs backwards inside: a `now` before the last one counts as the last one.
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
  // Memory for payload on its way out (kept until acknowledged) and in (kept until written). Both
  // pools, kMaxStateBytes, code and stack fit into 32 MiB. The receiver grants 6 MiB of credit,
  // which is 500 Mbit/s at 100 ms; the send pool holds that and what is read ahead of it.
  size_t send_pool_bytes = 9 * 1024 * 1024;
  size_t receive_pool_bytes = Receiver::kPoolBytes;
  // Of bulk lanes. Enough for a turn of the event loop; more only delays what is behind it.
  WaterMarks water_marks = kMeasuredMarks;
  // What is read and scheduled at once follows the link as this says; records are smaller on slow
  // links (FlowControl::RecordPayload).
  ChunkSizerOptions chunks;
  Duration handshake_timeout = Duration::Seconds(15);
  // Nothing heard on the control lane for so long: the connection is gone.
  Duration idle_timeout = Duration::Seconds(30);
  // How long a lost control lane may stay away before the session ends; zero: not at all.
  Duration reconnect_timeout{};
  // How long a connected session may be without any bulk lane before it ends; zero: it may wait for
  // its first ones, and ends when the last one closes.
  Duration lane_timeout{};
  Scheduler scheduler = Scheduler::kEarliestCompletion;
  // How many bulk lanes to ask for (Session::lanes_wanted).
  LaneLimits lanes;
  // Never send faster; 0: no limit of the user's.
  uint64_t most_bytes_per_second = 0;
  // After so many records a lane's keys are replaced; the same on both sides. Another number is for
  // tests.
  uint64_t records_per_epoch = kRecordsPerEpoch;
  // Writes down what happens (Session::PollTrace).
  bool trace = false;
};

class Session {
 public:
  // `InitializeCrypto()` has answered true. Takes all memory for payload here.
  Session(const SessionOptions& options, std::unique_ptr<Handshake> handshake, Timestamp now);

  // --- Lanes ---

  // A new connection to the same peer, after kDisconnected: its handshake, made from `secrets()`.
  // Lane 0 is opened next, then the bulk lanes under new numbers; transfers go on where the
  // acknowledged ranges end. No-op unless the session is disconnected.
  void Reconnect(std::unique_ptr<Handshake> handshake, Timestamp now);

  // The fingerprints of the two certificates of the connection, before its lane 0 opens; see
  // Handshake::Begin.
  void SetFingerprints(std::string_view local, std::string_view remote);

  // The channel of a lane is open and carries messages up to `max_message_bytes`. Lane 0 first; the
  // others once the session is established. Errors: a kClosed event with kInvalidArgument for a
  // lane out of turn, under a number that this connection had before (its keys would seal under the
  // same packet numbers again), or too narrow; for lane 0 without fingerprints, or with a secret
  // that can not be used.
  void OpenLane(LaneId id, size_t max_message_bytes, Delivery delivery, Timestamp now);
  // The channel of a lane is gone. Ends the session with kLaneClosed, or kConnectionLost for the
  // control lane.
  void CloseLane(LaneId id, Timestamp now);
  // Of all bulk lanes, open ones included; clamped (ClampWaterMarks).
  void SetWaterMarks(WaterMarks marks);
  // What the channel of a lane says it still holds.
  void SetBuffered(LaneId id, size_t bytes, Timestamp now);
  // What the path of the connection is made of; see DetectProfile.
  void SetPath(bool host_pair, bool cellular) { bulk_.chunks().SetPath(host_pair, cellular); }
  // The peer has answered how many packets it received of those sent; see PacketLoss.
  void OnPacketCounts(uint64_t sent, uint64_t received, Timestamp now);

  // --- Input ---

  // Memory for the next message of a lane; valid until HandleInput. Empty where memory is short
  // (the message has to wait; on a bulk lane it may be lost), where the lane is not open, and where
  // `length` is 0 or past kMaxMessageBytes, which ends the session.
  MutableByteView InputBuffer(LaneId id, size_t length);
  // The message lies in what InputBuffer gave last. Errors: the session ends with kBadRecord for a
  // malformed or forged message, kProtocolViolation for forbidden content, kTooLarge for a passed
  // limit, kHandshakeFailed, kAuthenticationFailed. Cost: opening and hashing the record; no copy,
  // no allocation for bulk.
  void HandleInput(LaneId id, Timestamp now);

  // --- Time ---

  void AdvanceTime(Timestamp now);
  // There is reason to believe that the peer is gone: asks it for a sign of life, and takes the
  // connection for lost where none comes within Pulse::kCheckTimeout. No-op unless connected.
  void CheckPeer(Timestamp now);
  // When AdvanceTime or PollOutput has something to do without any input; Never where that will not
  // be.
  Timestamp NextTimeout() const;

  // --- What to do next; each until it answers nothing ---

  // Valid until the next call of any method. Cost: sealing the record.
  std::optional<Output> PollOutput(Timestamp now);
  std::optional<ReadRequest> PollRead();
  // Cost: hashing the piece.
  void ReadDone(PieceId piece, size_t length, Timestamp now);
  std::optional<WriteRequest> PollWrite();
  void WriteDone(WriteId write, Timestamp now);
  void FileStored(TransferId transfer, FileIndex file, Timestamp now);
  std::optional<Event> PollEvent();
  // What happened since the last poll, where SessionOptions::trace asks for it; see Trace.
  std::optional<TraceEntry> PollTrace() { return trace_ ? trace_->Poll() : std::nullopt; }

  // --- Commands ---

  // Errors: as Sender::Offer; kInvalidArgument while the session is not established.
  TransferId Offer(const FileList& files, const TransferToken& token, Timestamp now);
  TransferId Offer(const std::vector<FileInfo>& files, const TransferToken& token, Timestamp now) {
    return Offer(FileList(files), token, now);
  }
  // Bytes of a file that the sink holds from an earlier attempt; see Receiver::AddExisting.
  void AddExisting(TransferId transfer, FileIndex file, uint64_t offset, ByteView bytes);
  void Accept(TransferId transfer, Timestamp now);
  void Reject(TransferId transfer, std::string_view reason, Timestamp now);
  void SetPaused(TransferId transfer, bool paused, Timestamp now);
  // Ends a transfer here and at the peer; a kFailed event follows on both sides.
  void Fail(TransferId transfer, ErrorCode code, std::string_view detail, Timestamp now);
  // Carries a message to the peer's shim; longer than kMaxSignalBytes ends the session with
  // kInvalidArgument.
  void Signal(std::string_view message, Timestamp now);
  // Carries a message to the peer's application, over the control lane: in order, once, and after a
  // reconnection what was on its way. Longer than kMaxAppMessageBytes ends the session with
  // kInvalidArgument; dropped while there is no session. Cost: a copy.
  void Message(ByteView message, Timestamp now);
  // Ends the session here and at the peer; the CLOSE record is the last output.
  void Close(ErrorCode code, std::string_view detail, Timestamp now);

  // --- What is known ---

  // A handshake has succeeded, and the session has not ended.
  bool established() const { return state_.connected() || state_.interrupted(); }
  // Both sides can hear each other; false before the handshake and while a lost connection is away.
  bool connected() const { return state_.connected(); }
  bool closed() const { return state_.closed(); }
  // Closed, and the last words are not known to have arrived: what this side said before Close and
  // its CLOSE, or the acknowledgement of the peer's. The user keeps the control lane's channel and
  // goes on with input, output and time until this is false; kDrainTimeout at most.
  static constexpr Duration kDrainTimeout = Duration::Seconds(2);
  bool draining() const;
  // While established: what a handshake needs to go on with this session.
  const SessionSecrets& secrets() const { return state_.first_secrets(); }
  // The files of an incoming transfer that has not ended; null for any other.
  const IncomingTransfer* Incoming(TransferId transfer) const { return receiver_.Find(transfer); }
  // Bytes that the peer acknowledged (sending) or that are written (receiving), an earlier
  // attempt's included; 0 once the transfer has ended.
  uint64_t TransferBytes(TransferId transfer) const;
  const RoundTrip& round_trip() const { return pulse_.round_trip(); }
  // How many bulk lanes this side would like to have open now.
  size_t lanes_wanted() const { return flow().lanes_wanted(); }
  const FlowControl& flow() const { return bulk_.flow(); }
  const ChunkSizer& chunks() const { return bulk_.chunks(); }
  // Of packets where both sides have counted them, else of records on unreliable lanes; 0 to 1.
  std::optional<double> loss() const;
  // What this side has waited for since it last began to send, having sent nothing before; the end
  // of its transfers does not change it. Nothing before that.
  std::optional<WaitingShares> waiting(Timestamp now) const { return waiting_.Shares(now); }
  // The same of receiving, since this side last began to receive, having received nothing before.
  // Whatever keeps bytes from arriving is kNetwork, the peer included: from here it looks the same.
  std::optional<WaitingShares> receive_waiting(Timestamp now) const {
    return receive_waiting_.Shares(now);
  }
  // The bulk lanes.
  const LaneBook<SealedLane>::Lanes& lanes() const { return bulk_.lanes().lanes(); }
  // Null while there is none.
  const SealedLane* control_lane() const { return control_.lane(); }
  size_t send_pool_used() const { return sender_.pool_used_bytes(); }
  size_t receive_pool_used() const { return receiver_.pool_used_bytes(); }

 private:
  enum class Ending : uint8_t {
    kGoodbye,          // What was said before still arrives.
    kFailure,          // Only the CLOSE is said.
    kHandshakeFailed,  // The handshake says why.
    kByPeer,
  };

  SealedLane* FindLane(LaneId id);
  void Touch(Timestamp now) { now_ = std::max(now_, now); }
  void CloseWith(Error error, Ending ending);
  void Disconnect();
  // Wipes the keys of bulk lanes, and of the control lane when nothing is left to say on it.
  void ForgetKeys();
  void OpenControlLane(size_t max_message_bytes);
  void ExpectLane();

  void HandleHandshake(ByteView message);
  void OnConnected(bool resumed);
  Status HandleRecord(SealedLane& lane, PoolBuffer& buffer);
  // Once closed, records are only acknowledged, and acknowledgements of the last words taken.
  void HandleLastWords(PoolBuffer& buffer);
  Status HandleFrame(const Frame& frame, PoolBuffer& buffer);
  Status HandlePong(const PongFrame& pong);
  Status HandleAck(const AckFrame& ack);
  Status HandleAccept(const AcceptFrame& accept);
  Status HandleCancel(const CancelFrame& cancel);
  Status HandleMessage(const MessageFrame& message);

  // Says so once where unreliable lanes lose too much.
  void JudgeDelivery();
  // When a session whose data channels all stand still ends; Never where they have nothing to do.
  Timestamp StandstillDeadline() const;
  std::optional<Output> PollHandshake();
  std::optional<Output> PollControl();
  std::optional<Output> PollBulk();
  PingNeed NeedOfPings() const;
  // What receiving waits for, now that every message was looked at; nothing where nothing is to
  // come.
  std::optional<Waiting> FindReceiveWaiting() const;
  // From now on this is what receiving waits for; no-op where nothing is to come.
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
  Sender sender_;
  Receiver receiver_;
  BulkSender bulk_;
  MessageAssembler incoming_message_;
  std::string local_fingerprint_;  // Of the connection to come.
  std::string remote_fingerprint_;
  PacketLoss packet_loss_;
  LossMeter record_loss_;  // Of records on unreliable lanes.
  bool said_lossy_ = false;
  WaitingClock waiting_;
  WaitingClock receive_waiting_;
  std::unique_ptr<SessionTrace> trace_;  // Null where nobody asks for it.
  std::vector<uint8_t> output_;          // The message that PollOutput answers.
  PoolBuffer input_;
  Timestamp drain_deadline_ = Timestamp::Never();  // Once closed with last words.
};

}  // namespace millrace
