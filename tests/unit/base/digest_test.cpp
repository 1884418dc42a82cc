#include "base/digest.h"

#include <catch2/catch_test_macros.hpp>
#include <vector>

namespace millrace {
namespace {

TEST_CASE("bytes as text are two lower-case digits each, leading zeros included") {
  CHECK(ToHex({}) == "");
  CHECK(ToHex(std::vector<uint8_t>{0x00, 0x01, 0x0a, 0x7f, 0xa0, 0xff}) == "00010a7fa0ff");
}

}  // namespace
}  // namespace millrace
