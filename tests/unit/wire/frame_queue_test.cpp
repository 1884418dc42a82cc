#include "wire/frame_queue.h"

#include <catch2/catch_test_macros.hpp>
#include <string>
#include <vector>

#include "wire/record.h"

namespace millrace {
namespace {

TEST_CASE("frames leave in order, whole, as many as fit") {
  FrameQueue queue;
  for (uint64_t token = 0; token < 5; ++token) queue.Push(PingFrame{token});
  std::vector<uint8_t> room(2 * 9 + 8);
  ByteWriter first(room);
  CHECK(queue.PackInto(first) == 2);
  ByteReader reader(first.written());
  CHECK(std::get<PingFrame>(DecodeFrame(reader).value()).token == 0);
  CHECK(std::get<PingFrame>(DecodeFrame(reader).value()).token == 1);
  std::vector<uint8_t> rest(1024);
  ByteWriter second(rest);
  CHECK(queue.PackInto(second) == 3);
  CHECK(queue.empty());
}

TEST_CASE("the longest frames still fit into one control record") {
  FrameQueue queue;
  const std::string signal(kMaxSignalBytes, 's');
  queue.Push(SignalFrame{signal});
  REQUIRE_FALSE(queue.empty());
  std::vector<uint8_t> room(kMaxControlRecordBytes - kRecordOverheadBytes);
  ByteWriter writer(room);
  CHECK(queue.PackInto(writer) == 1);
}

}  // namespace
}  // namespace millrace
