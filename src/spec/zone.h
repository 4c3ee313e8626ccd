// A time zone read from the bytes of a TZif file (RFC 8536), such as those below
// /usr/share/zoneinfo: GCC 12's <chrono> has none. Pure: who calls brings the bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace linnet::spec {

/// What local time is at an instant.
struct LocalType {
  std::int32_t offset_s = 0;  // to be added to UTC
  std::string abbreviation;   // "CET"
  friend bool operator==(const LocalType&, const LocalType&) = default;
};

/// A POSIX TZ rule ("CET-1CEST,M3.5.0,M10.5.0/3"): local time after a TZif file's last transition.
class TzRule {
 public:
  static Result<TzRule> parse(std::string_view text);
  [[nodiscard]] const LocalType& at(std::int64_t utc_s) const;

 private:
  friend class TzRuleParser;
  struct Change {
    enum class Form { month_week_day, julian_without_leap_day, day_of_year };
    Form form = Form::month_week_day;
    int month = 1, week = 1, day = 0;
    std::int32_t time_s = 7200;
    [[nodiscard]] std::int64_t local_s(int year) const;
  };
  LocalType standard_;
  std::optional<LocalType> summer_;
  Change begin_, end_;
};

class Zone {
 public:
  static Zone utc() { return {}; }
  /// Reads a TZif file; Code::invalid for anything else.
  static Result<Zone> parse(std::string_view bytes);
  [[nodiscard]] const LocalType& at(std::int64_t utc_s) const;

 private:
  std::vector<std::int64_t> transitions_;  // ascending, in seconds of UTC
  std::vector<std::uint8_t> type_after_;   // index into types_
  std::vector<LocalType> types_{{0, "UTC"}};
  std::optional<TzRule> rule_;
};

}  // namespace linnet::spec
