#include "emulator/json_line.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace millrace::emulator {
namespace {

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool Take(char wanted) {
    SkipSpace();
    if (text_.empty() || text_.front() != wanted) return false;
    text_.remove_prefix(1);
    return true;
  }

  std::optional<std::string> TakeString() {
    if (!Take('"')) return std::nullopt;
    const size_t end = text_.find_first_of("\"\\");
    if (end == std::string_view::npos || text_[end] != '"') return std::nullopt;
    std::string value(text_.substr(0, end));
    text_.remove_prefix(end + 1);
    return value;
  }

  std::optional<JsonValue> TakeValue() {
    SkipSpace();
    if (!text_.empty() && text_.front() == '"') return TakeString();
    const size_t end = text_.find_first_of(", }\t");
    const std::string word(text_.substr(0, end));
    text_.remove_prefix(word.size());
    if (word == "true") return true;
    if (word == "false") return false;
    char* rest = nullptr;
    const double number = std::strtod(word.c_str(), &rest);
    if (word.empty() || *rest != '\0' || !std::isfinite(number)) return std::nullopt;
    return number;
  }

  bool AtEnd() {
    SkipSpace();
    return text_.empty();
  }

 private:
  void SkipSpace() {
    while (!text_.empty() && (text_.front() == ' ' || text_.front() == '\t'))
      text_.remove_prefix(1);
  }

  std::string_view text_;
};

}  // namespace

std::optional<JsonFields> ParseJsonLine(std::string_view line) {
  Reader reader(line);
  JsonFields fields;
  if (!reader.Take('{')) return std::nullopt;
  if (!reader.Take('}')) {
    do {
      std::optional<std::string> name = reader.TakeString();
      if (!name || !reader.Take(':')) return std::nullopt;
      std::optional<JsonValue> value = reader.TakeValue();
      if (!value || !fields.emplace(*name, *value).second) return std::nullopt;
    } while (reader.Take(','));
    if (!reader.Take('}')) return std::nullopt;
  }
  if (!reader.AtEnd()) return std::nullopt;
  return fields;
}

JsonObject& JsonObject::Add(std::string_view name, bool value) {
  return AddRaw(name, value ? "true" : "false");
}

JsonObject& JsonObject::Add(std::string_view name, uint64_t value) {
  return AddRaw(name, std::to_string(value));
}

JsonObject& JsonObject::Add(std::string_view name, double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.3f", value);
  return AddRaw(name, text);
}

JsonObject& JsonObject::Add(std::string_view name, std::string_view text) {
  return AddRaw(name, "\"" + std::string(text) + "\"");
}

JsonObject& JsonObject::Add(std::string_view name, const JsonObject& object) {
  return AddRaw(name, object.Text());
}

JsonObject& JsonObject::AddRaw(std::string_view name, std::string_view json) {
  if (!fields_.empty()) fields_ += ",";
  fields_ += "\"" + std::string(name) + "\":" + std::string(json);
  return *this;
}

}  // namespace millrace::emulator
