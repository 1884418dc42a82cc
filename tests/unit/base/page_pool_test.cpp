#include "base/page_pool.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <vector>

#include "support/random.h"

namespace millrace {
namespace {

constexpr size_t kPage = PagePool::kPageBytes;

TEST_CASE("buffers take whole pages and give them back") {
  PagePool pool(10 * kPage + 1);
  CHECK(pool.capacity_bytes() == 10 * kPage);
  std::optional<PoolBuffer> one = pool.Allocate(1);
  std::optional<PoolBuffer> two = pool.Allocate(kPage + 1);
  REQUIRE(one);
  REQUIRE(two);
  CHECK(two->bytes().size() == kPage + 1);
  CHECK(pool.used_bytes() == 3 * kPage);
  one->Release();
  CHECK(pool.used_bytes() == 2 * kPage);
  two.reset();
  CHECK(pool.used_bytes() == 0);
}

TEST_CASE("a full pool answers nothing and never grows") {
  PagePool pool(4 * kPage);
  const std::optional<PoolBuffer> most = pool.Allocate(3 * kPage);
  REQUIRE(most);
  CHECK_FALSE(pool.Allocate(2 * kPage));
  CHECK(pool.Allocate(kPage));
  CHECK_FALSE(pool.Allocate(5 * kPage));
  CHECK(pool.capacity_bytes() == 4 * kPage);
}

TEST_CASE("the first free run that is long enough is taken") {
  PagePool pool(8 * kPage);
  std::optional<PoolBuffer> first = pool.Allocate(kPage);
  const std::optional<PoolBuffer> second = pool.Allocate(kPage);
  std::optional<PoolBuffer> third = pool.Allocate(2 * kPage);
  const std::optional<PoolBuffer> fourth = pool.Allocate(kPage);
  REQUIRE(fourth);
  const uint8_t* const bottom = first->bytes().data();
  third.reset();
  first.reset();
  const std::optional<PoolBuffer> wide = pool.Allocate(2 * kPage);
  REQUIRE(wide);
  CHECK(wide->bytes().data() == bottom + 2 * kPage);
  const std::optional<PoolBuffer> narrow = pool.Allocate(kPage);
  REQUIRE(narrow);
  CHECK(narrow->bytes().data() == bottom);
  const std::optional<PoolBuffer> next = pool.Allocate(kPage);
  REQUIRE(next);
  CHECK(next->bytes().data() == bottom + 5 * kPage);
}

TEST_CASE("moving a buffer moves the duty to give it back") {
  PagePool pool(2 * kPage);
  PoolBuffer kept;
  {
    std::optional<PoolBuffer> buffer = pool.Allocate(kPage);
    kept = std::move(*buffer);
  }
  CHECK(pool.used_bytes() == kPage);
  kept = PoolBuffer();
  CHECK(pool.used_bytes() == 0);
}

TEST_CASE("live buffers never overlap") {
  testing::Random random(11);
  PagePool pool(64 * kPage);
  std::vector<PoolBuffer> live;
  for (int step = 0; step < 3000; ++step) {
    if (!live.empty() && random.Chance(0.5)) {
      std::swap(live[random.Below(live.size())], live.back());
      const uint8_t mark = live.back().bytes().front();
      const MutableByteView bytes = live.back().bytes();
      REQUIRE(std::all_of(bytes.begin(), bytes.end(), [mark](uint8_t b) { return b == mark; }));
      live.pop_back();
    } else if (auto buffer = pool.Allocate(random.Between(1, 6 * kPage))) {
      std::fill(buffer->bytes().begin(), buffer->bytes().end(), static_cast<uint8_t>(step));
      live.push_back(std::move(*buffer));
    }
  }
  live.clear();
  CHECK(pool.used_bytes() == 0);
  CHECK(pool.Allocate(64 * kPage));
}

}  // namespace
}  // namespace millrace
