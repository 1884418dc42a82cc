#include "mesh/presence.h"

#include <catch2/catch_test_macros.hpp>
#include <string>
#include <vector>

namespace millrace {
namespace {

Timestamp At(int64_t ms) { return Timestamp::FromMicros(ms * 1000); }

Agent Named(const std::string& id, uint64_t incarnation = 1, uint64_t capacity = 0) {
  return {id, Incarnation(incarnation), capacity};
}

RoomMessage Here(std::vector<Agent> agents, bool asks = false, bool settled = false) {
  return {.agents = std::move(agents), .asks = asks, .settled = settled};
}

RoomMessage About(RoomMessage::Type type, Agent agent) { return {.type = type, .agents = {agent}}; }

// "+b" joined, "-b" left, "?b" asks, "c b" another capacity.
std::string Changes(Presence& presence) {
  std::string text;
  while (const auto change = presence.PollChange()) {
    constexpr char kSigns[] = {'+', '-', 'c', '?'};
    text += kSigns[static_cast<size_t>(change->type)] + change->agent.id;
  }
  return text;
}

// "h" here, "b" bye, "s" suspect, and of whom.
std::string Says(Presence& presence) {
  std::string text;
  while (const auto said = presence.PollSay()) {
    constexpr char kSigns[] = {'h', 'b', 's'};
    text += kSigns[static_cast<size_t>(said->type)];
    for (const Agent& agent : said->agents) text += agent.id;
    if (!said->to.empty()) text += ">" + said->to;
  }
  return text;
}

Presence Fresh(const std::string& id = "a", uint64_t incarnation = 5) {
  return Presence(Named(id, incarnation), {}, At(0));
}

TEST_CASE("who says that it is here is in the room, and so is who is named by it") {
  Presence presence = Fresh();
  CHECK(Says(presence) == "ha");
  presence.OnMessage(Here({Named("b"), Named("c"), Named("a", 9)}, true), At(1));
  CHECK(Changes(presence) == "+b+c?b");
  presence.Answer("b", true);
  CHECK(Says(presence) == "hac>b");
  CHECK(presence.Room().size() == 3);
  presence.OnMessage(Here({Named("b")}), At(2));
  CHECK(Changes(presence) == "");
  presence.OnMessage(Here({Named("b", 1, 1'000'000)}), At(2));
  CHECK(Changes(presence) == "cb");
}

TEST_CASE("who is asked by its name answers for itself") {
  Presence a = Fresh("a");
  Presence b = Fresh("b");
  Says(a);
  Says(b);
  a.Ask("b", At(1));
  a.Ask("b", At(2));
  const std::optional<RoomMessage> question = a.PollSay();
  REQUIRE(question.has_value());
  CHECK_FALSE(a.PollSay().has_value());
  b.OnMessage(*question, At(30));
  CHECK(Changes(b) == "+a");
  const std::optional<RoomMessage> answer = b.PollSay();
  REQUIRE(answer.has_value());
  CHECK(answer->to == "a");
  a.OnMessage(*answer, At(60));
  CHECK(Changes(a) == "+b");
  CHECK(Says(a) == "");
}

TEST_CASE("who is not answered asks again, and who is does not") {
  Presence presence = Fresh();
  Says(presence);
  presence.AdvanceTime(At(1000));
  CHECK(Says(presence) == "");  // It is alone.
  presence.OnMessage(Here({Named("b")}), At(1500));
  presence.AdvanceTime(At(2999));
  CHECK(Says(presence) == "");
  presence.AdvanceTime(At(3000));
  CHECK(Says(presence) == "ha");
  CHECK(presence.NextTimeout() == At(7000));
  RoomMessage answer = Here({Named("b"), Named("c")});
  answer.to = "a";
  presence.OnMessage(answer, At(3100));
  presence.AdvanceTime(At(60'000));
  CHECK(Says(presence) == "");
  CHECK(presence.NextTimeout().IsNever());
}

TEST_CASE("words that are none change nothing") {
  Presence presence = Fresh();
  Says(presence);
  presence.OnMessage({}, At(1));
  presence.OnMessage(Here({Named("")}), At(1));
  presence.OnMessage(Here({Named(std::string(65, 'x'))}), At(1));
  presence.OnMessage(Here({Named("\xff")}), At(1));
  presence.OnMessage(About(RoomMessage::Type::kBye, Named("nobody")), At(1));
  presence.OnMessage(About(RoomMessage::Type::kSuspect, Named("nobody")), At(1));
  RoomMessage other = Here({Named("b")});
  other.to = "c";
  presence.OnMessage(other, At(1));
  CHECK(Changes(presence) == "");
  CHECK(Says(presence) == "");
}

TEST_CASE("no more agents are taken than the limit") {
  PresenceOptions options;
  options.most_agents = 3;
  Presence presence(Named("a"), options, At(0));
  for (int i = 0; i < 10; ++i) {
    presence.OnMessage(Here({Named("b" + std::to_string(i))}, true), At(1));
  }
  CHECK(presence.others() == 3);
  CHECK(Changes(presence) == "+b0?b0+b1?b1+b2?b2");
}

TEST_CASE("a suspect that says nothing is gone, and only its own word brings it back") {
  Presence presence = Fresh();
  presence.OnMessage(Here({Named("b")}), At(0));
  presence.Suspect("b", At(100));
  presence.Suspect("b", At(200));
  CHECK(Says(presence) == "hasb");
  presence.AdvanceTime(At(3099));
  CHECK(Changes(presence) == "+b");
  CHECK(presence.NextTimeout() == At(3100));
  presence.AdvanceTime(At(3100));
  CHECK(Changes(presence) == "-b");
  presence.OnMessage(Here({Named("c"), Named("b")}), At(3200));
  CHECK(Changes(presence) == "+c");
  presence.OnMessage(Here({Named("c"), Named("b", 2)}), At(3200));
  CHECK(Changes(presence) == "+b");
}

TEST_CASE("a suspect that says that it is here stays, and a suspect says so") {
  Presence a = Fresh("a", 5);
  a.OnMessage(Here({Named("b")}), At(0));
  a.OnMessage(About(RoomMessage::Type::kSuspect, Named("b")), At(100));
  a.OnMessage(Here({Named("b")}), At(2000));
  a.AdvanceTime(At(10'000));
  CHECK(Changes(a) == "+b");
  Says(a);
  a.OnMessage(About(RoomMessage::Type::kSuspect, Named("a", 5)), At(10'000));
  a.OnMessage(About(RoomMessage::Type::kBye, Named("a", 5)), At(10'001));
  CHECK(Says(a) == "ha");
  CHECK(a.NextTimeout() == At(10'500));
  a.AdvanceTime(At(10'500));
  CHECK(Says(a) == "ha");
}

TEST_CASE("while a connection holds, nobody's word ends it") {
  Presence presence = Fresh();
  presence.OnMessage(Here({Named("b")}), At(0));
  presence.OnConnection("b", true, false, At(10));
  presence.OnMessage(About(RoomMessage::Type::kSuspect, Named("b")), At(20));
  presence.OnMessage(About(RoomMessage::Type::kBye, Named("b")), At(20));
  presence.AdvanceTime(At(60'000));
  CHECK(Changes(presence) == "+b");
  // With the goodbye before it, its end is the end.
  presence.OnConnection("b", false, false, At(60'001));
  CHECK(Changes(presence) == "-b");
}

TEST_CASE("a broken connection makes a suspect, one that is not needed any more does not") {
  Presence presence = Fresh();
  presence.OnMessage(Here({Named("b"), Named("c")}), At(0));
  for (const char* id : {"b", "c"}) presence.OnConnection(id, true, false, At(10));
  Says(presence);
  presence.OnConnection("b", false, false, At(20));
  presence.OnConnection("c", false, true, At(20));
  CHECK(Says(presence) == "sb");
  // Back in time.
  presence.OnConnection("b", true, false, At(1000));
  presence.AdvanceTime(At(60'000));
  CHECK(presence.others() == 2);
}

TEST_CASE("of two with one id the one that is settled stays") {
  Presence first = Fresh("a", 9);
  first.AdvanceTime(At(2000));
  Presence second = Fresh("a", 5);
  first.OnMessage(*second.PollSay(), At(2100));
  CHECK_FALSE(first.yielded());
  first.PollSay();
  const std::optional<RoomMessage> answer = first.PollSay();
  REQUIRE(answer.has_value());
  CHECK(answer->settled);
  second.OnMessage(*answer, At(100));
  CHECK(second.yielded());
  CHECK(Says(second) == "ba");
}

TEST_CASE("of two that come at once the smaller incarnation stays") {
  Presence small = Fresh("a", 5);
  Presence large = Fresh("a", 9);
  const RoomMessage of_small = *small.PollSay();
  const RoomMessage of_large = *large.PollSay();
  small.OnMessage(of_large, At(30));
  large.OnMessage(of_small, At(30));
  CHECK_FALSE(small.yielded());
  CHECK(large.yielded());
}

TEST_CASE("two settled ones under one id do not answer each other without end") {
  Presence first = Fresh("a", 5);
  first.AdvanceTime(At(2000));
  Says(first);
  for (int i = 0; i < 100; ++i) {
    first.OnMessage(Here({Named("a", 9)}, false, true), At(2000 + i));
    first.AdvanceTime(At(2000 + i));
  }
  CHECK(Says(first) == "ha");
  CHECK_FALSE(first.yielded());
}

TEST_CASE("who comes back under its id takes the place of who is gone") {
  Presence presence = Fresh();
  presence.OnMessage(Here({Named("b", 1)}), At(0));
  presence.OnConnection("b", true, false, At(0));
  presence.OnMessage(Here({Named("b", 2)}, true), At(1000));
  CHECK(Changes(presence) == "+b");
  presence.OnConnection("b", false, false, At(1500));
  presence.AdvanceTime(At(4500));
  CHECK(Changes(presence) == "-b+b");
  CHECK(presence.Find("b")->incarnation == Incarnation(2));

  // And does not where it gave the id up.
  presence.OnMessage(Here({Named("b", 3)}), At(5000));
  presence.OnMessage(About(RoomMessage::Type::kBye, Named("b", 3)), At(5001));
  presence.OnMessage(Here({Named("b", 2)}), At(5002));
  presence.AdvanceTime(At(60'000));
  CHECK(presence.Find("b")->incarnation == Incarnation(2));
}

TEST_CASE("many agents are named in several messages") {
  PresenceOptions options;
  options.most_named = 4;
  Presence presence(Named("a"), options, At(0));
  for (int i = 0; i < 10; ++i) {
    presence.OnMessage(Here({Named("b" + std::to_string(i))}), At(0));
  }
  Says(presence);
  presence.Answer("b9", true);
  CHECK(Says(presence) == "hab0b1b2b3>b9hab4b5b6b7>b9hab8>b9");
}

TEST_CASE("an agent says its capacity when the power of two changes") {
  Presence presence = Fresh();
  Says(presence);
  presence.SetCapacity(1'000'000);
  CHECK(Says(presence) == "ha");
  CHECK(Changes(presence) == "ca");
  presence.SetCapacity(1'000'001);
  CHECK(Says(presence) == "");
  CHECK(Changes(presence) == "");
  CHECK(presence.self().capacity == 1'000'001);
  presence.Leave();
  CHECK(Says(presence) == "ba");
  presence.SetCapacity(4'000'000);
  CHECK(Says(presence) == "");
}

TEST_CASE("who has left says and hears nothing more") {
  Presence presence = Fresh();
  presence.Leave();
  presence.Leave();
  CHECK(Says(presence) == "haba");
  presence.OnMessage(Here({Named("b")}), At(1));
  presence.OnMessage(About(RoomMessage::Type::kSuspect, Named("a", 5)), At(1));
  presence.SayAgain();
  CHECK(Changes(presence) == "");
  CHECK(Says(presence) == "");
  CHECK(presence.NextTimeout().IsNever());
}

}  // namespace
}  // namespace millrace
