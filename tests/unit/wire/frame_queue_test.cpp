#include "wire/frame_queue.h"

#include <catch2/catch_test_macros.hpp>
#include <string>
#include <vector>

#include "wire/record.h"

namespace millrace {
namespace {

std::vector<uint64_t> Pack(FrameQueue& queue, size_t room, uint64_t number) {
  std::vector<uint8_t> bytes(room);
  ByteWriter writer(bytes);
  queue.PackInto(writer, PacketNumber(number));
  std::vector<uint64_t> tokens;
  ByteReader reader(writer.written());
  while (!reader.AtEnd()) tokens.push_back(std::get<PingFrame>(DecodeFrame(reader).value()).token);
  return tokens;
}

using Tokens = std::vector<uint64_t>;

TEST_CASE("frames leave in order, whole, as many as fit") {
  MemoryBudget memory(kMaxStateBytes);
  FrameQueue queue(memory);
  for (uint64_t token = 0; token < 5; ++token) queue.Push(PingFrame{token});
  CHECK(Pack(queue, 2 * 9 + 8, 0) == Tokens{0, 1});
  CHECK_FALSE(queue.empty());
  CHECK(Pack(queue, 1024, 1) == Tokens{2, 3, 4});
  CHECK(queue.empty());
  CHECK(Pack(queue, 1024, 2).empty());
}

TEST_CASE("what did not arrive is sent again on a new lane, what did is forgotten") {
  MemoryBudget memory(kMaxStateBytes);
  FrameQueue queue(memory);
  for (uint64_t token = 0; token < 6; ++token) queue.Push(PingFrame{token});
  Pack(queue, 2 * 9, 0);
  Pack(queue, 2 * 9, 5);
  queue.OnArrived(PacketNumber(0));
  queue.OnNewLane();
  CHECK_FALSE(queue.Rewind(1));  // Already known to have arrived.
  CHECK_FALSE(queue.Rewind(5));  // Never sent.
  REQUIRE(queue.Rewind(3));
  CHECK(Pack(queue, 1024, 0) == Tokens{3, 4, 5});
  queue.OnArrived(PacketNumber(0));
  queue.Push(PingFrame{6});
  queue.OnNewLane();
  REQUIRE(queue.Rewind(6));
  CHECK(Pack(queue, 1024, 0) == Tokens{6});
}

// The lanes' records have the same numbers, and a RESUME may be acknowledged before the peer's
// comes.
TEST_CASE("records of a new lane that arrive take nothing that an earlier lane had carried") {
  MemoryBudget memory(kMaxStateBytes);
  FrameQueue queue(memory);
  for (uint64_t token = 0; token < 3; ++token) queue.Push(PingFrame{token});
  Pack(queue, 1024, 0);
  queue.OnNewLane();
  queue.OnArrived(PacketNumber(0));
  REQUIRE(queue.Rewind(1));
  CHECK(Pack(queue, 1024, 1) == Tokens{1, 2});
}

TEST_CASE("an acknowledgement of an earlier record forgets nothing that came later") {
  MemoryBudget memory(kMaxStateBytes);
  FrameQueue queue(memory);
  queue.Push(PingFrame{0});
  Pack(queue, 64, 3);
  queue.OnArrived(PacketNumber(2));
  queue.OnNewLane();
  REQUIRE(queue.Rewind(0));
  CHECK(Pack(queue, 64, 0) == Tokens{0});
}

TEST_CASE("the longest frames still fit into one control record") {
  MemoryBudget memory(kMaxStateBytes);
  FrameQueue queue(memory);
  const std::string signal(kMaxSignalBytes, 's');
  queue.Push(SignalFrame{signal});
  REQUIRE_FALSE(queue.empty());
  std::vector<uint8_t> room(kMaxControlRecordBytes - kRecordOverheadBytes);
  ByteWriter writer(room);
  CHECK(queue.PackInto(writer, PacketNumber(0)) == 1);
}

TEST_CASE("frames take what memory there is, and a queue that misses one says so") {
  constexpr size_t kPing = FrameQueue::kFrameBytes + 9;
  MemoryBudget memory(3 * kPing);
  FrameQueue queue(memory);
  for (uint64_t token = 0; token < 3; ++token) queue.Push(PingFrame{token});
  CHECK_FALSE(queue.overflowed());
  CHECK(memory.free_bytes() == 0);
  SECTION("what has arrived makes room") {
    Pack(queue, 2 * 9, 0);
    queue.OnArrived(PacketNumber(0));
    CHECK(memory.free_bytes() == 2 * kPing);
    queue.Push(PingFrame{3});
    CHECK_FALSE(queue.overflowed());
  }
  SECTION("until it is cleared") {
    queue.Push(PingFrame{3});
    CHECK(queue.overflowed());
    queue.Clear();
    CHECK_FALSE(queue.overflowed());
    CHECK(memory.free_bytes() == 3 * kPing);
  }
}

}  // namespace
}  // namespace millrace
