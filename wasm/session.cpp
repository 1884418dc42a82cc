// The session as JavaScript sees it (web/wasm/session.ts): one coarse class, numbers and addresses
// in, a mailbox of numbers out, so that nothing is allocated or copied for a record. Objects are
// made only for what happens once per transfer or file.

#include "session/session.h"

#include <emscripten/bind.h>
#include <emscripten/heap.h>
#include <emscripten/val.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "base/number.h"
#include "crypto/secret.h"
#include "crypto/transfer_token.h"
#include "report/bottleneck.h"
#include "report/quality_score.h"
#include "values.h"

namespace millrace {
namespace {

using emscripten::val;

std::string NameOf(const std::string& path) { return path.substr(path.rfind('/') + 1); }

val FileToObject(const FileInfo& file) {
  val object = val::object();
  Set(object, "name", NameOf(file.path));
  Set(object, "path", file.path);
  Set(object, "size", file.size ? val(static_cast<double>(*file.size)) : val::null());
  Set(object, "type", file.type);
  Set(object, "lastModified", static_cast<double>(file.last_modified_ms));
  return object;
}

FileInfo FileFromObject(const val& object) {
  FileInfo file;
  file.path = object["path"].as<std::string>();
  file.type = object["type"].as<std::string>();
  const val size = object["size"];
  if (!size.isNull()) file.size = ToCount(size.as<double>());
  file.last_modified_ms = ToCount(object["lastModified"].as<double>());
  return file;
}

// The bytes of a Uint8Array, wiped when they go. Not by way of std::string, of which Embind makes
// copies that nobody wipes.
class SecretBytes {
 public:
  explicit SecretBytes(const val& array) : bytes_(array["length"].as<size_t>()) {
    val(emscripten::typed_memory_view(bytes_.size(), bytes_.data())).call<void>("set", array);
  }
  ~SecretBytes() { Wipe(bytes_); }
  SecretBytes(const SecretBytes&) = delete;
  SecretBytes& operator=(const SecretBytes&) = delete;

  ByteView view() const { return bytes_; }

 private:
  std::vector<uint8_t> bytes_;
};

class WasmSession {
 public:
  WasmSession(const val& entropy, const val& options, double now)
      : handshake_options_(HandshakeFromObject(options)),
        session_(OptionsFromObject(options), FirstHandshake(entropy, options["secret"]),
                 FromMillis(now)) {}

  double Mailbox() const { return Address(mailbox_.data()); }

  void OpenLane(uint32_t lane, double max_message_size, bool reliable, double now) {
    session_.OpenLane(LaneId(lane), ToSize(max_message_size),
                      reliable ? Delivery::kReliable : Delivery::kUnreliable, FromMillis(now));
  }
  void SetFingerprints(const val& local, const val& remote) {
    const SecretBytes local_bytes(local);
    const SecretBytes remote_bytes(remote);
    session_.SetFingerprints(AsText(local_bytes.view()), AsText(remote_bytes.view()));
  }
  void Reconnect(const val& entropy, double now) {
    if (!session_.established() || session_.closed()) return;
    const SecretBytes bytes(entropy);
    session_.Reconnect(
        std::make_unique<Handshake>(bytes.view(), handshake_options_, session_.secrets()),
        FromMillis(now));
  }
  void CloseLane(uint32_t lane, double now) { session_.CloseLane(LaneId(lane), FromMillis(now)); }
  void SetWaterMarks(double high, double low) {
    session_.SetWaterMarks(WaterMarks{ToSize(high), ToSize(low)});
  }
  void SetBuffered(uint32_t lane, double bytes, double now) {
    session_.SetBuffered(LaneId(lane), ToSize(bytes), FromMillis(now));
  }

  double InputBuffer(uint32_t lane, double length) {
    return Address(session_.InputBuffer(LaneId(lane), ToSize(length)).data());
  }
  void HandleInput(uint32_t lane, double now) {
    session_.HandleInput(LaneId(lane), FromMillis(now));
  }

  void AdvanceTime(double now) { session_.AdvanceTime(FromMillis(now)); }
  void CheckPeer(double now) { session_.CheckPeer(FromMillis(now)); }
  double NextTimeout() const { return ToMillis(session_.NextTimeout()); }

  bool PollOutput(double now) {
    const std::optional<Output> output = session_.PollOutput(FromMillis(now));
    if (!output) return false;
    mailbox_ = {static_cast<double>(output->lane.value), Address(output->message.data()),
                static_cast<double>(output->message.size())};
    return true;
  }

  bool PollRead() {
    const std::optional<ReadRequest> read = session_.PollRead();
    if (!read) return false;
    mailbox_ = {static_cast<double>(read->chunk.value),  static_cast<double>(read->transfer.value),
                static_cast<double>(read->file.value),   static_cast<double>(read->offset),
                static_cast<double>(read->bytes.size()), Address(read->bytes.data())};
    return true;
  }
  void ReadDone(double read, double length, double now) {
    session_.ReadDone(ChunkId(ToCount(read)), ToSize(length), FromMillis(now));
  }

  bool PollWrite() {
    const std::optional<WriteRequest> write = session_.PollWrite();
    if (!write) return false;
    mailbox_ = {
        static_cast<double>(write->write.value),  static_cast<double>(write->transfer.value),
        static_cast<double>(write->file.value),   static_cast<double>(write->offset),
        static_cast<double>(write->bytes.size()), Address(write->bytes.data())};
    return true;
  }
  void WriteDone(uint32_t write, double now) {
    session_.WriteDone(WriteId(write), FromMillis(now));
  }
  void FileStored(uint32_t transfer, uint32_t file, double now) {
    session_.FileStored(TransferId(transfer), FileIndex(file), FromMillis(now));
  }

  val PollEvent() {
    const std::optional<Event> event = session_.PollEvent();
    return event ? EventToObject(*event) : val::undefined();
  }

  val PollTrace() {
    const std::optional<TraceEntry> entry = session_.PollTrace();
    if (!entry) return val::undefined();
    val object = val::object();
    Set(object, "at", ToMillis(entry->at()));
    Set(object, "type", ToValue(entry->type()));
    for (const TraceField& field : *entry) {
      const std::string name(field.name);
      if (field.text.empty()) {
        object.set(name, field.number);
      } else {
        object.set(name, ToValue(field.text));
      }
    }
    return object;
  }

  // `secret`: at least 16 bytes.
  uint32_t Offer(const val& files, const val& secret, double now) {
    const FileList list(files["length"].as<uint32_t>(),
                        [&files](size_t i) { return FileFromObject(files[i]); });
    const TransferToken token = DeriveTransferToken(SecretBytes(secret).view(), list);
    return session_.Offer(list, token, FromMillis(now)).value;
  }
  double ExistingBuffer() {
    existing_.resize(kExistingBytes);
    return Address(existing_.data());
  }
  void AddExisting(uint32_t transfer, uint32_t file, double offset, double length) {
    const size_t usable = std::min(ToSize(length), existing_.size());
    session_.AddExisting(TransferId(transfer), FileIndex(file), ToCount(offset),
                         ByteView(existing_).first(usable));
  }
  void Accept(uint32_t transfer, double now) {
    session_.Accept(TransferId(transfer), FromMillis(now));
  }
  void Reject(uint32_t transfer, const std::string& reason, double now) {
    session_.Reject(TransferId(transfer), reason, FromMillis(now));
  }
  void SetPaused(uint32_t transfer, bool paused, double now) {
    session_.SetPaused(TransferId(transfer), paused, FromMillis(now));
  }
  void Fail(uint32_t transfer, const std::string& code, const std::string& detail, double now) {
    session_.Fail(TransferId(transfer), CodeOf(code), detail, FromMillis(now));
  }
  void Signal(const std::string& message, double now) { session_.Signal(message, FromMillis(now)); }
  // `message`: a Uint8Array.
  void Message(const val& message, double now) {
    message_.resize(std::min(message["length"].as<size_t>(), kMaxAppMessageBytes + 1));
    if (message_.size() <= kMaxAppMessageBytes) {
      val(emscripten::typed_memory_view(message_.size(), message_.data()))
          .call<void>("set", message);
    }
    session_.Message(message_, FromMillis(now));
  }
  double ControlBytesWaiting() const {
    return static_cast<double>(session_.control_bytes_waiting());
  }
  void Close(const std::string& code, const std::string& detail, double now) {
    session_.Close(CodeOf(code), detail, FromMillis(now));
  }

  uint32_t LanesWanted() const { return static_cast<uint32_t>(session_.lanes_wanted()); }
  bool Connected() const { return session_.connected(); }
  bool Draining() const { return session_.draining(); }

  double TransferBytes(uint32_t transfer) const {
    return static_cast<double>(session_.TransferBytes(TransferId(transfer)));
  }

  void SetMostBytesPerSecond(double most, double now) {
    if (IsAmount(most)) session_.SetMostBytesPerSecond(ToCount(most), FromMillis(now));
  }
  void SetPath(bool host_pair, bool cellular) { session_.SetPath(host_pair, cellular); }
  void OnPacketCounts(double sent, double received, double now) {
    if (!IsAmount(sent) || !IsAmount(received)) return;
    session_.OnPacketCounts(ToCount(sent), ToCount(received), FromMillis(now));
  }

  val Stats(double now) const {
    val lanes = val::array();
    const auto add_lane = [&lanes](const SealedLane& lane, const LaneCounters& counters) {
      val object = val::object();
      Set(object, "lane", lane.id().value);
      SetCounters(object, counters);
      Set(object, "bufferedAmount", static_cast<double>(lane.gate().buffered()));
      Set(object, "paused", lane.gate().IsPaused());
      Set(object, "reliable", lane.sent().delivery() == Delivery::kReliable);
      Set(object, "recordsLost", static_cast<double>(lane.sent().lost_records()));
      Set(object, "rtt", ToValue(lane.sent().round_trip().smoothed()));
      Push(lanes, object);
    };
    if (const SealedLane* control = session_.control_lane()) add_lane(*control, ControlCounters());
    for (const auto& [id, lane] : session_.lanes()) add_lane(lane, lane.counters());
    val stats = val::object();
    Set(stats, "rtt", ToValue(session_.round_trip().smoothed()));
    Set(stats, "lanes", lanes);
    val totals = val::object();
    SetCounters(totals, session_.bulk_totals());
    Set(stats, "totals", totals);
    Set(stats, "pacingRate", session_.flow().rate().pacing_bytes_per_second());
    Set(stats, "bottleneckRate", session_.flow().rate().bandwidth_bytes_per_second());
    Set(stats, "queueDelay", session_.flow().rate().queue_delay().queue().millis());
    Judge(stats, FromMillis(now));
    Set(stats, "chunkSize", static_cast<double>(session_.chunks().chunk_bytes()));
    Set(stats, "profile", ToValue(NameOf(session_.chunks().profile())));
    Set(stats, "sendPoolBytes", static_cast<double>(session_.send_pool_used()));
    Set(stats, "receivePoolBytes", static_cast<double>(session_.receive_pool_used()));
    Set(stats, "wasmBytes", static_cast<double>(emscripten_get_heap_size()));
    return stats;
  }

 private:
  static void SetCounters(val& object, const LaneCounters& counters) {
    Set(object, "bytesSent", static_cast<double>(counters.bytes_sent));
    Set(object, "bytesReceived", static_cast<double>(counters.bytes_received));
    Set(object, "recordsSent", static_cast<double>(counters.records_sent));
    Set(object, "recordsReceived", static_cast<double>(counters.records_received));
  }
  // Of both channels of the control connection.
  LaneCounters ControlCounters() const {
    LaneCounters sum = session_.control_lane()->counters();
    if (const SealedLane* pulse = session_.pulse_lane()) {
      sum += pulse->counters();
    }
    return sum;
  }
  // How the link is, what is waited for, and what to make of it.
  void Judge(val& stats, Timestamp now) const {
    std::optional<double> rtt;
    if (const auto smoothed = session_.round_trip().smoothed()) rtt = smoothed->millis();
    std::optional<double> jitter;
    if (rtt) jitter = session_.flow().rate().queue_delay().jitter().millis();
    const std::optional<double> loss = session_.loss();
    const std::optional<WaitingShares> waiting = session_.waiting(now);
    const Bottleneck bottleneck =
        FindBottleneck({.loss = loss, .rtt_ms = rtt, .jitter_ms = jitter, .waiting = waiting});
    Set(stats, "jitter", ToValue(jitter));
    Set(stats, "packetLoss", ToValue(loss));
    Set(stats, "waiting", ToValue(waiting));
    Set(stats, "receiveWaiting", ToValue(session_.receive_waiting(now)));
    Set(stats, "quality",
        ToValue(QualityScore({.rtt_ms = rtt, .jitter_ms = jitter, .loss = loss})));
    Set(stats, "bottleneck", ToValue(NameOf(bottleneck)));
    Set(stats, "recommendation", ToValue(RecommendationFor(bottleneck, waiting)));
    Set(stats, "technicalAdvice", ToValue(TechnicalAdviceFor(bottleneck)));
  }

  // What an earlier attempt left is hashed in steps of so many bytes: whole leaves.
  static constexpr size_t kExistingBytes = 256 * 1024;
  static_assert(kExistingBytes % kLeafBytes == 0);

  static SessionOptions OptionsFromObject(const val& object) {
    SessionOptions options;
    options.reconnect_timeout = FromMillis(object["reconnectTimeout"].as<double>()) - Timestamp();
    options.lane_timeout = FromMillis(object["laneTimeout"].as<double>()) - Timestamp();
    options.chunks.profile =
        ProfileFromName(TextOf(object, "profile")).value_or(NetworkProfile::kAuto);
    options.chunks.mode = ModeFromName(TextOf(object, "mode"));
    if (TextOf(object, "ladder") == "strict") options.chunks.ladder = Ladder::kStrict;
    if (TextOf(object, "scheduler") == "round-robin") options.scheduler = Scheduler::kRoundRobin;
    const double chunk = NumberOf(object, "chunkSize");
    if (IsAmount(chunk)) {
      options.chunks.least_chunk_bytes = options.chunks.most_chunk_bytes = ToSize(chunk);
    }
    // What is not asked for is the profile's; what is asked for goes before it.
    const ProfileLimits limits = LimitsOf(options.chunks.profile);
    const double least = NumberOf(object, "leastLanes");
    const double most = NumberOf(object, "mostLanes");
    options.lanes.least = IsAmount(least) ? ToSize(least) : limits.least_lanes;
    options.lanes.most = IsAmount(most) ? ToSize(most) : limits.most_lanes;
    if (IsAmount(most)) options.lanes.least = std::min(options.lanes.least, options.lanes.most);
    options.lanes.most = std::max(options.lanes.least, options.lanes.most);
    options.most_bytes_per_second = ToCount(object["mostBytesPerSecond"].as<double>());
    options.background = object["background"].isTrue();
    options.trace = object["trace"].isTrue();
    return options;
  }

  static HandshakeOptions HandshakeFromObject(const val& object) {
    HandshakeOptions options;
    const auto kind = object["secretKind"].as<std::string>();
    if (kind == "key") options.secret_kind = SecretKind::kKey;
    if (kind == "code") options.secret_kind = SecretKind::kCode;
    options.encryption = object["encryption"].as<bool>();
    options.privacy = object["privacy"].as<bool>();
    return options;
  }

  std::unique_ptr<Handshake> FirstHandshake(const val& entropy, const val& secret) {
    InitializeCrypto();
    const SecretBytes bytes(entropy);
    const SecretBytes secret_bytes(secret);
    return std::make_unique<Handshake>(bytes.view(), handshake_options_, secret_bytes.view());
  }

  static ErrorCode CodeOf(const std::string& name) {
    return ErrorCodeFromName(name).value_or(ErrorCode::kInternal);
  }

  val EventToObject(const Event& event) const {
    val object = val::object();
    const auto set_error = [&object, &event] {
      Set(object, "code", std::string(ErrorCodeName(event.error.code)));
      Set(object, "detail", event.error.detail);
    };
    const auto set_type = [&object, &event](const char* type) {
      Set(object, "type", type);
      Set(object, "transfer", event.transfer.value);
    };
    switch (event.type) {
      case EventType::kEstablished:
        set_type("established");
        Set(object, "initiator", event.flag);
        Set(object, "authenticated", event.agreement.authenticated);
        Set(object, "sas", Numbers(event.agreement.sas));
        Set(object, "encrypted", event.agreement.encrypted);
        Set(object, "privacy", event.agreement.privacy);
        break;
      case EventType::kDisconnected:
        set_type("disconnected");
        break;
      case EventType::kReconnected:
        set_type("reconnected");
        Set(object, "initiator", event.flag);
        break;
      case EventType::kSilent:
        set_type("silent");
        Set(object, "silent", event.flag);
        break;
      case EventType::kLossy:
        set_type("lossy");
        break;
      case EventType::kLaneRetired:
        set_type("laneRetired");
        Set(object, "lane", event.lane.value);
        break;
      case EventType::kSignal:
        set_type("signal");
        Set(object, "message", event.text);
        break;
      case EventType::kMessage:
        set_type("message");
        object.set(
            "message",
            val::global("Uint8Array")
                .new_(val(emscripten::typed_memory_view(event.bytes.size(), event.bytes.data()))));
        break;
      case EventType::kOffer:
        set_type("offer");
        Set(object, "token", ToHex(event.token));
        Set(object, "files", OfferedFiles(event.transfer));
        Set(object, "totalBytes", TotalBytes(event.transfer));
        break;
      case EventType::kAccepted:
        set_type("accepted");
        break;
      case EventType::kPaused:
        set_type("paused");
        Set(object, "paused", event.flag);
        break;
      case EventType::kFileReceived:
        set_type("fileReceived");
        Set(object, "file", event.file.value);
        Set(object, "size", static_cast<double>(event.size));
        Set(object, "root", ToHex(event.root));
        break;
      case EventType::kDone:
        set_type("done");
        Set(object, "bytes", static_cast<double>(event.size));
        Set(object, "files", Proofs(event));
        break;
      case EventType::kFailed:
        set_type("failed");
        set_error();
        Set(object, "byPeer", event.flag);
        break;
      case EventType::kClosed:
        set_type("closed");
        set_error();
        Set(object, "byPeer", event.flag);
        break;
    }
    return object;
  }

  // Empty where the transfer has ended meanwhile: a `failed` event follows.
  val OfferedFiles(TransferId id) const {
    val files = val::array();
    const IncomingTransfer* transfer = session_.Incoming(id);
    if (transfer == nullptr) return files;
    for (const IncomingFile& file : transfer->files()) {
      Push(files, FileToObject(file.info));
    }
    return files;
  }

  // Null where the size of a file is unknown.
  val TotalBytes(TransferId id) const {
    const IncomingTransfer* transfer = session_.Incoming(id);
    if (transfer == nullptr) return val(0.0);
    const std::optional<uint64_t> total = transfer->total_bytes();
    return total ? val(static_cast<double>(*total)) : val::null();
  }

  static val Proofs(const Event& event) {
    val files = val::array();
    for (const FileProof& proof : event.proofs) {
      val object = val::object();
      Set(object, "id", proof.file.value);
      Set(object, "size", static_cast<double>(proof.size));
      Set(object, "root", ToHex(proof.root));
      Push(files, object);
    }
    return files;
  }

  static val Numbers(const ShortAuthString& sas) {
    val numbers = val::array();
    for (const uint8_t number : sas) Push(numbers, val(static_cast<double>(number)));
    return numbers;
  }

  HandshakeOptions handshake_options_;
  Session session_;
  std::array<double, 8> mailbox_{};
  std::vector<uint8_t> existing_;
  std::vector<uint8_t> message_;
};

uint32_t HandshakeEntropyBytes() { return Handshake::kEntropyBytes; }

}  // namespace

EMSCRIPTEN_BINDINGS(millrace) {
  emscripten::function("handshakeEntropyBytes", &HandshakeEntropyBytes);
  emscripten::class_<WasmSession>("Session")
      .constructor<val, val, double>()
      .function("setFingerprints", &WasmSession::SetFingerprints)
      .function("reconnect", &WasmSession::Reconnect)
      .function("checkPeer", &WasmSession::CheckPeer)
      .function("existingBuffer", &WasmSession::ExistingBuffer)
      .function("addExisting", &WasmSession::AddExisting)
      .function("mailbox", &WasmSession::Mailbox)
      .function("openLane", &WasmSession::OpenLane)
      .function("closeLane", &WasmSession::CloseLane)
      .function("setWaterMarks", &WasmSession::SetWaterMarks)
      .function("setBuffered", &WasmSession::SetBuffered)
      .function("inputBuffer", &WasmSession::InputBuffer)
      .function("handleInput", &WasmSession::HandleInput)
      .function("advanceTime", &WasmSession::AdvanceTime)
      .function("nextTimeout", &WasmSession::NextTimeout)
      .function("pollOutput", &WasmSession::PollOutput)
      .function("pollRead", &WasmSession::PollRead)
      .function("readDone", &WasmSession::ReadDone)
      .function("pollWrite", &WasmSession::PollWrite)
      .function("writeDone", &WasmSession::WriteDone)
      .function("fileStored", &WasmSession::FileStored)
      .function("pollEvent", &WasmSession::PollEvent)
      .function("pollTrace", &WasmSession::PollTrace)
      .function("offer", &WasmSession::Offer)
      .function("accept", &WasmSession::Accept)
      .function("reject", &WasmSession::Reject)
      .function("setPaused", &WasmSession::SetPaused)
      .function("fail", &WasmSession::Fail)
      .function("signal", &WasmSession::Signal)
      .function("message", &WasmSession::Message)
      .function("controlBytesWaiting", &WasmSession::ControlBytesWaiting)
      .function("close", &WasmSession::Close)
      .function("lanesWanted", &WasmSession::LanesWanted)
      .function("connected", &WasmSession::Connected)
      .function("draining", &WasmSession::Draining)
      .function("transferBytes", &WasmSession::TransferBytes)
      .function("setMostBytesPerSecond", &WasmSession::SetMostBytesPerSecond)
      .function("setPath", &WasmSession::SetPath)
      .function("onPacketCounts", &WasmSession::OnPacketCounts)
      .function("stats", &WasmSession::Stats);
}

}  // namespace millrace
