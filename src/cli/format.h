// Numbers and times in the words that people use.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/units.h"

namespace linnet::cli {

/// At most two decimals and no trailing zeros: "0.4", "12.35", "412".
std::string number_text(double value);
/// "25 %", "0.1 %".
std::string percent_text(double value);
/// "1 request", "412 requests".
std::string count_text(std::int64_t count, std::string_view noun);
/// Whole seconds from a second on: "12s", "1m5s", "250ms".
std::string span_text(Duration span);
/// "just now", "12s ago", "3h ago": the largest unit only.
std::string ago_text(Duration span);

/// "2026-11-23T21:02:07.123Z" (the form of the JSON API), or nothing.
std::optional<WallTime> parse_time(std::string_view text);
/// In the zone of this machine: "21:02:07".
std::string clock_text(WallTime time);
/// In the zone of this machine: "2026-11-23 21:02".
std::string date_text(WallTime time);
WallTime wall_now();

}  // namespace linnet::cli
