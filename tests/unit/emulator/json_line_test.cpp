#include "emulator/json_line.h"

#include <catch2/catch_test_macros.hpp>
#include <string>

namespace millrace::emulator {
namespace {

TEST_CASE("a control line is a flat object") {
  const auto fields = ParseJsonLine(R"( {"cmd":"set", "delayMs": 2.5,"loss":1e-3 , "on":true} )");
  REQUIRE(fields);
  CHECK(fields->size() == 4);
  CHECK(std::get<std::string>(fields->at("cmd")) == "set");
  CHECK(std::get<double>(fields->at("delayMs")) == 2.5);
  CHECK(std::get<double>(fields->at("loss")) == 0.001);
  CHECK(std::get<bool>(fields->at("on")));
  CHECK(ParseJsonLine("{}")->empty());
}

TEST_CASE("anything else is refused") {
  for (const char* line : {"",
                           "{",
                           "}",
                           "[]",
                           "{}x",
                           "{a:1}",
                           R"({"a"})",
                           R"({"a":})",
                           R"({"a":1,})",
                           R"({"a":1)",
                           R"({"a":nan})",
                           R"({"a":inf})",
                           R"({"a":1x})",
                           R"({"a":"b)",
                           R"({"a":"\n"})",
                           R"({"a":{}})",
                           R"({"a":[1]})",
                           R"({"a":null})",
                           R"({"a":1 "b":2})",
                           R"({"a":1,"a":2})"}) {
    CAPTURE(line);
    CHECK_FALSE(ParseJsonLine(line));
  }
}

TEST_CASE("an answer is one object") {
  CHECK(JsonObject().Text() == "{}");
  const JsonObject inner = std::move(JsonObject().Add("b", true));
  CHECK(JsonObject()
            .Add("n", uint64_t{18'446'744'073'709'551'615u})
            .Add("x", 0.25)
            .Add("s", std::string_view("text"))
            .Add("o", inner)
            .AddRaw("l", "[1,2]")
            .Text() ==
        R"({"n":18446744073709551615,"x":0.250,"s":"text","o":{"b":true},"l":[1,2]})");
}

}  // namespace
}  // namespace millrace::emulator
