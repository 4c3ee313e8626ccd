#include "spec/zone.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstdlib>
#include <ctime>
#include <fstream>
#include <sstream>

#include "spec/formats.h"

namespace linnet::spec {
namespace {

std::string file_of(const std::string& zone) {
  std::ifstream file("/usr/share/zoneinfo/" + zone, std::ios::binary);
  std::stringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

// "2026-03-29 00:59:59", UTC.
std::int64_t utc(const std::string& text) {
  return parse_date(text.substr(0, 10)).value() * 86'400 + std::stoi(text.substr(11, 2)) * 3600 +
         std::stoi(text.substr(14, 2)) * 60 + std::stoi(text.substr(17, 2));
}

LocalType rule_at(const std::string& rule, const std::string& when) {
  return TzRule::parse(rule).value().at(utc(when));
}

// What GNU date says for these instants.
TEST(TzRule, ChangesAtTheSecond) {
  const std::string berlin = "CET-1CEST,M3.5.0,M10.5.0/3", new_york = "EST5EDT,M3.2.0,M11.1.0";
  const std::string lord_howe = "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0";  // south, half an hour
  const LocalType cet{3600, "CET"}, cest{7200, "CEST"}, est{-18000, "EST"}, edt{-14400, "EDT"};
  EXPECT_EQ(rule_at(berlin, "2026-03-29 00:59:59"), cet);
  EXPECT_EQ(rule_at(berlin, "2026-03-29 01:00:00"), cest);
  EXPECT_EQ(rule_at(berlin, "2026-10-25 00:59:59"), cest);
  EXPECT_EQ(rule_at(berlin, "2026-10-25 01:00:00"), cet);
  EXPECT_EQ(rule_at(berlin, "2096-07-15 12:00:00"), cest);
  EXPECT_EQ(rule_at(new_york, "2026-03-08 06:59:59"), est);
  EXPECT_EQ(rule_at(new_york, "2026-03-08 07:00:00"), edt);
  EXPECT_EQ(rule_at(new_york, "2026-11-01 05:59:59"), edt);
  EXPECT_EQ(rule_at(new_york, "2026-11-01 06:00:00"), est);
  EXPECT_EQ(rule_at(lord_howe, "2026-04-04 14:59:59").offset_s, 39'600);
  EXPECT_EQ(rule_at(lord_howe, "2026-04-04 15:00:00").offset_s, 37'800);
  EXPECT_EQ(rule_at(lord_howe, "2026-10-03 15:30:00").offset_s, 39'600);
  EXPECT_EQ(rule_at("IST-5:30", "2026-07-01 00:00:00"), (LocalType{19'800, "IST"}));
}

TEST(TzRule, CountsDaysWithAndWithoutTheLeapDay) {
  EXPECT_EQ(rule_at("AAA0BBB,J60/0,J300/0", "2028-02-29 12:00:00").abbreviation,
            "AAA");  // J60 is 1 March
  EXPECT_EQ(rule_at("AAA0BBB,J60/0,J300/0", "2028-03-01 00:00:00").abbreviation, "BBB");
  EXPECT_EQ(rule_at("AAA0BBB,59/0,299/0", "2028-02-29 00:00:00").abbreviation,
            "BBB");  // 59 is 29 February
  EXPECT_EQ(rule_at("AAA0BBB,59/0,299/0", "2027-02-28 23:59:59").abbreviation, "AAA");
}

TEST(TzRule, RefusesWhatIsNoRule) {
  for (const char* text :
       {"", "CET", "CE-1", "CET-1CEST", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0",
        "CET-1CEST,M3.0.0,M10.5.0", "CET-1CEST,M3.5.7,M10.5.0", "<+01-1", "CET-1 ", "CET-200",
        "CET-1CEST,J0,J10", ":Europe/Berlin"})
    EXPECT_FALSE(TzRule::parse(text)) << text;
}

void append(std::string& out, std::int64_t value, int width) {
  for (int shift = (width - 1) * 8; shift >= 0; shift -= 8)
    out += static_cast<char>(value >> shift & 0xff);
}

// Version 2 with one transition at 1000, from AAA (UTC+1) to BBB (UTC+2).
std::string small_file(const std::string& footer) {
  std::string header = "TZif2" + std::string(15, '\0'), out = header;
  for (int count : {0, 0, 0, 0, 1, 4}) append(out, count, 4);
  out += std::string(6, '\0') + "OLD" + '\0' + header;
  for (int count : {0, 0, 0, 1, 2, 8}) append(out, count, 4);
  append(out, 1000, 8);
  append(out, 1, 1);
  for (int type : {0, 1}) {
    append(out, 3600 * (type + 1), 4);
    append(out, 0, 1);
    append(out, type * 4, 1);
  }
  return out + "AAA" + '\0' + "BBB" + '\0' + "\n" + footer + "\n";
}

TEST(Zone, ReadsTransitionsAndTheFooter) {
  const Zone plain = Zone::parse(small_file("")).value();
  EXPECT_EQ(plain.at(999), (LocalType{3600, "AAA"}));
  EXPECT_EQ(plain.at(1000), (LocalType{7200, "BBB"}));
  const Zone ruled = Zone::parse(small_file("CCC-3")).value();
  EXPECT_EQ(ruled.at(999), (LocalType{3600, "AAA"}));
  EXPECT_EQ(ruled.at(1000), (LocalType{10'800, "CCC"}));
}

TEST(Zone, RefusesEveryCutFile) {
  const std::string whole = small_file("CCC-3");
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(Zone::parse(whole.substr(0, size))) << size;
}

TEST(Zone, RefusesANameThatATerminalWouldObey) {
  std::string bytes = small_file("");
  const std::size_t name = bytes.rfind("AAA");
  ASSERT_NE(name, std::string::npos);
  bytes[name + 1] = '\x1b';
  EXPECT_FALSE(Zone::parse(bytes));
}

RC_GTEST_PROP(Zone, SurvivesDamagedFiles, ()) {
  std::string bytes = small_file("CET-1CEST,M3.5.0,M10.5.0/3");
  for (int i = *rc::gen::inRange(1, 5); i > 0; --i)
    bytes[*rc::gen::inRange<std::size_t>(0, bytes.size())] = *rc::gen::arbitrary<char>();
  if (const auto zone = Zone::parse(bytes))
    RC_ASSERT(std::abs(zone->at(*rc::gen::arbitrary<std::int32_t>()).offset_s) <= 168 * 3600);
}

// The C library is the reference, where the zones are installed.
RC_GTEST_PROP(Zone, AgreesWithTheCLibrary, ()) {
  const std::string name = *rc::gen::element<std::string>(
      "Europe/Berlin", "America/New_York", "UTC", "Asia/Kolkata", "Australia/Lord_Howe",
      "Africa/Casablanca", "Europe/Dublin", "America/Nuuk", "Pacific/Chatham", "Asia/Tehran",
      "America/Sao_Paulo");
  const std::string bytes = file_of(name);
  if (bytes.empty()) return;
  const auto zone = Zone::parse(bytes);
  RC_ASSERT(zone.has_value());
  setenv("TZ", name.c_str(), 1);
  tzset();
  for (int i = 0; i < 50; ++i) {
    // 1970 to 2100: after 2037 only the footer speaks.
    const std::time_t time =
        *rc::gen::resize(1000, rc::gen::inRange<std::time_t>(0, 4'102'444'800));
    std::tm local{};
    localtime_r(&time, &local);
    RC_ASSERT(zone->at(time).offset_s == local.tm_gmtoff);
    RC_ASSERT(zone->at(time).abbreviation == local.tm_zone);
  }
}

}  // namespace
}  // namespace linnet::spec
