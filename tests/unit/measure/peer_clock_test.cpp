#include "measure/peer_clock.h"

#include <catch2/catch_test_macros.hpp>

namespace millrace {
namespace {

constexpr Timestamp At(int64_t millis) { return Timestamp::FromMicros(millis * 1000); }

TEST_CASE("times of the peer keep their distances, whatever its clock shows") {
  for (const int64_t ahead : {-1'000'000, 0, 777, 1'000'000'000}) {
    PeerClock clock;
    // Learned of at once, then 30 ms late.
    CHECK(clock.ToLocal(At(1000 + ahead), At(1000)) == At(1000));
    CHECK(clock.ToLocal(At(1040 + ahead), At(1070)) == At(1040));
    CHECK(clock.ToLocal(At(1050 + ahead), At(1080)) == At(1050));
  }
}

TEST_CASE("a peer that lies stays within half a second of the truth") {
  PeerClock clock;
  for (const int64_t lie : {INT64_MAX, INT64_MIN, INT64_MAX / 2, int64_t{-1}, int64_t{0}}) {
    const Timestamp now = At(100'000);
    const Timestamp local = clock.ToLocal(Timestamp::FromMicros(lie), now);
    CHECK(local <= now);
    CHECK(now - local <= PeerClock::kMostAge);
  }
  // Far ahead once, so that everything after it seems old.
  clock.ToLocal(At(900'000), At(100'001));
  CHECK(clock.ToLocal(At(100'002), At(100'002)) == At(99'502));
}

}  // namespace
}  // namespace millrace
