// What `linnet monitor` calls a violation.
#include "cli/watch.h"

#include <gtest/gtest.h>

namespace linnet::cli {
namespace {

// Boundaries 100 and 1000 ms.
CountsDocument counts(std::int64_t at_ms, std::int64_t requests, std::int64_t bad,
                      std::int64_t slow = 0) {
  CountsDocument document;
  document.boundaries_ms = {100, 1000};
  document.canary.requests = requests;
  document.canary.bad = bad;
  document.canary.latency = {requests - slow, 0, slow};
  document.at_ms = at_ms;
  return document;
}

Watch watch() { return std::move(Watch::make({})).value(); }

TEST(Watch, CountsOnlyWhatCameAfterTheFirstLook) {
  Watch seen = watch();
  ASSERT_TRUE(seen.look(counts(0, 1000, 900)));
  ASSERT_TRUE(seen.look(counts(10'000, 1412, 902)));
  EXPECT_EQ(seen.so_far().requests, 412);
  EXPECT_EQ(seen.so_far().bad, 2);
  EXPECT_EQ(seen.violated(), "");
  EXPECT_EQ(seen.so_far().text({}),
            "412 requests (41.2/s), 0.49 % failed (limit 5 %), P95 95 ms (limit 1000 ms)");
}

TEST(Watch, AMeasuredValueAboveItsLimitIsAViolation) {
  Watch seen = watch();
  ASSERT_TRUE(seen.look(counts(0, 0, 0)));
  ASSERT_TRUE(seen.look(counts(1000, 100, 6)));
  EXPECT_EQ(seen.violated(), "6 % of 100 requests failed; limit 5 %");
  EXPECT_EQ(seen.proven(), "");  // 6 of 100 may well be chance
}

TEST(Watch, EnoughEvidenceIsProofBeforeThePeriodEnds) {
  Watch seen = watch();
  ASSERT_TRUE(seen.look(counts(0, 0, 0)));
  ASSERT_TRUE(seen.look(counts(1000, 40, 20)));
  EXPECT_NE(seen.proven(), "");
}

TEST(Watch, ASlowCanaryIsAViolation) {
  Watch seen = watch();
  ASSERT_TRUE(seen.look(counts(0, 0, 0)));
  ASSERT_TRUE(seen.look(counts(1000, 100, 0, 50)));
  EXPECT_EQ(seen.proven(), "P95 of 100 requests is above 1000 ms; limit 1000 ms");
}

TEST(Watch, TooFewRequestsSayNothing) {
  Watch seen = watch();
  ASSERT_TRUE(seen.look(counts(0, 0, 0)));
  ASSERT_TRUE(seen.look(counts(1000, 19, 19)));
  EXPECT_FALSE(seen.enough());
  EXPECT_EQ(seen.violated(), "");
}

TEST(Watch, ADaemonThatStartedAnewCountsFromZero) {
  Watch seen = watch();
  ASSERT_TRUE(seen.look(counts(0, 1000, 900)));
  ASSERT_TRUE(seen.look(counts(1000, 30, 1)));
  EXPECT_EQ(seen.so_far().requests, 30);
  EXPECT_EQ(seen.so_far().bad, 1);
}

TEST(Watch, AClockThatWasSetBackCountsNothingTwice) {
  Watch seen = watch();
  ASSERT_TRUE(seen.look(counts(3'600'000, 1000, 900)));
  ASSERT_TRUE(seen.look(counts(1000, 1030, 901)));
  EXPECT_EQ(seen.so_far().requests, 30);
  EXPECT_EQ(seen.so_far().bad, 1);
}

TEST(Watch, ANewPeriodForgetsTheLastOne) {
  Watch seen = watch();
  ASSERT_TRUE(seen.look(counts(0, 0, 0)));
  ASSERT_TRUE(seen.look(counts(1000, 100, 50)));
  ASSERT_TRUE(seen.next_period());
  ASSERT_TRUE(seen.look(counts(2000, 200, 50)));
  EXPECT_EQ(seen.violated(), "");
  EXPECT_EQ(seen.so_far().requests, 100);
}

TEST(Watch, RefusesCountsThatDoNotFitTheirBoundaries) {
  Watch seen = watch();
  ASSERT_TRUE(seen.look(counts(0, 0, 0)));
  CountsDocument broken = counts(1000, 10, 0);
  broken.canary.latency = {1, 2, 3, 4, 5};
  EXPECT_FALSE(seen.look(broken));
}

}  // namespace
}  // namespace linnet::cli
