// What people read beside a verdict.
#include "core/explain.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/testing.h"

namespace linnet::core {
namespace {

using testing::World;

// The texts of all checks, after `seconds` of the first step with the canary as it behaves.
std::vector<CheckReport> told(World& world, int seconds) {
  world.initialised().deploying("v2");
  EXPECT_TRUE(world.reach("stepping"));
  world.turns(seconds);
  return explained(world.release, world.status);
}

TEST(Explain, TellsCountsValueLimitAndRangeOfAGoodCanary) {
  World world;
  world.versions["v2"].error_share = 0.02;
  const std::vector<CheckReport> checks = told(world, 40);
  ASSERT_EQ(checks.size(), 5U);
  EXPECT_EQ(checks[0].name, "error_rate");
  EXPECT_EQ(checks[0].text,
            "1.54 % of 195 requests failed (3); limit 5 %; the true rate is between 0.0355 % and "
            "8.18 %");
  EXPECT_EQ(checks[1].text,
            "P95 20 ms over 195 requests; limit 1,000 ms: 0 took longer (0 %, 5 % may); the true "
            "share is between 0 % and 4.94 %");
  EXPECT_NEAR(checks[0].interval_low, 0.0355, 1e-4);
  EXPECT_EQ(checks[2].text, "1 of 1 canary instances ready, 0 restarts (limit 2)");
}

TEST(Explain, TellsHowLikelyAndHowMuchMoreIsNeededAboveTheLimit) {
  World world;
  world.release.analysis.false_alarm = 1e-4;  // so that it is still watched
  world.versions["v2"].error_share = 0.3;
  const std::vector<CheckReport> checks = told(world, 6);
  ASSERT_FALSE(checks.empty());
  EXPECT_EQ(checks[0].verdict, Verdict::inconclusive);
  EXPECT_NE(checks[0].text.find(" if the canary were within its limit; at this rate about "),
            std::string::npos)
      << checks[0].text;
  EXPECT_NE(checks[0].text.find("more requests would take it back"), std::string::npos)
      << checks[0].text;
}

TEST(Explain, SaysWhatWouldProveTheCanaryWhereAProofIsAskedFor) {
  World world;
  world.release.analysis.decision = Analysis::Decision::evidence;
  const std::vector<CheckReport> checks = told(world, 10);
  ASSERT_FALSE(checks.empty());
  EXPECT_NE(checks[0].text.find("would prove that it is within its limit"), std::string::npos)
      << checks[0].text;
}

TEST(Explain, ARollbackCarriesTheWholeSentenceAsItsCause) {
  World world;
  world.versions["v2"].error_share = 0.5;
  world.initialised().deploying("v2");
  ASSERT_TRUE(world.reach("rolled_back"));
  const std::string& text = std::get<RolledBack>(world.status.phase).cause.text;
  for (const char* part : {" requests failed (", "; limit 5 %; the true rate is between ",
                           " if the canary were within its limit"})
    EXPECT_NE(text.find(part), std::string::npos) << text;
}

TEST(Explain, AComparisonNamesBothSides) {
  World world;
  world.versions["v2"].error_share = 0.04;
  const std::vector<CheckReport> checks = told(world, 40);
  ASSERT_EQ(checks.size(), 5U);
  EXPECT_EQ(checks[3].name, "errors_vs_stable");
  EXPECT_NE(checks[3].text.find(
                "3.59 % of 195 requests failed against 0 % of stable's 3,705 requests; 1 in "),
            std::string::npos)
      << checks[3].text;
}

TEST(Explain, AComparisonThatOnlyWarnsSaysSoOnceInTheJournal) {
  World world;
  world.versions["v2"].error_share = 0.04;
  world.initialised().deploying("v2");
  ASSERT_TRUE(world.reach("awaiting_promotion"));
  const auto warnings = std::count_if(
      world.journal.begin(), world.journal.end(),
      [](const std::string& line) { return line.starts_with("warning errors_vs_stable: 4"); });
  EXPECT_GE(warnings, 1);
  EXPECT_LE(warnings, 4);  // once a step
}

}  // namespace
}  // namespace linnet::core
