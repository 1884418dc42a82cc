#include "wire/utf8.h"

#include <catch2/catch_test_macros.hpp>
#include <string>

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

TEST_CASE("text is cut before the sequence that does not fit, at every byte of it") {
  for (const std::string sequence : {"z", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80"}) {
    const std::string text = "ab" + sequence + "cd";
    for (size_t most = 0; most <= text.size() + 1; ++most) {
      INFO(sequence << " cut at " << most);
      const bool inside = most > 2 && most < 2 + sequence.size();
      CHECK(ClipUtf8(text, most) == text.substr(0, inside ? 2 : most));
      CHECK(IsUtf8(ClipUtf8(text, most)));
    }
  }
}

TEST_CASE("cutting text that is not UTF-8 is safe") {
  const std::string text(10, '\x80');
  for (size_t most = 0; most < 10; ++most) CHECK(ClipUtf8(text, most).empty());
  CHECK(ClipUtf8(text, 10) == text);
  CHECK(ClipUtf8("", 0).empty());
}

}  // namespace
}  // namespace millrace
