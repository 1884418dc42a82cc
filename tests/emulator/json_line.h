// The little JSON of the control lines: one flat object per line.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace millrace::emulator {

using JsonValue = std::variant<bool, double, std::string>;
using JsonFields = std::map<std::string, JsonValue, std::less<>>;

// Reads `{"name": value, …}` with strings (no escapes), finite numbers, true and false. Nothing for
// anything else, and for a name that comes twice.
std::optional<JsonFields> ParseJsonLine(std::string_view line);

// Writes one object; values are put in as they come.
class JsonObject {
 public:
  JsonObject& Add(std::string_view name, bool value);
  JsonObject& Add(std::string_view name, uint64_t value);
  JsonObject& Add(std::string_view name, double value);
  // Without characters that JSON escapes.
  JsonObject& Add(std::string_view name, std::string_view text);
  JsonObject& Add(std::string_view name, const JsonObject& object);
  // `json` is a value already.
  JsonObject& AddRaw(std::string_view name, std::string_view json);

  std::string Text() const { return "{" + fields_ + "}"; }

 private:
  std::string fields_;
};

}  // namespace millrace::emulator
