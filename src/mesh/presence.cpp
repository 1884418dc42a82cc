#include "mesh/presence.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace millrace {

Presence::Presence(Agent self, const PresenceOptions& options, Timestamp now)
    : self_(std::move(self)),
      options_(options),
      settled_at_(now + options.settle),
      ask_at_(now + options.first_ask),
      ask_wait_(options.first_ask) {
  SayHere(true);
}

void Presence::SayHere(bool asks, std::string_view to) {
  says_.push_back({.agents = {self_}, .asks = asks, .settled = settled_, .to = std::string(to)});
}

void Presence::SayHereSoon(Timestamp now) {
  say_at_ = std::min(say_at_, std::max(now, may_say_at_));
  if (say_at_ > now) return;
  say_at_ = Timestamp::Never();
  may_say_at_ = now + options_.say_interval;
  SayHere(false);
}

void Presence::Ask(std::string_view id, Timestamp now) {
  if (left_ || now < may_ask_at_) return;
  may_ask_at_ = now + options_.say_interval;
  SayHere(true, id);
}

void Presence::SayAgain() {
  if (!left_) SayHere(true);
}

void Presence::SetCapacity(uint64_t bytes_per_second) {
  const bool differs = std::bit_width(bytes_per_second) != std::bit_width(self_.capacity);
  self_.capacity = bytes_per_second;
  if (!differs || left_) return;
  SayHere(false);
  changes_.push_back({PresenceChange::Type::kCapacity, self_});
}

void Presence::Leave() {
  if (left_) return;
  left_ = true;
  says_.push_back({.type = RoomMessage::Type::kBye, .agents = {self_}});
}

void Presence::Answer(std::string_view to, bool all) {
  if (left_) return;
  SayHere(false, to);
  if (!all) return;
  for (const auto& [id, member] : members_) {
    if (id == to || member.gone_at != Timestamp::Never()) continue;
    if (says_.back().agents.size() > options_.most_named) SayHere(false, to);
    says_.back().agents.push_back(member.agent);
  }
}

void Presence::OnMessage(const RoomMessage& message, Timestamp now) {
  if (left_ || message.agents.empty() || !IsAgentId(message.agents.front().id)) return;
  if (!message.to.empty() && message.to != self_.id) return;
  if (!message.to.empty() && !message.asks) answered_ = true;
  switch (message.type) {
    case RoomMessage::Type::kHere:
      return OnHere(message, now);
    case RoomMessage::Type::kBye:
      return OnBye(message.agents.front(), now);
    case RoomMessage::Type::kSuspect:
      return OnSuspect(message.agents.front(), now);
  }
}

void Presence::OnHere(const RoomMessage& message, Timestamp now) {
  const Agent& speaker = message.agents.front();
  if (IsSelf(speaker)) return;
  if (speaker.id == self_.id) return OnRival(speaker, message.settled, now);
  Take(speaker, true, now);
  const size_t named = std::min(message.agents.size(), options_.most_named + 1);
  for (size_t i = 1; i < named; ++i) Take(message.agents[i], false, now);
  if (message.asks && !message.to.empty()) return SayHere(false, speaker.id);
  const Agent* known = Find(speaker.id);
  if (message.asks && known != nullptr && known->incarnation == speaker.incarnation) {
    changes_.push_back({PresenceChange::Type::kAsks, speaker});
  }
}

// Another one under this id. Who came first stays; where neither has been here for long, the
// smaller incarnation does.
void Presence::OnRival(const Agent& rival, bool settled, Timestamp now) {
  if (now >= settled_at_) settled_ = true;
  if (settled_ || (!settled && self_.incarnation < rival.incarnation)) return SayHereSoon(now);
  Leave();
  yielded_ = true;
}

void Presence::Take(const Agent& agent, bool own_word, Timestamp now) {
  if (agent.id == self_.id || !IsAgentId(agent.id)) return;
  const auto gone = gone_.find(agent.id);
  if (!own_word && gone != gone_.end() && gone->second.incarnation == agent.incarnation) return;
  const auto at = members_.find(agent.id);
  if (at == members_.end()) {
    if (members_.size() >= options_.most_agents) return;
    if (own_word && gone != gone_.end()) gone_.erase(gone);
    members_.emplace(agent.id, Member{.agent = agent});
    changes_.push_back({PresenceChange::Type::kJoined, agent});
    return;
  }
  Member& member = at->second;
  if (member.agent.incarnation == agent.incarnation) {
    if (!own_word) return;
    member.gone_at = Timestamp::Never();
    if (std::bit_width(member.agent.capacity) != std::bit_width(agent.capacity)) {
      member.agent.capacity = agent.capacity;
      changes_.push_back({PresenceChange::Type::kCapacity, agent});
    }
    return;
  }
  if (!own_word) return;
  member.successor = agent;
  if (!member.connected) Suspect(agent.id, now);
}

void Presence::OnBye(const Agent& agent, Timestamp now) {
  // Said in this one's name by somebody else.
  if (IsSelf(agent)) return SayHereSoon(now);
  const auto at = members_.find(agent.id);
  if (at == members_.end()) return;
  Member& member = at->second;
  if (member.successor && member.successor->incarnation == agent.incarnation) {
    member.successor.reset();
  }
  if (member.agent.incarnation != agent.incarnation) return;
  // While a connection holds, only its end shows that it is true.
  member.said_bye = true;
  if (!member.connected) Remove(at, now);
}

void Presence::OnSuspect(const Agent& agent, Timestamp now) {
  if (IsSelf(agent)) return SayHereSoon(now);
  const auto at = members_.find(agent.id);
  if (at == members_.end() || at->second.agent.incarnation != agent.incarnation) return;
  if (!at->second.connected) Doubt(at->second, now);
}

void Presence::Doubt(Member& member, Timestamp now) {
  member.gone_at = std::min(member.gone_at, now + options_.suspicion);
  next_gone_ = std::min(next_gone_, member.gone_at);
}

void Presence::Suspect(std::string_view id, Timestamp now) {
  const auto at = members_.find(id);
  if (left_ || at == members_.end() || at->second.connected) return;
  // Said once in a while only: who is in doubt already hears of it.
  if (at->second.gone_at == Timestamp::Never()) {
    says_.push_back({.type = RoomMessage::Type::kSuspect, .agents = {at->second.agent}});
  }
  Doubt(at->second, now);
}

void Presence::OnConnection(std::string_view id, bool holds, bool on_purpose, Timestamp now) {
  const auto at = members_.find(id);
  if (at == members_.end()) return;
  Member& member = at->second;
  const bool broke = member.connected && !holds;
  member.connected = holds;
  if (holds) member.gone_at = Timestamp::Never();
  if (!broke) return;
  if (member.said_bye) return Remove(at, now);
  if (!on_purpose || member.successor) Suspect(id, now);
}

void Presence::Remove(Members::iterator at, Timestamp now) {
  Member member = std::move(at->second);
  members_.erase(at);
  // Bounded, whoever is named: what is oldest matters least.
  if (gone_.size() >= options_.most_agents) gone_.erase(gone_.begin());
  gone_.insert_or_assign(member.agent.id, Gone{member.agent.incarnation, now + options_.memory});
  changes_.push_back({PresenceChange::Type::kLeft, member.agent});
  if (member.successor) Take(*member.successor, true, now);
}

void Presence::AdvanceTime(Timestamp now) {
  if (now >= settled_at_) settled_ = true;
  if (say_at_ <= now && !left_) SayHereSoon(now);
  if (!answered_ && ask_at_ <= now && !left_) {
    ask_wait_ = std::min(ask_wait_ * 2, options_.longest_ask);
    ask_at_ = now + ask_wait_;
    // Alone, there is nobody to answer, and whoever comes says so.
    if (!members_.empty()) SayHere(true);
  }
  if (now < next_gone_) return;
  next_gone_ = Timestamp::Never();
  std::vector<std::string> gone;
  for (const auto& [id, member] : members_) {
    if (member.gone_at <= now)
      gone.push_back(id);
    else
      next_gone_ = std::min(next_gone_, member.gone_at);
  }
  for (const std::string& id : gone) Remove(members_.find(id), now);
  std::erase_if(gone_, [now](const auto& entry) { return entry.second.until <= now; });
}

Timestamp Presence::NextTimeout() const {
  if (left_) return Timestamp::Never();
  const Timestamp next = std::min({say_at_, next_gone_, answered_ ? Timestamp::Never() : ask_at_});
  return settled_ ? next : std::min(settled_at_, next);
}

std::optional<RoomMessage> Presence::PollSay() {
  if (says_.empty()) return std::nullopt;
  RoomMessage message = std::move(says_.front());
  says_.pop_front();
  return message;
}

std::optional<PresenceChange> Presence::PollChange() {
  if (changes_.empty()) return std::nullopt;
  PresenceChange change = std::move(changes_.front());
  changes_.pop_front();
  return change;
}

const Agent* Presence::Find(std::string_view id) const {
  const auto at = members_.find(id);
  return at == members_.end() ? nullptr : &at->second.agent;
}

std::vector<Agent> Presence::Room() const {
  std::vector<Agent> room = {self_};
  for (const auto& [id, member] : members_) room.push_back(member.agent);
  return room;
}

}  // namespace millrace
