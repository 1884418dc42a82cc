// A peer that holds real keys and says whatever a test wants: it shakes hands with a session and
// then seals any bytes.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "session/session.h"
#include "support/random.h"
#include "wire/frames.h"
#include "wire/record.h"

namespace millrace::testing {

class HostilePeer {
 public:
  static constexpr LaneId kBulk{1};

  // How far the connection is when the peer begins.
  enum class Stage : uint8_t { kControlOpen, kEstablished, kBulkOpen };

  // Connects to a fresh victim.
  explicit HostilePeer(uint64_t seed, const SessionOptions& options = {},
                       Stage stage = Stage::kBulkOpen, const HandshakeOptions& handshake = {});

  Session& victim() { return *victim_; }
  Timestamp now() const { return now_; }
  // Lets time pass for the victim, in one jump.
  void Advance(Duration span);

  // Answers the victim's hello, from the second time on as the one who was there before; no-op
  // where it said none.
  void ShakeHands();
  // A bulk lane opens on both sides.
  void OpenBulk(LaneId lane);
  // The victim sees a lane close.
  void CloseLane(LaneId lane);
  // The victim gets a new connection after it has lost one; its handshake is still to come.
  void Reconnect();

  // Delivers bytes as they are, a millisecond after what came before.
  void SendRaw(LaneId lane, std::vector<uint8_t> message);
  // Delivers one well-sealed record with this plaintext, or this frame on the lane where it
  // belongs.
  void SendPlaintext(LaneId lane, const std::vector<uint8_t>& plaintext);
  void SendFrame(LaneId lane, const Frame& frame);
  void SendFrame(const Frame& frame);
  // The sealed record, not delivered.
  std::vector<uint8_t> SealedFrame(LaneId lane, const Frame& frame);

  // Offers one file of `size` bytes, has the victim accept it, and answers the transfer's id.
  TransferId OfferAccepted(uint64_t size);
  // The n-th transfer number that this peer may give.
  TransferId OwnTransfer(uint32_t ordinal) const;
  // The n-th transfer number that the victim gives.
  TransferId VictimTransfer(uint32_t ordinal) const;

  // Drains the victim's outputs and writes; collects its events.
  void Drain();
  // Drains its outputs only, from channels that are never full; keeps its hello for ShakeHands.
  void DrainOutputs();
  // Reads an output of the victim.
  void Observe(const Output& output);
  // The token of the victim's newest ping; nothing before the first.
  std::optional<uint64_t> last_ping() const { return last_ping_; }
  // The victim's newest acknowledgement of each lane.
  const std::map<LaneId, AckFrame>& acks() const { return acks_; }
  // Acknowledges all that the victim has sent on its control lane.
  void AcknowledgeControl();
  const std::vector<Event>& events() const { return events_; }
  // How the victim's session ended, as text; "" while it lasts.
  std::string CloseCode();
  // Whether the victim's last words were a CLOSE with this code.
  std::optional<ErrorCode> CloseCodeOnWire();

 private:
  void OpenControl();
  SealedLane& LaneOf(LaneId id);

  Timestamp now_ = Timestamp::FromMicros(5'000'000);
  Random random_;
  uint64_t records_per_epoch_;
  HandshakeOptions handshake_options_;  // Of both sides.
  std::unique_ptr<Session> victim_;
  std::optional<SessionSecrets> first_secrets_;
  std::optional<SessionSecrets> secrets_;  // Of the present connection.
  std::map<LaneId, SealedLane> lanes_;
  std::vector<Event> events_;
  std::optional<ErrorCode> close_code_;
  std::optional<uint64_t> last_ping_;
  std::map<LaneId, AckFrame> acks_;
  std::vector<uint8_t> hello_;
  std::vector<uint8_t> scratch_ = std::vector<uint8_t>(kMaxMessageBytes);
};

// A manifest frame's entries, encoded.
std::vector<uint8_t> EncodeEntries(const std::vector<FileEntry>& entries);

}  // namespace millrace::testing
