#include "measure/ping_sample.h"

#include <catch2/catch_test_macros.hpp>

namespace millrace {
namespace {

constexpr Timestamp At(int64_t micros) { return Timestamp::FromMicros(micros); }

TEST_CASE("a sample has the round trip, and the difference of the two clocks one way") {
  // The peer's clock is 1 s ahead, and the way there takes 30 ms.
  const PingSample ahead = PingSample::Between(At(5'000'000), At(6'030'000), At(5'050'000));
  CHECK(ahead.round_trip == Duration::Millis(50));
  CHECK(ahead.one_way == Duration::Millis(1030));
  // It is behind.
  CHECK(PingSample::Between(At(5'000'000), At(30'000), At(5'050'000)).one_way ==
        Duration::Millis(-4970));
}

TEST_CASE("receive times that lie give bounded values, which never overflow in a difference") {
  const Timestamp sent = At(5'000'000);
  const Timestamp now = At(5'050'000);
  for (const int64_t lie : {INT64_MAX, INT64_MIN, INT64_MAX - 1, int64_t{1} << 60, int64_t{0}}) {
    for (const int64_t clock : {int64_t{0}, INT64_MAX - 100, int64_t{-1} << 61}) {
      const PingSample sample = PingSample::Between(At(clock), At(lie), At(clock + 50));
      CHECK(sample.round_trip == Duration::Micros(50));
      CHECK(sample.one_way <= PingSample::kMostOffset);
      CHECK(sample.one_way >= Duration() - PingSample::kMostOffset);
    }
  }
  // Two lies, as far apart as they may be.
  const PingSample early = PingSample::Between(sent, At(INT64_MIN), now);
  const PingSample late = PingSample::Between(sent, At(INT64_MAX), now);
  CHECK(late.one_way - early.one_way <= PingSample::kMostOffset * 2);
}

}  // namespace
}  // namespace millrace
