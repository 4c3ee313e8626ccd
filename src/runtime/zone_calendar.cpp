#include "runtime/zone_calendar.h"

#include <fstream>
#include <iterator>
#include <optional>

#include "spec/calendar.h"

namespace linnet::runtime {

std::string ZoneCalendar::closed(const core::Release& release, WallTime at) {
  const auto zone_bytes = [](std::string_view zone) -> std::optional<std::string> {
    std::ifstream file("/usr/share/zoneinfo/" + std::string(zone), std::ios::binary);
    if (!file) return std::nullopt;
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  return spec::closed(release, at, zone_bytes).value_or(std::string());
}

}  // namespace linnet::runtime
