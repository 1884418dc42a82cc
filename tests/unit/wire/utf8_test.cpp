#include "wire/utf8.h"

#include <catch2/catch_test_macros.hpp>

namespace millrace {
namespace {

TEST_CASE("well-formed text of every length passes") {
  CHECK(IsUtf8(""));
  CHECK(IsUtf8("plain"));
  CHECK(IsUtf8("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"));
  CHECK(IsUtf8("\xf4\x8f\xbf\xbf"));
}

TEST_CASE("overlong, surrogate, truncated and out-of-range forms do not") {
  CHECK_FALSE(IsUtf8("\xc0\xaf"));
  CHECK_FALSE(IsUtf8("\xe0\x80\xaf"));
  CHECK_FALSE(IsUtf8("\xf0\x80\x80\xaf"));
  CHECK_FALSE(IsUtf8("\xed\xa0\x80"));
  CHECK_FALSE(IsUtf8("\xe2\x82"));
  CHECK_FALSE(IsUtf8("\x80"));
  CHECK_FALSE(IsUtf8("\xc3z"));
  CHECK_FALSE(IsUtf8("\xf4\x90\x80\x80"));
  CHECK_FALSE(IsUtf8("\xff"));
}

}  // namespace
}  // namespace millrace
