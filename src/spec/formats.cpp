#include "spec/formats.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <vector>

#include "base/units.h"
#include "core/release.h"

namespace linnet::spec {
namespace {

using Problem = std::optional<std::string>;
const Problem fine = std::nullopt;
const Problem unexpected = "";  // the format's `expects` says it all

bool lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool digit(char c) { return c >= '0' && c <= '9'; }
bool word_char(char c) { return letter(c) || digit(c) || c == '_'; }

bool all_of(std::string_view text, std::string_view also, bool (*allowed)(char)) {
  return std::all_of(text.begin(), text.end(),
                     [&](char c) { return allowed(c) || also.find(c) != std::string_view::npos; });
}

bool sized(std::string_view text, std::size_t most) { return !text.empty() && text.size() <= most; }

bool is_label(std::string_view text) {
  return sized(text, 63) && all_of(text, "-", lower_or_digit) && text.front() != '-' &&
         text.back() != '-';
}

Problem when(bool good) { return good ? fine : unexpected; }

bool is_absolute(std::string_view text, std::string_view also) {
  return sized(text, 255) && text.front() == '/' && all_of(text, also, word_char) &&
         text.find("..") == std::string_view::npos;
}

// Printable ASCII without what ends a word in a shell, an NGINX configuration or a header.
bool is_url_text(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return c > ' ' && c < 0x7f &&
           std::string_view("\"'`;{}<>\\^|$").find(c) == std::string_view::npos;
  });
}

bool is_url(std::string_view text) {
  if (!sized(text, 2048) || !is_url_text(text)) return false;
  for (std::string_view scheme : {"https://", "http://"}) {
    if (text.substr(0, scheme.size()) != scheme) continue;
    const std::string_view host = text.substr(scheme.size());
    return !host.empty() && host.front() != '/' && host.front() != '?' && host.front() != '#' &&
           host.front() != ':';
  }
  return false;
}

bool is_zone(std::string_view text) {
  if (!sized(text, 64) || !letter(text.front())) return false;
  return all_of(text, "+-/", word_char) && text.back() != '/' &&
         text.find("//") == std::string_view::npos;
}

constexpr std::array<std::string_view, 7> day_names{"mon", "tue", "wed", "thu",
                                                    "fri", "sat", "sun"};

std::optional<int> day_index(std::string_view name) {
  const auto found = std::find(day_names.begin(), day_names.end(), name);
  if (found == day_names.end()) return std::nullopt;
  return static_cast<int>(found - day_names.begin());
}

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number value{};
  if (text.empty() || !all_of(text, "", digit)) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool is_host(std::string_view host) {
  if (host == "*") return true;
  unsigned char address[16];
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    const std::string inner(host.substr(1, host.size() - 2));
    // A NUL would end it for the C library only.
    return inner.size() <= 45 && inner.find('\0') == std::string::npos &&
           inet_pton(AF_INET6, inner.c_str(), address) == 1;
  }
  if (!sized(host, 253)) return false;
  const bool numeric = all_of(host, ".", digit);
  if (numeric) return inet_pton(AF_INET, std::string(host).c_str(), address) == 1;
  return all_of(host, "-.", lower_or_digit) && lower_or_digit(host.front()) &&
         lower_or_digit(host.back()) && host.find("..") == std::string_view::npos;
}

Problem sticky_problem(std::string_view text) {
  if (text == "none" || text == "client_address") return fine;
  constexpr std::string_view cookie = "cookie ";
  if (text.substr(0, cookie.size()) != cookie) return unexpected;
  const std::string_view name = text.substr(cookie.size());
  if (sized(name, 64) && all_of(name, "", word_char)) return fine;
  return fmt::format("{} is not a cookie's name: 1 to 64 letters, digits and '_'", shown(name));
}

}  // namespace

const Format any_text{"text", "a text of at most 1024 bytes without control characters",
                      "^[^\\u0000-\\u001f]{0,1024}$", [](std::string_view t) {
                        return when(t.size() <= 1024 && !has_control(t, false));
                      }};

const Format argument{"text with {{version}}, {{port}}", "a text of at most 32 KiB", "",
                      [](std::string_view t) {
                        if (t.size() > 32 * 1024 || has_control(t, true)) return unexpected;
                        return placeholder_problem(t, true);
                      }};

const Format version_text{"version", "a version like v1.2.0",
                          "^([A-Za-z0-9_+](?!.*\\.\\.)[A-Za-z0-9._+-]{0,127})?$",
                          [](std::string_view t) {
                            if (t.empty()) return fine;
                            const auto checked = core::check_version(std::string(t));
                            return checked ? fine : Problem(checked.error().message);
                          }};

const Format name_text{
    "name", "1 to 63 of a-z, 0-9 and '-', beginning and ending with a letter or digit",
    "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", [](std::string_view t) { return when(is_label(t)); }};

const Format namespace_text{"name or empty", "empty, or a name of 1 to 63 of a-z, 0-9 and '-'",
                            "^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)?$",
                            [](std::string_view t) { return when(t.empty() || is_label(t)); }};

const Format check_name{
    "check name", "1 to 63 of a-z, 0-9, '_', '-' and '.'", "^[a-z0-9_.-]{1,63}$",
    [](std::string_view t) { return when(sized(t, 63) && all_of(t, "_.-", lower_or_digit)); }};

const Format object_name{
    "object name", "1 to 253 of a-z, 0-9, '-' and '.', beginning and ending with a letter or digit",
    "^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$", [](std::string_view t) {
      return when(sized(t, 253) && all_of(t, "-.", lower_or_digit) && lower_or_digit(t.front()) &&
                  lower_or_digit(t.back()));
    }};

const Format host_text{
    "host or empty", "empty, or a host name like shop.example or *.shop.example",
    "^((\\*\\.)?[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?)?$", [](std::string_view t) {
      if (t.substr(0, 2) == "*.")
        t.remove_prefix(2);
      else if (t.empty())
        return fine;
      return when(sized(t, 251) && all_of(t, "-.", lower_or_digit) && lower_or_digit(t.front()) &&
                  lower_or_digit(t.back()) && t.find("..") == std::string_view::npos);
    }};

const Format image_text{
    "image with {{version}}", "an image like shop/web:{{version}}",
    "^[A-Za-z0-9._/:@{}-]*\\{\\{version\\}\\}[A-Za-z0-9._/:@{}-]*$", [](std::string_view t) {
      if (!sized(t, 512) || !all_of(t, "./:@{}-", word_char)) return unexpected;
      if (auto problem = placeholder_problem(t, false)) return problem;
      if (t.find("{{version}}") == std::string_view::npos)
        return Problem("it must contain {{version}}, or every version would run the same image");
      return fine;
    }};

const Format listen_address{
    "ADDRESS:PORT",
    "ADDRESS:PORT like 127.0.0.1:8080, [::1]:8080 or *:80, or a port alone (1 to 65535)",
    "^(([a-z0-9.-]+|\\*|\\[[0-9A-Fa-f:.]+\\]):)?[0-9]{1,5}$",
    [](std::string_view t) { return when(parse_listen(t).has_value()); }};

const Format url_path{
    "URL path", "a path beginning with '/', without spaces, quotes, ';', '{', '}', '$' or '#'",
    "^/[^\\s\"'`;{}<>\\\\^|$#]{0,511}$", [](std::string_view t) {
      return when(sized(t, 512) && t.front() == '/' && is_url_text(t) &&
                  t.find('#') == std::string_view::npos);
    }};

const Format web_url{"URL", "an http:// or https:// URL",
                     "^(https?://[^\\s/?#:\"'`;{}<>\\\\^|$][^\\s\"'`;{}<>\\\\^|$]*)?$",
                     [](std::string_view t) { return when(t.empty() || is_url(t)); }};

const Format absolute_path{
    "absolute path", "an absolute path of letters, digits and . _ + - / without '..'",
    "^(/(?!.*\\.\\.)[A-Za-z0-9._+/-]*)?$",
    [](std::string_view t) { return when(t.empty() || is_absolute(t, ".+-/")); }};

const Format include_path{"absolute path of a file",
                          "an absolute path of a file: letters, digits and . _ + - / without '..'",
                          "^(/(?!.*\\.\\.)[A-Za-z0-9._+/-]*[A-Za-z0-9._+-])?$",
                          [](std::string_view t) {
                            return when(t.empty() || (is_absolute(t, ".+-/") && t.back() != '/'));
                          }};

const Format sticky_rule{"none, cookie NAME, client_address",
                         "none, client_address, or cookie and the cookie's name",
                         "^(none|client_address|cookie [A-Za-z0-9_]{1,64})$", sticky_problem};

const Format recipe_name{
    "recipe name", "1 to 63 of a-z, 0-9, '_' and '-', beginning with a letter",
    "^([a-z][a-z0-9_-]{0,62})?$", [](std::string_view t) {
      return when(t.empty() || (sized(t, 63) && !digit(t.front()) && letter(t.front()) &&
                                all_of(t, "_-", lower_or_digit)));
    }};

const Format parameter{"text", "a text of at most 1024 bytes without control characters",
                       "^[^\\u0000-\\u001f]{0,1024}$", any_text.problem};

const Format secret_place{
    "env:NAME or file:PATH", "where the secret stands: env:NAME or file:/PATH, not itself",
    "^(env:[A-Za-z0-9_]{1,128}|file:/(?!.*\\.\\.)[A-Za-z0-9._+/-]*[A-Za-z0-9._+-])?$",
    [](std::string_view t) {
      if (t.starts_with("env:")) return when(is_env_name(t.substr(4)));
      if (!t.starts_with("file:")) return when(t.empty());
      const std::string_view path = t.substr(5);
      return when(!path.empty() && is_absolute(path, ".+-/") && path.back() != '/');
    }};

const Format header_line{
    "\"Name: value\"",
    "a header like \"X-Scope-OrgID: shop\"; the value may be env:NAME or "
    "file:/PATH",
    "^[A-Za-z0-9_-]{1,128}: [^\\u0000-\\u001f]{1,1024}$", [](std::string_view t) {
      const std::size_t colon = t.find(": ");
      if (colon == std::string_view::npos) return unexpected;
      return when(sized(t.substr(0, colon), 128) && all_of(t.substr(0, colon), "_-", word_char) &&
                  sized(t.substr(colon + 2), 1024) && !has_control(t, false));
    }};

const Format clock_time{"HH:MM", "a time of day like \"09:00\" (\"24:00\" is midnight at the end)",
                        "^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$",
                        [](std::string_view t) { return when(parse_clock(t).has_value()); }};

const Format day_set{"days", "days like mon-fri, sat or [mon, wed]",
                     "^(mon|tue|wed|thu|fri|sat|sun)(-(mon|tue|wed|thu|fri|sat|sun))?"
                     "(,(mon|tue|wed|thu|fri|sat|sun)(-(mon|tue|wed|thu|fri|sat|sun))?)*$",
                     [](std::string_view t) { return when(parse_days(t).has_value()); }};

const Format date_text{"YYYY-MM-DD", "a date like 2026-12-20",
                       "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$",
                       [](std::string_view t) { return when(parse_date(t).has_value()); }};

const Format memory_size{"size", "a size like 512MiB or 2GiB", "^[0-9]+(\\.[0-9]+)?(MiB|GiB)$",
                         [](std::string_view text) { return when(parse_mib(text).has_value()); }};

const Format zone_name{"time zone", "the name of a time zone like Europe/Berlin or UTC",
                       "^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$",
                       [](std::string_view t) { return when(is_zone(t)); }};

std::optional<int> parse_clock(std::string_view text) {
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  const auto hour = parse_number<int>(text.substr(0, 2)),
             minute = parse_number<int>(text.substr(3));
  if (!hour || !minute || *minute > 59 || *hour > 24 || (*hour == 24 && *minute != 0))
    return std::nullopt;
  return *hour * 60 + *minute;
}

std::string clock_text(int minute) { return fmt::format("{:02}:{:02}", minute / 60, minute % 60); }

std::optional<std::uint8_t> parse_days(std::string_view text) {
  unsigned days = 0;
  if (text.size() > 64) return std::nullopt;
  for (bool more = true; more;) {
    const std::size_t comma = text.find(',');
    const std::string_view part = text.substr(0, comma);
    more = comma != std::string_view::npos;
    if (more) text.remove_prefix(comma + 1);
    const std::size_t dash = part.find('-');
    const auto first = day_index(part.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : day_index(part.substr(dash + 1));
    if (!first || !last) return std::nullopt;
    for (int day = *first;; day = (day + 1) % 7) {
      days |= 1U << day;
      if (day == *last) break;
    }
  }
  return static_cast<std::uint8_t>(days);
}

std::string days_text(std::uint8_t days) {
  std::string out;
  for (std::size_t day = 0; day < 7; ++day) {
    if ((days >> day & 1) == 0) continue;
    std::size_t last = day;
    while (last < 6 && (days >> (last + 1) & 1) != 0) ++last;
    if (!out.empty()) out += ',';
    out += day_names[day];
    if (last > day) out += fmt::format("-{}", day_names[last]);
    day = last;
  }
  return out;
}

std::optional<std::int64_t> parse_date(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  const auto year = parse_number<int>(text.substr(0, 4));
  const auto month = parse_number<unsigned>(text.substr(5, 2)),
             day = parse_number<unsigned>(text.substr(8));
  if (!year || !month || !day || *year < 1970) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(*month),
                                         std::chrono::day(*day)};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date).time_since_epoch().count();
}

std::optional<std::string> parse_listen(std::string_view text) {
  if (text.size() > 300) return std::nullopt;
  const std::size_t colon = text.rfind(':');
  const bool alone = colon == std::string_view::npos;
  const std::string_view port_text = alone ? text : text.substr(colon + 1);
  const auto port = port_text.size() <= 5 ? parse_number<int>(port_text) : std::nullopt;
  if (!port || *port < 1 || *port > 65535) return std::nullopt;
  if (!alone && !is_host(text.substr(0, colon))) return std::nullopt;
  return fmt::format("{}:{}", alone ? "127.0.0.1" : text.substr(0, colon), *port);
}

std::optional<double> parse_mib(std::string_view text) {
  if (text.size() < 4 || !text.ends_with("iB") || !digit(text.front())) return std::nullopt;
  const char unit = text[text.size() - 3];
  if (unit != 'M' && unit != 'G') return std::nullopt;
  const char* const end = text.data() + text.size() - 3;
  double value = 0;
  const auto read = std::from_chars(text.data(), end, value, std::chars_format::fixed);
  if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  const double mib = unit == 'G' ? value * 1024 : value;
  // Far below a KiB a number's shortest text has an exponent, and nobody means that.
  if (!(mib >= 1.0 / 1024 && mib <= 1024.0 * 1024 * 1024)) return std::nullopt;
  return mib;
}

std::string mib_text(double mib) { return fmt::format("{}MiB", mib); }

bool is_env_name(std::string_view text) {
  return sized(text, 128) && all_of(text, "", word_char) && !digit(text.front());
}

std::optional<std::string> placeholder_problem(std::string_view text, bool port_too) {
  static constexpr std::array<std::string_view, 2> known{"version", "port"};
  const std::size_t count = port_too ? 2 : 1;
  for (std::size_t at = text.find("{{"); at != std::string_view::npos; at = text.find("{{", at)) {
    while (text.substr(at + 2, 1) == "{") ++at;  // '{{{port}}' is a brace and a placeholder
    const std::size_t end = text.find("}}", at);
    if (end == std::string_view::npos)
      return fmt::format("'{{{{' without '}}}}' in {}", shown(text));
    const std::string_view name = text.substr(at + 2, end - at - 2);
    at = end + 2;
    if (std::find(known.begin(), known.begin() + count, name) != known.begin() + count) continue;
    const std::string_view near = nearest_word(name, known.data(), count);
    if (!near.empty())
      return fmt::format("unknown placeholder {}; did you mean '{{{{{}}}}}'?",
                         shown(fmt::format("{{{{{}}}}}", name)), near);
    return fmt::format("unknown placeholder {}; known here: {}",
                       shown(fmt::format("{{{{{}}}}}", name)),
                       port_too ? "{{version}}, {{port}}" : "{{version}}");
  }
  return std::nullopt;
}

std::string visible(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const bool c1 =
        c == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
    if (c1)
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[++i]));
    else if (c == '\n')
      out += "\\n";
    else if (c == '\t')
      out += "\\t";
    else if (c < ' ' || c == 0x7f)
      out += fmt::format("\\x{:02x}", c);
    else
      out += text[i];
  }
  return out;
}

std::string shown(std::string_view text) {
  constexpr std::size_t most = 60;
  std::size_t end = std::min(text.size(), most);
  while (end > 0 && end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80)
    --end;
  return "'" + visible(text.substr(0, end)) + (end < text.size() ? "...'" : "'");
}

bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
    const unsigned lead = byte(i);
    const std::size_t more = lead < 0x80 ? 0 : lead >> 5 == 6 ? 1 : lead >> 4 == 14 ? 2 : 3;
    if (more == 3 && lead >> 3 != 30) return false;
    if (i + more >= text.size()) return false;
    std::uint32_t point = more == 0 ? lead : lead & (0x3fU >> more);
    for (std::size_t k = 1; k <= more; ++k) {
      if (byte(i + k) >> 6 != 2) return false;
      point = point << 6 | (byte(i + k) & 0x3f);
    }
    static constexpr std::array<std::uint32_t, 4> least{0, 0x80, 0x800, 0x10000};
    if (point < least[more] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
      return false;
    i += more + 1;
  }
  return true;
}

bool has_control(std::string_view text, bool allow_lines) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (allow_lines && (c == '\n' || c == '\t')) continue;
    if (c < ' ' || c == 0x7f) return true;
    if (c == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0)
      return true;
  }
  return false;
}

}  // namespace linnet::spec
