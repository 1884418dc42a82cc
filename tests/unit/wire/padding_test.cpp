#include "wire/padding.h"

#include <catch2/catch_test_macros.hpp>

namespace millrace {
namespace {

TEST_CASE("control records come in four sizes") {
  CHECK(PaddedControlBytes(1) == 256);
  CHECK(PaddedControlBytes(256) == 256);
  CHECK(PaddedControlBytes(257) == 1024);
  CHECK(PaddedControlBytes(4096) == 4096);
  CHECK(PaddedControlBytes(4097) == kMaxControlRecordBytes);
  CHECK(PaddedControlBytes(kMaxControlRecordBytes) == kMaxControlRecordBytes);
}

TEST_CASE("totals grow by 12 % at most, and what is padded stays") {
  CHECK(PaddedTotal(0) == 0);
  CHECK(PaddedTotal(8) == 8);
  CHECK(PaddedTotal(9) == 10);
  CHECK(PaddedTotal(1000) == 1024);
  CHECK(PaddedTotal((uint64_t{1} << 40) + 1) == (uint64_t{1} << 40) + (uint64_t{1} << 34));
  uint64_t before = 0;
  for (uint64_t count = 1; count < 100'000; ++count) {
    const uint64_t padded = PaddedTotal(count);
    REQUIRE(padded >= count);
    REQUIRE(100 * (padded - count) <= 12 * count);
    REQUIRE(PaddedTotal(padded) == padded);
    REQUIRE(padded >= before);
    before = padded;
  }
}

}  // namespace
}  // namespace millrace
