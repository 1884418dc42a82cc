#include "measure/packet_loss.h"

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

namespace millrace {
namespace {

constexpr Timestamp At(int64_t millis) { return Timestamp::FromMicros(millis * 1000); }

TEST_CASE("the share lost is of what was sent between answers of the last seconds") {
  PacketLoss loss;
  CHECK_FALSE(loss.share());
  loss.OnAnswer(1000, 900, At(0));
  CHECK_FALSE(loss.share());
  loss.OnAnswer(1000, 900, At(1000));
  CHECK_FALSE(loss.share());  // Nothing was sent.
  loss.OnAnswer(2000, 1850, At(2000));
  CHECK(*loss.share() == Catch::Approx(0.05));
  for (int i = 3; i < 12; ++i) {
    loss.OnAnswer(1000 + 1000 * static_cast<uint64_t>(i - 1),
                  850 + 1000 * static_cast<uint64_t>(i - 1), At(1000 * i));
  }
  CHECK(*loss.share() == 0);
}

TEST_CASE("more than was sent is no gain, and everything lost is one") {
  PacketLoss loss;
  loss.OnAnswer(0, 0, At(0));
  loss.OnAnswer(100, 120, At(1000));
  CHECK(*loss.share() == 0);
  PacketLoss all;
  all.OnAnswer(0, 0, At(0));
  all.OnAnswer(100, 0, At(1000));
  CHECK(*all.share() == 1);
}

TEST_CASE("packets that arrived beside one answer and not beside the next are no loss") {
  PacketLoss loss;
  // As measured on a path without loss: the first count was taken 62 ms late, the others at once.
  loss.OnAnswer(118, 126, At(0));
  loss.OnAnswer(190, 191, At(1000));
  CHECK(*loss.share() == 0);
  loss.OnAnswer(259, 260, At(2000));
  CHECK(*loss.share() == 0);
  // Eight lost, one of them hidden; a late count hides them for a while, no longer.
  loss.OnAnswer(359, 353, At(3000));
  CHECK(*loss.share() == Catch::Approx(6.0 / (359 - 118)));
  loss.OnAnswer(459, 458, At(4000));
  CHECK(*loss.share() == Catch::Approx(6.0 / (459 - 118)));
}

TEST_CASE("totals that fall begin anew") {
  PacketLoss loss;
  loss.OnAnswer(1000, 1000, At(0));
  loss.OnAnswer(2000, 1500, At(1000));
  loss.OnAnswer(10, 10, At(2000));
  CHECK_FALSE(loss.share());
  loss.OnAnswer(20, 20, At(3000));
  CHECK(*loss.share() == 0);
}

TEST_CASE("however many answers come, few are kept") {
  PacketLoss loss;
  loss.OnAnswer(0, 0, At(0));
  for (uint64_t i = 1; i < 10'000; ++i) loss.OnAnswer(i * 10, i * 9, At(0));
  CHECK(*loss.share() == Catch::Approx(0.1));
}

}  // namespace
}  // namespace millrace
