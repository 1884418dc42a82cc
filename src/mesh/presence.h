// The agents in the room, from what they say there and from the connections that hold (PROTOCOL,
// "Mesh"). The room is whatever carries small messages to everyone in it. Nobody trusts it, so a
// connection counts for more than any message.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "mesh/topology.h"

namespace millrace {

// What agents say in their room.
struct RoomMessage {
  enum class Type : uint8_t {
    kHere,     // The speaker is here; it may name others.
    kBye,      // An agent leaves.
    kSuspect,  // The speaker believes that an agent is gone; who is not, says so.
  };

  Type type = Type::kHere;
  // kHere: the speaker, then those that it knows. Else: the one that it is about.
  std::vector<Agent> agents{};
  bool asks = false;     // kHere: who are the others?
  bool settled = false;  // kHere: the speaker holds its id already.
  std::string to{};      // The agent that it is for; empty: all.
};

struct PresenceOptions {
  // A second agent under an id yields to one that has been here for so long: longer than a word
  // takes through the room.
  Duration settle = Duration::Millis(500);
  // A suspect that says nothing for so long is gone (as in SWIM: Das, Gupta, Motivala 2002).
  Duration suspicion = Duration::Seconds(3);
  // For so long nobody's word but its own brings back one who is gone.
  Duration memory = Duration::Seconds(60);
  size_t most_agents = 5000;
  // Who is doubted or rivalled says that it is here at most this often, and who hears of an unknown
  // one asks: two that hold one id must not answer each other without end.
  Duration say_interval = Duration::Millis(500);
  // Who asked for the others and was answered by none of them asks again: those who would have to
  // answer may be dead, and nobody has seen it yet. Doubled each time.
  Duration first_ask = Duration::Seconds(1);
  Duration longest_ask = Duration::Seconds(16);
  // Agents that one message names at most: 64 KiB of signalling with ids of 64 bytes.
  size_t most_named = 256;
};

struct PresenceChange {
  enum class Type : uint8_t {
    kJoined,
    kLeft,
    kCapacity,  // Of another agent, or this one's own.
    kAsks,
  };

  Type type = Type::kJoined;
  Agent agent;
};

class Presence {
 public:
  // Says that `self` is here, and asks for the others.
  Presence(Agent self, const PresenceOptions& options, Timestamp now);

  // Takes what somebody said. Names that are none, and agents past the limit, are left out.
  void OnMessage(const RoomMessage& message, Timestamp now);
  // A connection to an agent holds, or does not any more. One that broke makes a suspect, unless
  // `on_purpose`, and ends one who has said goodbye.
  void OnConnection(std::string_view id, bool holds, bool on_purpose, Timestamp now);
  // Makes a suspect of an agent that no connection holds to.
  void Suspect(std::string_view id, Timestamp now);
  // Tells an agent that this one is here, and, if `all`, who else is.
  void Answer(std::string_view to, bool all);
  // Asks an agent that others seem to know whether it is here.
  void Ask(std::string_view id, Timestamp now);
  // The way to the room was lost and is back.
  void SayAgain();
  void SetCapacity(uint64_t bytes_per_second);
  void Leave();

  void AdvanceTime(Timestamp now);
  Timestamp NextTimeout() const;
  std::optional<RoomMessage> PollSay();
  std::optional<PresenceChange> PollChange();

  const Agent& self() const { return self_; }
  // Another agent has the id: this one has left.
  bool yielded() const { return yielded_; }
  // Null: not here.
  const Agent* Find(std::string_view id) const;
  // `self` first.
  std::vector<Agent> Room() const;
  size_t others() const { return members_.size(); }
  // In the order of the ids.
  template <typename Visit>
  void ForEachOther(Visit visit) const {
    for (const auto& [id, member] : members_) visit(member.agent);
  }

 private:
  struct Member {
    Agent agent;
    bool connected = false;
    bool said_bye = false;
    Timestamp gone_at = Timestamp::Never();  // Of a suspect.
    std::optional<Agent> successor{};        // Asks for the id while its holder may be gone.
  };
  using Members = std::map<std::string, Member, std::less<>>;

  void SayHere(bool asks, std::string_view to = {});
  void SayHereSoon(Timestamp now);
  void OnHere(const RoomMessage& message, Timestamp now);
  void OnRival(const Agent& rival, bool settled, Timestamp now);
  void Take(const Agent& agent, bool own_word, Timestamp now);
  void OnBye(const Agent& agent, Timestamp now);
  void OnSuspect(const Agent& agent, Timestamp now);
  void Doubt(Member& member, Timestamp now);
  void Remove(Members::iterator at, Timestamp now);
  bool IsSelf(const Agent& agent) const {
    return agent.id == self_.id && agent.incarnation == self_.incarnation;
  }

  Agent self_;
  PresenceOptions options_;
  Timestamp settled_at_;
  bool settled_ = false;
  bool left_ = false;
  bool yielded_ = false;
  Members members_;
  Timestamp may_say_at_;
  Timestamp may_ask_at_;
  bool answered_ = false;
  Timestamp ask_at_;  // While not answered.
  Duration ask_wait_;
  Timestamp say_at_ = Timestamp::Never();
  // No suspect goes before this; may be early.
  Timestamp next_gone_ = Timestamp::Never();
  struct Gone {
    Incarnation incarnation;
    Timestamp until;
  };
  std::map<std::string, Gone, std::less<>> gone_;
  std::deque<RoomMessage> says_;
  std::deque<PresenceChange> changes_;
};

}  // namespace millrace
