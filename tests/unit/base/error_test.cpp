#include "base/error.h"

#include <catch2/catch_test_macros.hpp>
#include <set>
#include <string>

namespace millrace {
namespace {

TEST_CASE("every code has a name of its own that leads back to it") {
  std::set<std::string> names;
  for (uint8_t value = 0; value <= static_cast<uint8_t>(ErrorCode::kAuthenticationFailed);
       ++value) {
    const ErrorCode code = ErrorCodeFromWire(value);
    CHECK(static_cast<uint8_t>(code) == value);
    const std::string name(ErrorCodeName(code));
    CHECK(names.insert(name).second);
    CHECK(ErrorCodeFromName(name) == code);
  }
}

TEST_CASE("unknown numbers and names are no code of ours") {
  CHECK(ErrorCodeFromWire(200) == ErrorCode::kInternal);
  CHECK_FALSE(ErrorCodeFromName("no-such-code"));
  CHECK(ErrorCodeName(static_cast<ErrorCode>(200)) == "internal");
}

}  // namespace
}  // namespace millrace
