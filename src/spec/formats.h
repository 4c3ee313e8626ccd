// The forms that texts of the spec must have: names, addresses, URLs, times of day. Several of them
// end up in an NGINX configuration, a path or a command line, so each allows only what it needs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace linnet::spec {

struct Format {
  std::string_view name;     // for the reference table
  std::string_view expects;  // "NAME must be <expects>"
  std::string_view pattern;  // ECMAScript regular expression for JSON Schema; may be wider
  /// What is wrong with the text, or empty: "" means "say what is expected".
  std::optional<std::string> (*problem)(std::string_view text);
};

extern const Format any_text, argument, version_text, name_text, namespace_text, check_name,
    object_name, image_text, host_text, listen_address, url_path, web_url, absolute_path,
    include_path, sticky_rule, recipe_name, parameter, secret_place, header_line, clock_time,
    day_set, date_text, zone_name, memory_size;

/// "09:30" -> 570; "24:00" is allowed.
std::optional<int> parse_clock(std::string_view text);
std::string clock_text(int minute);

/// "mon-fri", "sat", "fri-mon" or several with commas -> bits, Monday lowest.
std::optional<std::uint8_t> parse_days(std::string_view text);
/// The shortest form: "mon-fri", "mon,wed".
std::string days_text(std::uint8_t days);

/// "2026-12-20" -> days since 1970-01-01.
std::optional<std::int64_t> parse_date(std::string_view text);

/// "127.0.0.1:8080", "8080" -> "127.0.0.1:8080", "[::1]:80", "*:80", "localhost:80"; else nothing.
std::optional<std::string> parse_listen(std::string_view text);

/// "512MiB", "1.5GiB" -> MiB; nothing for other texts, less than 1 KiB and more than 1 PiB.
std::optional<double> parse_mib(std::string_view text);
std::string mib_text(double mib);

/// Whether an env variable may have this name.
bool is_env_name(std::string_view text);

/// What is wrong with the `{{...}}` in a text that may hold these, or nothing.
std::optional<std::string> placeholder_problem(std::string_view text, bool port_too);

/// `text` with its control characters as \n, \t and \x1b.
std::string visible(std::string_view text);
/// `text` in quotes for a message: cut when long, control characters made visible.
std::string shown(std::string_view text);

bool is_utf8(std::string_view text);
/// A control character that no text of a spec may hold (a line feed and a tab may be allowed).
bool has_control(std::string_view text, bool allow_lines);

}  // namespace linnet::spec
