// Writes the small JSON objects of reports. By hand, because numbers should read as people write
// them (0.05, not 5E-2) and what is not finite must become null.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <concepts>
#include <optional>
#include <string>
#include <string_view>

namespace linnet::judge {

inline std::string json_value(double value) {
  return std::isfinite(value) ? fmt::format("{}", value) : "null";
}
inline std::string json_value(std::optional<double> value) {
  return value ? json_value(*value) : "null";
}
inline std::string json_value(std::same_as<bool> auto value) { return value ? "true" : "false"; }
/// Quoted and escaped; bytes that are not UTF-8 become U+FFFD.
std::string json_value(std::string_view text);
inline std::string json_value(const char* text) { return json_value(std::string_view(text)); }
inline std::string json_value(const std::string& text) {
  return json_value(std::string_view(text));
}

/// `JsonObject().add("a", 1.0).raw("b", "[]").text()`.
class JsonObject {
 public:
  template <class Value>
  JsonObject& add(std::string_view key, const Value& value) {
    return raw(key, json_value(value));
  }
  JsonObject& raw(std::string_view key, std::string_view json) {
    body_ += fmt::format("{}{}: {}", body_.empty() ? "" : ", ", json_value(key), json);
    return *this;
  }
  [[nodiscard]] std::string text() const { return "{" + body_ + "}"; }

 private:
  std::string body_;
};

/// "[a, b]" from a range and a function that renders one element as JSON.
template <class Range, class Render>
std::string json_array(const Range& range, Render render) {
  std::string body;
  for (const auto& element : range) body += (body.empty() ? "" : ", ") + render(element);
  return "[" + body + "]";
}

}  // namespace linnet::judge
