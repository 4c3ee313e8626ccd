#include "spec/calendar.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "spec/formats.h"
#include "spec/zone.h"

namespace linnet::spec {
namespace {

constexpr std::int64_t minute_s = 60, day_s = 86'400;

std::int64_t floor_div(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

std::optional<Zone> find_zone(const std::string& name, const ZoneBytes& zones) {
  if (name == "UTC") return Zone::utc();
  const auto bytes = zones(name);
  if (!bytes) return std::nullopt;
  auto zone = Zone::parse(*bytes);
  if (!zone) return std::nullopt;
  return *std::move(zone);
}

struct ZonedWindow {
  const core::Window* window = nullptr;
  std::optional<Zone> zone;

  [[nodiscard]] bool open(std::int64_t utc_s) const {
    if (!zone) return false;
    const std::int64_t local = utc_s + zone->at(utc_s).offset_s;
    const std::int64_t day = floor_div(local, day_s);
    const auto minute = static_cast<int>((local - day * day_s) / minute_s);
    const int from = window->from_minute, to = window->to_minute;
    if (from <= to) return on(day) && minute >= from && minute < to;
    return (on(day) && minute >= from) || (on(day - 1) && minute < to);  // over midnight
  }

 private:
  [[nodiscard]] bool on(std::int64_t day) const {
    const std::int64_t weekday = ((day + 3) % 7 + 7) % 7;  // 1970-01-01 was a Thursday
    return (window->days >> weekday & 1) != 0;
  }
};

struct FrozenDays {
  const core::Freeze* freeze = nullptr;
  std::int64_t from = 0, to = 0;  // days since 1970, both included
};

class Calendar {
 public:
  Calendar(const core::Release& release, const ZoneBytes& zones) {
    for (const core::Window& window : release.windows)
      windows_.push_back({&window, find_zone(window.zone, zones)});
    for (const core::Freeze& freeze : release.freezes)
      freezes_.push_back(
          {&freeze, parse_date(freeze.from).value_or(0), parse_date(freeze.to).value_or(0)});
  }

  [[nodiscard]] const FrozenDays* frozen(std::int64_t utc_s) const {
    const std::int64_t day = floor_div(utc_s, day_s);
    const auto found = std::find_if(freezes_.begin(), freezes_.end(), [&](const FrozenDays& f) {
      return f.from <= day && day <= f.to;
    });
    return found == freezes_.end() ? nullptr : &*found;
  }

  /// The window that is open, or null. Without windows it is always open: use `inside`.
  [[nodiscard]] const ZonedWindow* open_window(std::int64_t utc_s) const {
    const auto found = std::find_if(windows_.begin(), windows_.end(),
                                    [&](const ZonedWindow& w) { return w.open(utc_s); });
    return found == windows_.end() ? nullptr : &*found;
  }
  [[nodiscard]] bool inside(std::int64_t utc_s) const {
    return windows_.empty() || open_window(utc_s) != nullptr;
  }

  // Minute by minute: windows begin at whole minutes, and this needs no thought on days when the
  // clocks change. A weekly window that such a day swallows is there a week later.
  [[nodiscard]] std::optional<std::int64_t> next(std::int64_t utc_s) const {
    std::int64_t time = -floor_div(-utc_s, minute_s) * minute_s;
    for (int minutes = 0; minutes < search_minutes; ++minutes) {
      while (const FrozenDays* days = frozen(time)) time = (days->to + 1) * day_s;
      if (inside(time)) return time;
      time += minute_s;
    }
    return std::nullopt;
  }

  [[nodiscard]] std::string local_text(std::int64_t utc_s) const {
    const ZonedWindow* window = open_window(utc_s);
    const Zone utc = Zone::utc();
    const LocalType& local = window == nullptr ? utc.at(utc_s) : window->zone->at(utc_s);
    const std::string text = WallTime{(utc_s + local.offset_s) * 1000}.text();
    return fmt::format("{} {} {}", text.substr(0, 10), text.substr(11, 5), local.abbreviation);
  }

 private:
  static constexpr int search_minutes = 60 * 24 * 60;  // outside freezes
  std::vector<ZonedWindow> windows_;
  std::vector<FrozenDays> freezes_;
};

std::string window_text(const core::Window& window) {
  return fmt::format("{} {}-{} {}", days_text(window.days), clock_text(window.from_minute),
                     clock_text(window.to_minute), window.zone);
}

}  // namespace

std::optional<std::string> closed(const core::Release& release, WallTime now,
                                  const ZoneBytes& zones) {
  const Calendar calendar(release, zones);
  const std::int64_t now_s = floor_div(now.ms, 1000);
  if (const FrozenDays* days = calendar.frozen(now_s)) {
    const core::Freeze* freeze = days->freeze;
    return fmt::format("freeze until {}{}{}", freeze->to, freeze->why.empty() ? "" : ": ",
                       freeze->why);
  }
  if (calendar.inside(now_s)) return std::nullopt;
  std::string windows;
  for (const core::Window& window : release.windows)
    windows += (windows.empty() ? "" : ", ") + window_text(window);
  std::string reason = fmt::format("outside the release window{} {}",
                                   release.windows.size() > 1 ? "s" : "", windows);
  const auto unknown = unknown_zones(release, zones);
  if (!unknown.empty())
    reason += fmt::format("; unknown here: time zone {}", fmt::join(unknown, ", "));
  if (const auto opens = calendar.next(now_s))
    reason += fmt::format("; opens {}", calendar.local_text(*opens));
  return reason;
}

std::optional<WallTime> next_opening(const core::Release& release, WallTime now,
                                     const ZoneBytes& zones) {
  const auto opens = Calendar(release, zones).next(-floor_div(-now.ms, 1000));
  if (!opens) return std::nullopt;
  return WallTime{*opens * 1000};
}

std::vector<std::string> unknown_zones(const core::Release& release, const ZoneBytes& zones) {
  std::vector<std::string> unknown;
  for (const core::Window& window : release.windows)
    if (!find_zone(window.zone, zones) &&
        std::find(unknown.begin(), unknown.end(), window.zone) == unknown.end())
      unknown.push_back(window.zone);
  return unknown;
}

}  // namespace linnet::spec
