#include "control/chunk_ladder.h"

#include <catch2/catch_test_macros.hpp>

#include "support/random.h"

namespace millrace {
namespace {

struct Row {
  double rtt_ms;
  double loss;
  double bytes_per_second;
  size_t kib;
};

void CheckRows(Ladder ladder, std::initializer_list<Row> rows) {
  for (const Row& row : rows) {
    INFO("rtt " << row.rtt_ms << " loss " << row.loss << " rate " << row.bytes_per_second);
    CHECK(ChunkBytesFor(ladder, {row.rtt_ms, row.loss, row.bytes_per_second}) == row.kib * 1024);
  }
}

TEST_CASE("the default ladder, at each of its bounds") {
  CheckRows(Ladder::kDefault, {
                                  {0, 0, 0, 256},
                                  {9.999, 0.00999, 0, 256},
                                  {10, 0, 0, 128},
                                  {0, 0.01, 0, 128},
                                  {49.999, 0.04999, 0, 128},
                                  {50, 0, 0, 64},
                                  {0, 0.05, 0, 64},
                                  {99.999, 0.0999, 0, 64},
                                  {100, 0, 0, 32},
                                  {0, 0.10, 0, 32},
                                  {0, 1, 0, 32},
                                  {199.999, 1, 0, 32},
                                  {200, 0, 0, 16},
                                  {5000, 1, 0, 16},
                              });
}

TEST_CASE("the strict ladder, at each of its bounds") {
  CheckRows(Ladder::kStrict, {
                                 {0, 0, 0, 256},
                                 {9.999, 0.000999, 0, 256},
                                 {10, 0, 0, 128},
                                 {0, 0.001, 0, 128},
                                 {49.999, 0.00999, 0, 128},
                                 {50, 0, 0, 64},
                                 {0, 0.01, 0, 64},
                                 {99.999, 0.04999, 0, 64},
                                 {100, 0, 0, 32},
                                 {0, 0.05, 0, 32},
                                 {199.999, 1, 0, 32},
                                 {200, 0.0999, 0, 32},
                                 {5000, 0, 0, 32},
                                 {200, 0.1, 0, 16},
                                 {5000, 1, 0, 16},
                             });
}

TEST_CASE("the tiers of a LAN lie on top of both ladders") {
  for (const Ladder ladder : {Ladder::kDefault, Ladder::kStrict}) {
    CheckRows(ladder, {
                          {4.999, 0.000999, 500e6 + 1, 4096},
                          {4.999, 0.000999, 500e6, 1024},
                          {5, 0, 600e6, 1024},
                          {0, 0.001, 600e6, 1024},
                          {9.999, 0.00999, 100e6 + 1, 1024},
                          {0, 0, 100e6, 256},
                          {10, 0, 600e6, 128},
                      });
  }
  CHECK(ChunkBytesFor(Ladder::kDefault, {0, 0.01, 600e6}) == 128 * 1024);
  CHECK(ChunkBytesFor(Ladder::kStrict, {0, 0.01, 600e6}) == 64 * 1024);
}

TEST_CASE("no worse link gets a larger chunk") {
  testing::Random random(11);
  const auto up_to = [&random](double most) {
    return most * static_cast<double>(random.Below(1'000'001)) / 1e6;
  };
  for (int i = 0; i < 20'000; ++i) {
    const Ladder ladder = random.Chance(0.5) ? Ladder::kDefault : Ladder::kStrict;
    const LinkState link{up_to(250), up_to(random.Chance(0.5) ? 0.2 : 0.01), up_to(700e6)};
    const size_t bytes = ChunkBytesFor(ladder, link);
    CHECK(ChunkBytesFor(ladder, {link.rtt_ms + up_to(50), link.loss, link.bytes_per_second}) <=
          bytes);
    CHECK(ChunkBytesFor(ladder, {link.rtt_ms, link.loss + up_to(0.1), link.bytes_per_second}) <=
          bytes);
    CHECK(ChunkBytesFor(ladder, {link.rtt_ms, link.loss, link.bytes_per_second / 2}) <= bytes);
  }
}

}  // namespace
}  // namespace millrace
