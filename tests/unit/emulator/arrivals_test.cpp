#include "emulator/arrivals.h"

#include <catch2/catch_test_macros.hpp>
#include <vector>

namespace millrace::emulator {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Some moment; nothing depends on which.
const Time kStart = Time(seconds(1000));

Arrival At(Nanoseconds after, uint32_t packet) {
  return {kStart + after, static_cast<PacketId>(packet), Side::kA};
}

// The numbers of all packets that reach the link by then.
std::vector<uint32_t> PollAll(Arrivals& arrivals, Nanoseconds until) {
  std::vector<uint32_t> packets;
  while (const auto arrival = arrivals.Poll(kStart + until)) {
    packets.push_back(static_cast<uint32_t>(arrival->packet));
  }
  return packets;
}

TEST_CASE("packets reach the link in the order of their times, not of their reading") {
  Arrivals arrivals;
  CHECK(arrivals.NextEvent() == Time::max());
  for (const uint32_t ms : {30u, 10u, 40u, 20u}) arrivals.Push(At(milliseconds(ms), ms));
  CHECK(arrivals.NextEvent() == kStart + milliseconds(10));
  CHECK(PollAll(arrivals, milliseconds(9)).empty());
  CHECK(PollAll(arrivals, milliseconds(20)) == std::vector<uint32_t>{10, 20});
  CHECK(arrivals.NextEvent() == kStart + milliseconds(30));
  CHECK(PollAll(arrivals, milliseconds(100)) == std::vector<uint32_t>{30, 40});
  CHECK(arrivals.NextEvent() == Time::max());
}

TEST_CASE("packets of one time keep the order in which they were read") {
  Arrivals arrivals;
  std::vector<uint32_t> expected;
  for (uint32_t i = 0; i < 100; ++i) {
    arrivals.Push(At(milliseconds(i / 50), i));
    expected.push_back(i);
  }
  CHECK(PollAll(arrivals, milliseconds(1)) == expected);
}

}  // namespace
}  // namespace millrace::emulator
