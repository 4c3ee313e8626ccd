// Time zones: TZif files of the machine, and the calendar that reads them. An offset is never
// wilder than a day, and an opening that is promised is open.
#include "spec/zone.h"

#include "fuzz/fuzz.h"
#include "spec/calendar.h"

using namespace linnet;

namespace {

constexpr std::int64_t some_times_s[] = {
    -4'000'000'000, -1, 0, 951'782'400, 1'764'000'000, 1'774'746'000, 2'147'483'648, 4'102'444'800};

void check(const spec::LocalType& local) {
  CHECK(local.offset_s > -200 * 3600 && local.offset_s < 200 * 3600);
  CHECK(fuzz::is_printable(local.abbreviation));
}

void check_calendar(std::string_view bytes) {
  core::Release release;
  core::Window window;
  window.days = 0x1F;
  window.from_minute = 9 * 60;
  window.to_minute = 17 * 60;
  window.zone = "Some/Where";
  release.windows = {window};
  const auto zones = [&](std::string_view) { return std::optional<std::string>(bytes); };
  const WallTime now{1'774'746'000'000};
  const auto opening = spec::next_opening(release, now, zones);
  if (opening) CHECK(*opening >= now && !spec::closed(release, *opening, zones));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto rule = spec::TzRule::parse(bytes))
    for (const std::int64_t at : some_times_s) check(rule->at(at));
  const auto zone = spec::Zone::parse(bytes);
  if (!zone) return 0;
  for (const std::int64_t at : some_times_s) check(zone->at(at));
  check_calendar(bytes);
  return 0;
}
