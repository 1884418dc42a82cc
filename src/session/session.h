// A Millrace session: everything between an application that has files and channels that carry
// messages.
//
// Sans-I/O and pull style (design, principle 1): the user hands over what happened and when, then
// polls until every poll has nothing more to say. No call blocks, calls back, throws or reads a
// clock. Time never runs backwards inside: a `now` before the last one counts as the last one.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/event.h"
#include "base/file_info.h"
#include "base/memory_budget.h"
#include "base/range_set.h"
#include "control/chunk_sizer.h"
#include "control/flow_control.h"
#include "control/record_size.h"
#include "crypto/handshake.h"
#include "lanes/lane_scheduler.h"
#include "lanes/sealed_lane.h"
#include "measure/loss_meter.h"
#include "measure/packet_loss.h"
#include "measure/round_trip.h"
#include "receive/receiver.h"
#include "report/waiting.h"
#include "send/sender.h"
#include "session/session_trace.h"
#include "wire/record.h"

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

// A message to hand to a lane's channel before the next call.
struct Output {
  LaneId lane;
  ByteView message;
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
  void SetPath(bool host_pair, bool cellular) { chunks_.SetPath(host_pair, cellular); }
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
  // connection for lost where none comes within kCheckTimeout. No-op unless connected.
  static constexpr Duration kCheckTimeout = Duration::Seconds(2);
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

  bool established() const { return established_; }
  // Both sides can hear each other; false before the handshake and while a lost connection is away.
  bool connected() const { return connected_; }
  // While established and not closed: what a handshake needs to go on with this session. Those of
  // its first connection, since a later handshake may have ended for one side only.
  const SessionSecrets& secrets() const { return *first_secrets_; }
  bool closed() const { return closed_; }
  // The files of an incoming transfer that has not ended; null for any other.
  const IncomingTransfer* Incoming(TransferId transfer) const { return receiver_.Find(transfer); }
  // Bytes that the peer acknowledged (sending) or that are written (receiving), an earlier
  // attempt's included; 0 once the transfer has ended.
  uint64_t TransferBytes(TransferId transfer) const;
  const RoundTrip& round_trip() const { return round_trip_; }
  // How many bulk lanes this side would like to have open now.
  size_t lanes_wanted() const { return flow_.lanes_wanted(); }
  const FlowControl& flow() const { return flow_; }
  const ChunkSizer& chunks() const { return chunks_; }
  // Of packets where both sides have counted them, else of records on unreliable lanes; 0 to 1.
  std::optional<double> loss() const;
  // What this side has waited for since it last began to send, having sent nothing before; the end
  // of its transfers does not change it. Nothing before that.
  std::optional<WaitingShares> waiting(Timestamp now) const {
    return WaitingTimes::Between(waiting_from_, waiting_.TotalsAt(now));
  }
  // The same of receiving, since this side last began to receive, having received nothing before.
  // Whatever keeps bytes from arriving is kNetwork, the peer included: from here it looks the same.
  std::optional<WaitingShares> receive_waiting(Timestamp now) const {
    return WaitingTimes::Between(receive_waiting_from_, receive_waiting_.TotalsAt(now));
  }
  const std::map<LaneId, Lane>& lanes() const { return lanes_; }
  size_t send_pool_used() const { return sender_.pool_used_bytes(); }
  size_t receive_pool_used() const { return receiver_.pool_used_bytes(); }

 private:
  // Of records on unreliable lanes.
  struct RecordTotals {
    uint64_t acked = 0;
    uint64_t lost = 0;

    void AddUnreliable(const Lane& lane);
  };

  Lane* FindLane(LaneId id);
  void Touch(Timestamp now);
  void CloseWith(Error error, bool by_peer);
  void DropBulkLane(Lane& lane);
  void Disconnect();
  // Wipes all keys but those that the last words are sealed with.
  void ForgetKeys(bool all);
  // Answers why lane 0 can not be opened.
  Status BeginHandshake();

  void HandleHandshake(ByteView message);
  void Establish();
  void Resume();
  void ExpectLane();
  Status HandleRecord(Lane& lane, PoolBuffer& buffer);
  Status HandleFrame(const Frame& frame, PoolBuffer& buffer);
  Status HandleAck(const AckFrame& ack);
  Status HandleCancel(const CancelFrame& cancel);
  Status HandleResume(const ResumeFrame& resume);
  Status HandleMessage(const MessageFrame& message);

  void RecoverLosses();
  // Says so once where unreliable lanes lose too much.
  void JudgeDelivery();
  // When a session whose data channels all stand still ends; Never where they have nothing to do.
  Timestamp StandstillDeadline() const;
  // Pieces are on their way or may go.
  bool BulkIsPending() const;
  // Gives up lanes that are worth less than fresh ones; the last one stays.
  void RetireLanes();
  void ProbeLane(Lane& lane);

  bool HasBulkLane() const { return !lanes_.empty() && lanes_.rbegin()->first != kControlLane; }
  bool WantsControlRecord() const;
  std::optional<Output> PollHandshake(Lane& lane);
  std::optional<Output> PollControl(Lane& lane);
  std::optional<Output> PollBulk();
  std::optional<Output> PollBulkRecord();
  // What has to go out for a lane to be heard of again.
  std::optional<Output> PollProbe();
  // A message that makes a young lane send more of what it holds.
  std::optional<Output> PollNudge();
  // Every bulk lane's channel holds something before its window.
  bool WindowsAreFull() const;
  // Every bulk lane's channel holds as much as its marks allow.
  bool ChannelsAreFull() const;
  // What keeps the next piece from going out, now that none can; nothing where there is none to
  // come.
  std::optional<Waiting> WhatWaits() const;
  // What receiving waits for, now that all that came was looked at; nothing where nothing is to
  // come.
  std::optional<Waiting> WhatReceivingWaits() const;
  // From now on this is what receiving waits for; no-op where nothing is to come.
  void SetReceiving(Waiting waiting);
  void Observe();
  // Tells the chunk sizer how the link is, a few times a second.
  void ReportChunks();
  std::optional<Output> PollCopy();
  Output SendPiece(Lane& lane, const OutgoingPiece& piece);
  LaneChoice BulkChoice() const;
  size_t RecordPayload() const;
  bool PackControl(const Lane& lane, ByteWriter& writer);
  Duration PingInterval() const;
  bool HasTransfers() const;
  size_t BulkLanes() const { return lanes_.empty() ? 0 : lanes_.size() - 1; }
  size_t BulkInFlightBytes() const;
  bool BulkMoves() const;

  SessionOptions options_;
  Timestamp now_;
  MemoryBudget memory_{kMaxStateBytes};
  EventQueue events_;
  FrameQueue frames_{memory_};
  Sender sender_;
  Receiver receiver_;
  std::unique_ptr<Handshake> handshake_;  // Null where none is under way.
  std::string local_fingerprint_;         // Of the connection to come.
  std::string remote_fingerprint_;
  bool established_ = false;
  bool privacy_ = false;  // Records are padded.
  std::optional<SessionSecrets> first_secrets_;
  std::optional<SessionSecrets> secrets_;  // Of the present connection.
  // The handshake of the present connection is done.
  bool connected_ = false;
  // A RESUME frame is owed, and queued frames wait for the peer's.
  bool resume_owed_ = false;
  bool resume_awaited_ = false;
  uint64_t frames_received_ = 0;  // Queued frames of the peer, for RESUME.
  std::map<LaneId, Lane> lanes_;
  LaneId highest_lane_;
  RangeSet lane_numbers_;  // Of the bulk lanes of this connection, those that are gone included.
  LaneId last_used_lane_;
  // Pieces that try lanes none of which moves, whatever is in flight: RFC 9002, section 7.5. Else
  // what was lost would keep for ever what could show that it was.
  size_t probes_left_ = 0;
  size_t nudges_left_ = 0;  // Owed to that lane.
  FlowControl flow_;
  ChunkSizer chunks_;
  Timestamp next_chunk_report_;
  ChunkMetrics chunk_totals_;
  PacketLoss packet_loss_;
  WaitingTimes waiting_;
  WaitingTimes::Totals waiting_from_{};
  WaitingTimes receive_waiting_;
  WaitingTimes::Totals receive_waiting_from_{};
  std::unique_ptr<SessionTrace> trace_;      // Null where nobody asks for it.
  Timestamp bulk_due_ = Timestamp::Never();  // When pacing lets the next piece go.
  Timestamp bulk_moves_until_;
  size_t record_bytes_ = 0;       // What a bulk lane has to carry; 0 before the first one.
  std::vector<uint8_t> message_;  // What has come of a message of the peer's application.
  std::vector<uint8_t> output_;   // The record that PollOutput answers.
  PoolBuffer input_;
  RoundTrip round_trip_;
  Timestamp handshake_deadline_ = Timestamp::Never();
  Timestamp reconnect_deadline_ = Timestamp::Never();
  Timestamp lane_deadline_ = Timestamp::Never();
  Timestamp next_ping_ = Timestamp::Never();
  Timestamp unanswered_since_ = Timestamp::Never();  // The first ping after the last pong.
  Timestamp heard_at_;
  Timestamp check_deadline_ = Timestamp::Never();
  Timestamp moved_at_;  // A piece arrived, a lane opened, or nothing was pending.
  std::optional<uint64_t> pong_owed_;
  RecordTotals gone_unreliable_;  // Of lanes that are gone.
  LossMeter loss_;
  bool said_lossy_ = false;
  std::vector<PieceId> settled_;  // Scratch.
  AckedRecords acked_;            // Scratch.
  bool closed_ = false;
};

}  // namespace millrace
