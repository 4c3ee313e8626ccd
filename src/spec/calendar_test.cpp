#include "spec/calendar.h"

#include <gtest/gtest.h>

#include <map>

#include "spec/formats.h"

namespace linnet::spec {
namespace {

// A TZif file of version 2 that holds nothing but a rule.
std::string rule_file(const std::string& rule) {
  std::string block = "TZif2" + std::string(15, '\0') + std::string(16, '\0');
  block += std::string("\0\0\0\1\0\0\0\4", 8) + std::string(6, '\0') + "LMT" + '\0';
  return block + block + "\n" + rule + "\n";
}

std::optional<std::string> zones(std::string_view zone) {
  static const std::map<std::string, std::string, std::less<>> rules{
      {"Europe/Berlin", "CET-1CEST,M3.5.0,M10.5.0/3"},
      {"America/New_York", "EST5EDT,M3.2.0,M11.1.0"},
      {"Asia/Kolkata", "IST-5:30"}};
  const auto found = rules.find(zone);
  if (found == rules.end()) return std::nullopt;
  return rule_file(found->second);
}

WallTime utc(const std::string& text) {
  return {((parse_date(text.substr(0, 10)).value() * 24 + std::stoi(text.substr(11, 2))) * 60 +
           std::stoi(text.substr(14, 2))) *
          60'000};
}

core::Release with_window(const char* days, const char* from, const char* to, const char* zone) {
  core::Release release;
  release.windows = {
      {parse_days(days).value(), parse_clock(from).value(), parse_clock(to).value(), zone}};
  return release;
}

bool open(const core::Release& release, const std::string& when) {
  return !closed(release, utc(when), zones);
}
std::string opening(const core::Release& release, const std::string& when) {
  const auto at = next_opening(release, utc(when), zones);
  return at ? at->text().substr(0, 16) : "never";
}

TEST(Calendar, WithoutWindowsAndFreezesItIsAlwaysOpen) {
  EXPECT_TRUE(open(core::Release(), "2026-11-22 03:00"));
  EXPECT_EQ(opening(core::Release(), "2026-11-22 03:00"), "2026-11-22T03:00");
}

TEST(Calendar, AWindowIsInItsOwnZone) {
  const auto berlin = with_window("mon-fri", "09:00", "17:00", "Europe/Berlin");
  EXPECT_FALSE(open(berlin, "2026-11-23 07:59"));  // Monday, 08:59 CET
  EXPECT_TRUE(open(berlin, "2026-11-23 08:00"));
  EXPECT_TRUE(open(berlin, "2026-11-23 15:59"));
  EXPECT_FALSE(open(berlin, "2026-11-23 16:00"));
  EXPECT_FALSE(open(berlin, "2026-11-22 10:00")) << "Sunday";
  EXPECT_TRUE(open(berlin, "2026-07-06 07:00")) << "09:00 CEST";
  const auto kolkata = with_window("mon", "00:00", "24:00", "Asia/Kolkata");
  EXPECT_FALSE(open(kolkata, "2026-11-22 18:29"));
  EXPECT_TRUE(open(kolkata, "2026-11-22 18:30")) << "Monday begins";
  EXPECT_FALSE(open(kolkata, "2026-11-23 18:30"));
}

TEST(Calendar, SaysWhyAndWhenItOpens) {
  const auto berlin = with_window("mon-fri", "09:00", "17:00", "Europe/Berlin");
  EXPECT_EQ(
      closed(berlin, utc("2026-11-20 16:00"), zones),
      "outside the release window mon-fri 09:00-17:00 Europe/Berlin; opens 2026-11-23 09:00 CET");
  EXPECT_EQ(opening(berlin, "2026-11-20 16:00"), "2026-11-23T08:00");
}

TEST(Calendar, AWindowOverMidnightBelongsToTheDayItBeginsOn) {
  const auto night = with_window("fri", "22:00", "06:00", "UTC");
  EXPECT_FALSE(open(night, "2026-11-20 05:00")) << "Friday's early morning";
  EXPECT_TRUE(open(night, "2026-11-20 22:00"));
  EXPECT_TRUE(open(night, "2026-11-21 05:59"));
  EXPECT_FALSE(open(night, "2026-11-21 06:00"));
  EXPECT_FALSE(open(night, "2026-11-21 22:00"));
}

TEST(Calendar, DaysWhenClocksChangeOpenAtTheRightInstant) {
  const auto berlin = with_window("sun", "02:30", "04:00", "Europe/Berlin");
  EXPECT_EQ(opening(berlin, "2026-03-29 00:00"), "2026-03-29T01:00")
      << "02:30 does not exist: 03:00 CEST";
  EXPECT_EQ(opening(berlin, "2026-10-25 00:00"), "2026-10-25T00:30") << "the first 02:30, CEST";
  EXPECT_FALSE(open(berlin, "2026-10-25 01:00")) << "02:00 again, CET";
  EXPECT_TRUE(open(berlin, "2026-10-25 01:30")) << "02:30 again, CET";
  const auto gap = with_window("sun", "02:15", "02:45", "America/New_York");
  EXPECT_EQ(opening(gap, "2026-03-08 06:00"), "2026-03-15T06:15") << "swallowed on 8 March";
}

TEST(Calendar, FreezesHoldWholeDaysWithTheirReason) {
  core::Release release;
  release.freezes = {{"2026-12-20", "2027-01-03", "holidays"}, {"2027-01-04", "2027-01-04", ""}};
  EXPECT_TRUE(open(release, "2026-12-19 23:59"));
  EXPECT_EQ(closed(release, utc("2026-12-20 00:00"), zones), "freeze until 2027-01-03: holidays");
  EXPECT_EQ(closed(release, utc("2027-01-03 23:59"), zones), "freeze until 2027-01-03: holidays");
  EXPECT_EQ(closed(release, utc("2027-01-04 12:00"), zones), "freeze until 2027-01-04");
  EXPECT_TRUE(open(release, "2027-01-05 00:00"));
  EXPECT_EQ(opening(release, "2026-12-25 00:00"), "2027-01-05T00:00");
}

TEST(Calendar, AnOpeningIsNeverInAFreeze) {
  auto release = with_window("mon", "09:00", "10:00", "UTC");
  release.freezes = {{"2026-11-23", "2026-11-23", ""}, {"2026-11-30", "2026-11-30", ""}};
  EXPECT_EQ(opening(release, "2026-11-22 00:00"), "2026-12-07T09:00");
}

TEST(Calendar, AnUnknownZoneKeepsItsWindowClosed) {
  auto release = with_window("mon-sun", "00:00", "24:00", "Mars/Olympus");
  EXPECT_EQ(closed(release, utc("2026-11-23 12:00"), zones),
            "outside the release window mon-sun 00:00-24:00 Mars/Olympus; unknown here: time zone "
            "Mars/Olympus");
  EXPECT_EQ(unknown_zones(release, zones), std::vector<std::string>{"Mars/Olympus"});
  EXPECT_EQ(opening(release, "2026-11-23 12:00"), "never");
  release.windows.push_back({0x7f, 0, 24 * 60, "UTC"});
  EXPECT_TRUE(open(release, "2026-11-23 12:00"));
}

}  // namespace
}  // namespace linnet::spec
