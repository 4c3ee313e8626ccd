#include "base/units.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <vector>

namespace linnet {
namespace {

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// Digits with at most `places` decimals as an integer scaled by 10^places; nothing else is
// accepted.
bool parse_decimal(std::string_view text, int places, std::int64_t& scaled) {
  const std::size_t dot = text.find('.');
  const std::string_view whole = text.substr(0, dot);
  std::string_view part = dot == std::string_view::npos ? std::string_view() : text.substr(dot + 1);
  if (whole.empty() || whole.size() > 12) return false;
  if (dot != std::string_view::npos && part.empty()) return false;
  while (part.size() > static_cast<std::size_t>(places) && part.back() == '0')
    part.remove_suffix(1);
  if (part.size() > static_cast<std::size_t>(places)) return false;
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (!std::all_of(whole.begin(), whole.end(), digit)) return false;
  if (!std::all_of(part.begin(), part.end(), digit)) return false;
  scaled = 0;
  for (char c : whole) scaled = scaled * 10 + (c - '0');
  for (int i = 0; i < places; ++i)
    scaled = scaled * 10 +
             (i < static_cast<int>(part.size()) ? part[static_cast<std::size_t>(i)] - '0' : 0);
  return true;
}

}  // namespace

Result<Percent> Percent::parse(std::string_view text) {
  std::string_view digits = trim(text);
  if (!digits.empty() && digits.back() == '%') digits = trim(digits.substr(0, digits.size() - 1));
  std::int64_t ppm = 0;
  if (!parse_decimal(digits, 4, ppm))
    return fail(Code::invalid, "'{}' is not a percentage; write it like 5% or 0.1%", text);
  if (ppm > 1'000'000) return fail(Code::invalid, "'{}' is outside 0% to 100%", text);
  return from_ppm(static_cast<std::int32_t>(ppm));
}

std::string Percent::text() const {
  std::string digits = fmt::format("{}.{:04}", ppm_ / 10'000, ppm_ % 10'000);
  while (digits.back() == '0') digits.pop_back();
  if (digits.back() == '.') digits.pop_back();
  return digits + " %";
}

std::string WallTime::text() const {
  using namespace std::chrono;
  const sys_time<milliseconds> time{milliseconds(ms)};
  const auto day = floor<days>(time);
  const year_month_day date{day};
  const hh_mm_ss clock{time - day};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                     clock.subseconds().count());
}

Result<Duration> parse_duration(std::string_view text) {
  std::string_view rest = trim(text);
  const auto wrong = [&] {
    return fail(Code::invalid, "'{}' is not a duration; write it like 500ms, 60s, 5m or 1h30m",
                text);
  };
  if (rest.empty()) return wrong();
  std::int64_t total_ms = 0;
  while (!rest.empty()) {
    const std::size_t end = rest.find_first_not_of("0123456789.");
    if (end == 0 || end == std::string_view::npos) return wrong();
    std::int64_t thousandths = 0;
    if (!parse_decimal(rest.substr(0, end), 3, thousandths)) return wrong();
    rest.remove_prefix(end);
    std::int64_t unit_ms = 0;
    std::size_t used = 1;
    if (rest.substr(0, 2) == "ms") {
      unit_ms = 1;
      used = 2;
    } else if (rest[0] == 's')
      unit_ms = 1000;
    else if (rest[0] == 'm')
      unit_ms = 60'000;
    else if (rest[0] == 'h')
      unit_ms = 3'600'000;
    else if (rest[0] == 'd')
      unit_ms = 86'400'000;
    else
      return wrong();
    rest.remove_prefix(used);
    if (thousandths > 31'536'000'000'000 / unit_ms) return wrong();
    total_ms += thousandths * unit_ms / 1000;
  }
  if (total_ms > 31'536'000'000) return fail(Code::invalid, "'{}' is longer than a year", text);
  return Duration(total_ms);
}

std::string duration_text(Duration duration) {
  std::int64_t ms = duration.count();
  std::string out;
  if (ms < 0) {
    out = "-";
    ms = -ms;
  }
  if (ms < 1000 && ms != 0) return fmt::format("{}{}ms", out, ms);
  const std::int64_t hours = ms / 3'600'000, minutes = ms / 60'000 % 60, rest_ms = ms % 60'000;
  if (hours != 0) out += fmt::format("{}h", hours);
  if (minutes != 0) out += fmt::format("{}m", minutes);
  if (rest_ms % 1000 == 0) {
    if (rest_ms != 0 || (hours == 0 && minutes == 0)) out += fmt::format("{}s", rest_ms / 1000);
  } else {
    out += fmt::format("{:g}s", static_cast<double>(rest_ms) / 1000.0);
  }
  return out;
}

std::string_view nearest_word(std::string_view word, const std::string_view* known,
                              std::size_t count) {
  if (word.size() > 64) return {};
  std::string_view best;
  std::size_t best_distance = word.size() / 3 + 2;  // farther than this is no typing slip
  for (std::size_t k = 0; k < count; ++k) {
    const std::string_view other = known[k];
    std::vector<std::size_t> row(other.size() + 1);
    for (std::size_t j = 0; j <= other.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= word.size(); ++i) {
      std::size_t diagonal = row[0];
      row[0] = i;
      for (std::size_t j = 1; j <= other.size(); ++j) {
        const std::size_t above = row[j];
        row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (word[i - 1] != other[j - 1])});
        diagonal = above;
      }
    }
    if (row.back() < best_distance) {
      best_distance = row.back();
      best = other;
    }
  }
  return best;
}

}  // namespace linnet
