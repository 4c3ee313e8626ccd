#include "cli/format.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <cmath>
#include <ctime>

namespace linnet::cli {
namespace {

bool parse_digits(std::string_view text, std::size_t from, std::size_t count, int& out) {
  if (from + count > text.size()) return false;
  const char* first = text.data() + from;
  const auto [stop, trouble] = std::from_chars(first, first + count, out);
  return trouble == std::errc() && stop == first + count && *first != '-';
}

std::tm local(WallTime time) {
  const std::time_t seconds = time.ms / 1000;
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  return parts;
}

}  // namespace

std::string number_text(double value) {
  if (!std::isfinite(value)) return "?";
  std::string text = fmt::format("{:.2f}", value);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text == "-0" ? "0" : text;
}

std::string percent_text(double value) { return number_text(value) + " %"; }

std::string count_text(std::int64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string span_text(Duration span) {
  if (span >= 1s) span = std::chrono::round<std::chrono::seconds>(span);
  return duration_text(span);
}

std::string ago_text(Duration span) {
  if (span < 1s) return "just now";
  if (span < 1min) return fmt::format("{}s ago", span / 1s);
  if (span < 1h) return fmt::format("{}m ago", span / 1min);
  if (span < 48h) return fmt::format("{}h ago", span / 1h);
  return fmt::format("{} days ago", span / 24h);
}

std::optional<WallTime> parse_time(std::string_view text) {
  using namespace std::chrono;
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, ms = 0;
  const bool whole = parse_digits(text, 0, 4, year) && parse_digits(text, 5, 2, month) &&
                     parse_digits(text, 8, 2, day) && parse_digits(text, 11, 2, hour) &&
                     parse_digits(text, 14, 2, minute) && parse_digits(text, 17, 2, second);
  if (!whole || text.back() != 'Z' || text[4] != '-' || text[10] != 'T' || text[13] != ':')
    return std::nullopt;
  if (text.size() > 20 && (text[19] != '.' || !parse_digits(text, 20, 3, ms))) return std::nullopt;
  const year_month_day date{std::chrono::year(year),
                            std::chrono::month(static_cast<unsigned>(month)),
                            std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  const milliseconds time = sys_days(date).time_since_epoch() + hours(hour) + minutes(minute) +
                            seconds(second) + milliseconds(ms);
  return WallTime{time.count()};
}

std::string clock_text(WallTime time) {
  const std::tm parts = local(time);
  return fmt::format("{:02}:{:02}:{:02}", parts.tm_hour, parts.tm_min, parts.tm_sec);
}

std::string date_text(WallTime time) {
  const std::tm parts = local(time);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min);
}

WallTime wall_now() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return WallTime{std::chrono::duration_cast<std::chrono::milliseconds>(since).count()};
}

}  // namespace linnet::cli
