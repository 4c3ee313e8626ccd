// JSON text in and out. The writer is our own because Boost.JSON 1.81 prints 25.0 as 2.5E1,
// infinity as 1e99999, and lets bytes through that are no UTF-8, which other programs refuse to
// read.
#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <cmath>

#include "wire/json.h"

namespace linnet::wire {
namespace {

namespace js = boost::json;

/// How many bytes of valid UTF-8 character stand at the front of `text`; 0 when they are none.
std::size_t character_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xC0) != 0x80) return 0;
  // Overlong forms, surrogates, beyond U+10FFFF.
  if (lead == 0xE0 && byte(1) < 0xA0) return 0;
  if (lead == 0xED && byte(1) > 0x9F) return 0;
  if (lead == 0xF0 && byte(1) < 0x90) return 0;
  if (lead == 0xF4 && byte(1) > 0x8F) return 0;
  return length;
}

void append_string(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const auto c = static_cast<unsigned char>(text[0]);
    std::size_t length = 1;
    if (c == '"' || c == '\\') {
      out += '\\';
      out += text[0];
    } else if (c == '\n') {
      out += "\\n";
    } else if (c < 0x20 || c == 0x7F) {
      out += fmt::format("\\u{:04x}", c);
    } else if ((length = character_length(text)) != 0) {
      out += text.substr(0, length);
    } else {
      out += "\xEF\xBF\xBD";  // U+FFFD: a byte that is no character
      length = 1;
    }
    text.remove_prefix(length);
  }
  out += '"';
}

void append_number(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}

void append(std::string& out, const js::value& json) {
  switch (json.kind()) {
    case js::kind::null: out += "null"; return;
    case js::kind::bool_: out += json.get_bool() ? "true" : "false"; return;
    case js::kind::int64: out += fmt::format("{}", json.get_int64()); return;
    case js::kind::uint64: out += fmt::format("{}", json.get_uint64()); return;
    case js::kind::double_: append_number(out, json.get_double()); return;
    case js::kind::string: append_string(out, json.get_string()); return;
    case js::kind::array: {
      char before = '[';
      for (const js::value& element : json.get_array()) {
        out += before;
        append(out, element);
        before = ',';
      }
      out += before == '[' ? "[]" : "]";
      return;
    }
    case js::kind::object: {
      char before = '{';
      for (const auto& field : json.get_object()) {
        out += before;
        append_string(out, field.key());
        out += ':';
        append(out, field.value());
        before = ',';
      }
      out += before == '{' ? "{}" : "}";
      return;
    }
  }
}

/// Reads `count` digits off the front.
bool take_digits(std::string_view& text, std::size_t count, int& out) {
  if (text.size() < count) return false;
  out = 0;
  for (char c : text.substr(0, count)) {
    if (c < '0' || c > '9') return false;
    out = out * 10 + (c - '0');
  }
  text.remove_prefix(count);
  return true;
}

bool take(std::string_view& text, char wanted) {
  if (text.empty() || text.front() != wanted) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::string text(const Json& json) {
  std::string out;
  append(out, json);
  return out;
}

Result<Json> parse(std::string_view text, std::size_t max_bytes) {
  if (text.size() > max_bytes)
    return fail(Code::invalid, "{} bytes of JSON; at most {} are read", text.size(), max_bytes);
  js::error_code error;
  js::stream_parser parser;  // its result tells how far it came
  const std::size_t read = parser.write_some(text.data(), text.size(), error);
  if (!error && read < text.size()) error = js::error::extra_data;
  if (!error) parser.finish(error);
  if (error) return fail(Code::invalid, "not JSON at byte {}: {}", read + 1, error.message());
  return parser.release();
}

Result<WallTime> parse_wall_time(std::string_view text) {
  using namespace std::chrono;
  std::string_view rest = text;
  int year_number = 0, month_number = 0, day_number = 0, hour = 0, minute = 0, second = 0, ms = 0;
  const bool shaped =
      take_digits(rest, 4, year_number) && take(rest, '-') && take_digits(rest, 2, month_number) &&
      take(rest, '-') && take_digits(rest, 2, day_number) && take(rest, 'T') &&
      take_digits(rest, 2, hour) && take(rest, ':') && take_digits(rest, 2, minute) &&
      take(rest, ':') && take_digits(rest, 2, second) &&
      (!take(rest, '.') || take_digits(rest, 3, ms)) && take(rest, 'Z') && rest.empty();
  const year_month_day date{year(year_number), month(static_cast<unsigned>(month_number)),
                            day(static_cast<unsigned>(day_number))};
  if (!shaped || !date.ok() || hour > 23 || minute > 59 || second > 59)
    return fail(Code::invalid, "'{:.40}' is not a time like 2026-11-23T21:02:07.123Z", text);
  const milliseconds since_epoch = sys_days(date).time_since_epoch() + hours(hour) +
                                   minutes(minute) + seconds(second) + milliseconds(ms);
  return WallTime{since_epoch.count()};
}

}  // namespace linnet::wire
