#include "base/units.h"

#include <gtest/gtest.h>

#include <array>

namespace linnet {
namespace {

TEST(Percent, ReadsWholeAndDecimalPercentages) {
  EXPECT_EQ(Percent::parse("5%"), Percent::whole(5));
  EXPECT_EQ(Percent::parse("0.1 %"), Percent::from_ppm(1000));
  EXPECT_EQ(Percent::parse("100"), Percent::whole(100));
  EXPECT_EQ(Percent::parse("5.5500%"), Percent::from_ppm(55'500));
}

TEST(Percent, RefusesWhatIsNotAPercentage) {
  for (const char* text :
       {"", "%", "-1", "101%", "abc", "5,5", "1e1", "0.00001", ".5", "5.", "nan"})
    EXPECT_FALSE(Percent::parse(text)) << text;
}

TEST(Percent, PrintsWithoutTrailingZeros) {
  EXPECT_EQ(Percent::whole(25).text(), "25 %");
  EXPECT_EQ(Percent::from_ppm(1000).text(), "0.1 %");
  EXPECT_EQ(Percent().text(), "0 %");
}

TEST(Duration, ReadsUnitsAndSums) {
  EXPECT_EQ(parse_duration("60s"), 60s);
  EXPECT_EQ(parse_duration("500ms"), 500ms);
  EXPECT_EQ(parse_duration("1h30m"), 90min);
  EXPECT_EQ(parse_duration("0.5s"), 500ms);
}

TEST(Duration, RefusesBareNumbersAndNonsense) {
  for (const char* text : {"", "60", "s", "1w", "-5s", "5 s", "9999999999h", "..s", "1e3s"})
    EXPECT_FALSE(parse_duration(text)) << text;
}

TEST(Duration, PrintsTheShortestExactForm) {
  EXPECT_EQ(duration_text(60s), "1m");
  EXPECT_EQ(duration_text(1500ms), "1.5s");
  EXPECT_EQ(duration_text(0s), "0s");
  EXPECT_EQ(duration_text(3'600'000ms), "1h");
  EXPECT_EQ(duration_text(250ms), "250ms");
}

TEST(WallTime, PrintsRfc3339InUtc) {
  EXPECT_EQ(WallTime{0}.text(), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(WallTime{1'795'467'727'123}.text(), "2026-11-23T21:02:07.123Z");
}

TEST(NearestWord, SuggestsATypingSlipAndNothingElse) {
  constexpr std::array<std::string_view, 3> known{"weight", "hold", "steps"};
  EXPECT_EQ(nearest_word("wieght", known), "weight");
  EXPECT_EQ(nearest_word("quantile", known), "");
}

TEST(Error, SaysWhatWasBeingDone) {
  const Error error{Code::conflict, "409 conflict"};
  EXPECT_EQ(error.while_doing("patching Ingress").message, "patching Ingress: 409 conflict");
}

}  // namespace
}  // namespace linnet
