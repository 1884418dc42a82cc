// A peer that holds real keys and says whatever a test wants: it shakes hands with a session and
// then seals any bytes.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "session/session.h"
#include "support/random.h"
#include "wire/frames.h"

namespace millrace::testing {

class HostilePeer {
 public:
  static constexpr LaneId kBulk{1};

  // Connects to a fresh victim, with the control and one bulk lane open.
  explicit HostilePeer(uint64_t seed, const SessionOptions& options = {});

  Session& victim() { return *victim_; }
  Timestamp now() const { return now_; }

  // Delivers bytes as they are.
  void SendRaw(LaneId lane, std::vector<uint8_t> message);
  // Delivers one well-sealed record with this plaintext; with `number`, under that packet number.
  void SendPlaintext(LaneId lane, const std::vector<uint8_t>& plaintext);
  void SendFrame(LaneId lane, const Frame& frame);
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
  const std::vector<Event>& events() const { return events_; }
  // How the victim's session ended, as text; "" while it lasts.
  std::string CloseCode();
  // Whether the victim's last words were a CLOSE with this code.
  std::optional<ErrorCode> CloseCodeOnWire();

 private:
  Lane& LaneOf(LaneId id) { return id == kControlLane ? control_ : bulk_; }

  Timestamp now_ = Timestamp::FromMicros(5'000'000);
  Random random_;
  std::unique_ptr<Session> victim_;
  std::optional<SessionSecrets> secrets_;
  Lane control_;
  Lane bulk_;
  std::vector<Event> events_;
  std::optional<ErrorCode> close_code_;
};

// A manifest frame's entries, encoded.
std::vector<uint8_t> EncodeEntries(const std::vector<FileEntry>& entries);

}  // namespace millrace::testing
