#include "stats/latency.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "stats/threshold.h"

namespace linnet::stats {
namespace {

static_assert(std::is_trivially_copyable_v<LatencyComparison>);

constexpr double infinity = std::numeric_limits<double>::infinity();
const std::vector<double> le{50, 100, 500, 1000, infinity};

Histogram counts(std::vector<double> per_bucket) {
  Histogram made = *Histogram::make(le);
  made.count = std::move(per_bucket);
  return made;
}

LatencyComparison fresh(int stages = 1) {
  return *LatencyComparison::make(le, *StageWeights::uniform(stages));
}

TEST(LatencyComparison, IsTheMeanOfTheComparisonsAtEveryBoundary) {
  LatencyComparison state = fresh();
  ASSERT_TRUE(state.add(counts({20, 20, 5, 3, 2}), counts({400, 500, 90, 9, 1})));
  double sum = 0;
  const double canary_above[] = {30, 10, 5, 2}, stable_above[] = {600, 100, 10, 1};
  for (int j = 0; j < 4; ++j) {
    TwoSample one = *TwoSample::make();
    ASSERT_TRUE(one.add({50, canary_above[j], 1000, stable_above[j]}));
    sum += std::exp(one.log_worse());
  }
  EXPECT_NEAR(state.log_slower(), std::log(sum / 4), 1e-12);
}

TEST(LatencyComparison, NamesTheBoundaryWhereTheCanaryIsSlowest) {
  LatencyComparison state = fresh(4);
  for (int second = 0; second < 30; ++second)
    ASSERT_TRUE(state.add(counts({2, 2, 0, 1, 0}), counts({40, 45, 10, 0, 0})));
  EXPECT_GE(state.log_slower(), std::log(100));
  EXPECT_EQ(state.slowest().boundary_ms, 500);
}

TEST(LatencyComparison, EqualDistributionsGiveNoEvidence) {
  LatencyComparison state = fresh();
  for (int second = 0; second < 300; ++second)
    ASSERT_TRUE(state.add(counts({2, 2, 1, 0, 0}), counts({38, 38, 19, 0, 0})));
  EXPECT_LT(state.log_slower(), 0);
}

TEST(LatencyComparison, CorruptOrForeignHistogramsLeaveTheStateAsItWas) {
  LatencyComparison state = fresh(2);
  const Histogram good = counts({5, 5, 5, 5, 5});
  ASSERT_TRUE(state.add(good, good));
  const LatencyComparison before = state;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const double broken : {nan, -1.0, infinity, 1e300, 0.5}) {
    EXPECT_FALSE(state.add(counts({5, 5, broken, 5, 5}), good));
    EXPECT_FALSE(state.add(good, counts({5, 5, 5, 5, broken})));
  }
  const std::vector<double> other{50, 100};
  EXPECT_FALSE(state.add(*Histogram::make(other), good));
  EXPECT_FALSE(state.add(good, good, nan));
  EXPECT_TRUE(state.add(*Histogram::make(le), good));
  EXPECT_EQ(std::memcmp(&state, &before, sizeof state), 0);
}

TEST(LatencyComparison, ChoosesEvenlyFromMoreBoundariesThanItKeeps) {
  std::vector<double> many;
  for (int i = 1; i <= 100; ++i) many.push_back(i);
  const LatencyComparison state = *LatencyComparison::make(many, *StageWeights::uniform(1));
  EXPECT_EQ(state.boundaries, 32);
  EXPECT_TRUE(state.check());
}

TEST(LatencyComparison, ASavedStateGoesOnBitForBit) {
  LatencyComparison state = fresh(4), loaded;
  for (int i = 0; i < 20; ++i) {
    std::memcpy(&loaded, &state, sizeof state);
    ASSERT_TRUE(loaded.check());
    const Histogram canary = counts({2, double(i % 3), 1, 1, double(i % 2)});
    ASSERT_TRUE(state.add(canary, counts({40, 40, 10, 5, 1}), 1.2) &&
                loaded.add(canary, counts({40, 40, 10, 5, 1}), 1.2));
    if (i % 6 == 0) state.next_stage(), loaded.next_stage();
    ASSERT_EQ(std::memcmp(&state, &loaded, sizeof state), 0);
  }
}

TEST(SlowCounts, AreExactWhenTheLimitIsABoundary) {
  const SlowCounts exact = *slow_counts(counts({10, 10, 10, 10, 10}), 1000);
  EXPECT_EQ(exact.requests, 50);
  EXPECT_EQ(exact.certain, 10);
  EXPECT_EQ(exact.possible, 10);
  EXPECT_EQ(exact.gap_ms, 0);
  const SlowCounts vague = *slow_counts(counts({10, 10, 10, 10, 10}), 700);
  EXPECT_EQ(vague.certain, 10);
  EXPECT_EQ(vague.possible, 20);
  EXPECT_EQ(vague.gap_ms, 500);
  EXPECT_FALSE(slow_counts(counts({1, 1, 1, 1, 1}), -1));
}

TEST(Evidence, OfARolloutWithBothComparisonsIsSmall) {
  EXPECT_LE(2 * sizeof(Threshold) + sizeof(TwoSample) + sizeof(LatencyComparison), 4096U);
}

}  // namespace
}  // namespace linnet::stats
