// Window betting, the reactive detector, the placebo monitor, gauges, and the plan of a detection.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <type_traits>
#include <vector>

#include "stats/detector.h"
#include "stats/expected.h"
#include "stats/gauge.h"
#include "stats/placebo.h"
#include "stats/threshold.h"
#include "stats/window_betting.h"

namespace linnet::stats {
namespace {

static_assert(std::is_trivially_copyable_v<WindowBetting>);
static_assert(std::is_trivially_copyable_v<Detector>);
static_assert(std::is_trivially_copyable_v<GaugeComparison>);

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

TEST(WindowBetting, FollowsItsFormula) {
  WindowBetting state = *WindowBetting::make(0.05);
  EXPECT_NEAR(state.log_fail(), 0, 1e-15);
  ASSERT_TRUE(state.add(50, 10));
  ASSERT_TRUE(state.add(40, 1));
  ASSERT_TRUE(state.add(0, 0));
  double sum = 0;
  for (const double c : {.05, .12, .3, .6, .9})
    sum += (1 + c / 0.05 * (0.2 - 0.05)) * (1 + c / 0.05 * (0.025 - 0.05)) / 5;
  EXPECT_NEAR(state.log_fail(), std::log(sum), 1e-14);
}

TEST(WindowBetting, AWindowWithoutErrorsNeverLosesEverything) {
  WindowBetting state = *WindowBetting::make(0.05);
  for (int i = 0; i < 100'000; ++i) ASSERT_TRUE(state.add(10, 0));
  EXPECT_TRUE(std::isfinite(state.log_fail()));
}

TEST(WindowBetting, CorruptInputLeavesTheState) {
  WindowBetting state = *WindowBetting::make(0.05);
  ASSERT_TRUE(state.add(10, 1));
  const WindowBetting before = state;
  for (const double broken : {nan, infinity, -1.0, 1e300}) {
    EXPECT_FALSE(state.add(broken, 0));
    EXPECT_FALSE(state.add(10, broken));
  }
  EXPECT_EQ(std::memcmp(&state, &before, sizeof state), 0);
  EXPECT_FALSE(WindowBetting::make(0));
  EXPECT_FALSE(WindowBetting::make(nan));
}

TEST(Detector, StartsAtOneAndHasMeanOneAtTheLimit) {
  // All 2^4 outcomes of four windows of one request each, at a rate of exactly the limit.
  double mean = 0;
  for (int outcome = 0; outcome < 16; ++outcome) {
    Detector state = *Detector::make(0.25, 6);
    EXPECT_EQ(state.log_fail(), 0);
    double probability = 1;
    for (int i = 0; i < 4; ++i) {
      const bool bad = (outcome >> i & 1) != 0;
      ASSERT_TRUE(state.add(1, bad));
      probability *= bad ? 0.25 : 0.75;
    }
    mean += probability * std::exp(state.log_fail());
  }
  EXPECT_NEAR(mean, 1, 1e-12);
}

TEST(Detector, ReactsToALateChangeFasterThanEvidenceFromTheStart) {
  Detector detector = *Detector::make(0.05, 600);
  Threshold threshold = *Threshold::make(0.05);
  for (int second = 0; second < 300; ++second) {
    ASSERT_TRUE(detector.add(20, second % 10 == 0));
    ASSERT_TRUE(threshold.add(20, second % 10 == 0));
  }
  int seconds = 0;
  for (; detector.log_fail() < std::log(100) && seconds < 100; ++seconds) {
    ASSERT_TRUE(detector.add(20, 8));
    ASSERT_TRUE(threshold.add(20, 8));
  }
  EXPECT_LE(seconds, 4);
  EXPECT_LT(threshold.log_fail(), 0);
}

TEST(Detector, CorruptInputLeavesTheState) {
  Detector state = *Detector::make(0.05, 100);
  ASSERT_TRUE(state.add(10, 1));
  const Detector before = state;
  EXPECT_FALSE(state.add(nan, 1));
  EXPECT_FALSE(state.add(10, 11));
  EXPECT_FALSE(state.add(10, 1, 0));
  EXPECT_EQ(std::memcmp(&state, &before, sizeof state), 0);
  EXPECT_FALSE(Detector::make(0.05, 0));
}

TEST(Placebo, IsQuietOnEqualInstancesAndNamesTheOddOne) {
  std::mt19937_64 random(7);
  std::binomial_distribution<int> usual(100, 0.01), odd(100, 0.08);
  Placebo equal, unequal;
  for (int window = 0; window < 100; ++window) {
    const std::vector<InstanceCounts> good{{"a", 100, double(usual(random))},
                                           {"b", 100, double(usual(random))},
                                           {"c", 100, double(usual(random))}};
    ASSERT_TRUE(equal.add(good));
    std::vector<InstanceCounts> bad = good;
    bad[1].bad = odd(random);
    ASSERT_TRUE(unequal.add(bad));
  }
  EXPECT_FALSE(equal.verdict(0.01).broken);
  const Placebo::Verdict verdict = unequal.verdict(0.01);
  EXPECT_TRUE(verdict.broken);
  EXPECT_EQ(verdict.worst, "b");
  EXPECT_EQ(verdict.watched, 3);
}

TEST(Placebo, CorruptInputLeavesTheState) {
  Placebo state;
  const std::vector<InstanceCounts> good{{"a", 100, 1}, {"b", 100, 3}};
  ASSERT_TRUE(state.add(good));
  const Placebo before = state;
  EXPECT_FALSE(state.add(std::vector<InstanceCounts>{{"a", 100, 1}, {"b", nan, 3}}));
  EXPECT_FALSE(state.add(std::vector<InstanceCounts>{{"a", 100, 1}, {"a", 100, 3}}));
  EXPECT_FALSE(state.add(std::vector<InstanceCounts>{{"a", 100, 1}, {"", 100, 3}}));
  EXPECT_FALSE(state.add(good, nan));
  EXPECT_EQ(state.instances, before.instances);
}

TEST(Gauge, SaysNothingBeforeTwentyBatches) {
  GaugeComparison state;
  for (int i = 0; i < 19; ++i) ASSERT_TRUE(state.add(5 + i % 2));
  EXPECT_FALSE(state.interval(0.01));
  EXPECT_EQ(state.advice(0.01), GaugeComparison::Advice::too_early);
  ASSERT_TRUE(state.add(5));
  EXPECT_EQ(state.advice(0.01), GaugeComparison::Advice::canary_higher);
}

TEST(Gauge, FollowsItsFormula) {
  GaugeComparison state;
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(state.add(i % 3 - 1));
  const double s = std::sqrt(20.0 / 29), nats = -2 * std::log(0.05);
  const double r = (nats + std::log(1 + nats)) / 40;
  const double half =
      s * std::sqrt(2 * (30 * r + 1) / (900 * r) * std::log(std::sqrt(30 * r + 1) / 0.05));
  EXPECT_NEAR(state.interval(0.05)->high, half, 1e-12);
  EXPECT_NEAR(state.interval(0.05)->low, -half, 1e-12);
  EXPECT_EQ(state.advice(0.05), GaugeComparison::Advice::no_difference);
}

TEST(Gauge, RefusesWhatIsNotANumber) {
  GaugeComparison state;
  for (const double broken : {nan, infinity, -infinity, 1e200}) EXPECT_FALSE(state.add(broken));
  EXPECT_EQ(state.batches, 0);
}

TEST(CombinedEvidence, IsTheWeightedAverage) {
  const std::vector<double> log_e{std::log(150), std::log(2), 1000}, v{.5, .25, 0};
  EXPECT_NEAR(log_weighted_sum(log_e, v), std::log(75.5), 1e-14);
  const std::vector<double> huge{5000, -5000}, half{.5, .5};
  EXPECT_NEAR(log_weighted_sum(huge, half), 5000 - std::log(2), 1e-9);
  EXPECT_EQ(log_weighted_sum({}, {}), -infinity);
}

TEST(Expected, AgreesWithTheSimulatedTableOfDetectionTimes) {
  struct Cell {
    double limit, rate, alpha, requests;
  };
  for (const Cell& cell :
       {Cell{.001, .01, .01, 435}, Cell{.005, .05, .01, 85.9}, Cell{.01, .05, .01, 144},
        Cell{.01, .10, .001, 59.4}, Cell{.05, .10, .01, 293}, Cell{.05, .50, .001, 10.4}}) {
    const Detection detection =
        *expected_to_fail({.limit = cell.limit, .true_rate = cell.rate, .alpha = cell.alpha});
    EXPECT_NEAR(detection.expected / cell.requests, 1, 0.03) << cell.limit << " " << cell.rate;
    EXPECT_TRUE(detection.exact);
    EXPECT_GE(detection.expected, detection.lower_bound);
  }
  EXPECT_NEAR(expected_to_fail({.limit = .05, .true_rate = .1})->lower_bound, 223.0, 0.1);
}

TEST(Expected, AgreesWithTheTableOfPassTimes) {
  struct Cell {
    double rate, requests;
  };
  for (const Cell& cell : {Cell{0, 108}, Cell{.001, 114}, Cell{.005, 145}, Cell{.01, 198},
                           Cell{.02, 422}, Cell{.03, 1161}})
    EXPECT_NEAR(expected_to_pass({.limit = .05, .true_rate = cell.rate})->expected / cell.requests,
                1, 0.03)
        << cell.rate;
}

TEST(Expected, FalseAlarmsAtTheLimitStayBelowAlpha) {
  for (const double alpha : {.05, .01, .001}) {
    const Detection detection =
        *expected_to_fail({.limit = .05, .true_rate = .05, .alpha = alpha, .horizon = 20'000});
    EXPECT_LE(detection.decided, alpha);
    EXPECT_GE(detection.decided, alpha / 4);
  }
}

TEST(Expected, EstimatesVeryLongWaits) {
  const Detection detection = *expected_to_fail({.limit = .05, .true_rate = .053});
  EXPECT_FALSE(detection.exact);
  EXPECT_GT(detection.expected, detection.lower_bound);
  EXPECT_LT(detection.expected, 4 * detection.lower_bound);
}

TEST(Expected, ARateTooNearTheLimitIsNeverDecided) {
  EXPECT_EQ(expected_to_fail({.limit = .05, .true_rate = .0505})->expected, infinity);
}

TEST(Expected, RefusesWhatNeverHappens) {
  EXPECT_FALSE(expected_to_fail({.limit = .05, .true_rate = .05}));
  EXPECT_FALSE(expected_to_pass({.limit = .05, .true_rate = .05}));
  EXPECT_FALSE(expected_to_fail({.limit = nan, .true_rate = .1}));
  EXPECT_FALSE(expected_to_fail({.limit = .05, .true_rate = 1.1}));
  EXPECT_FALSE(expected_to_fail({.limit = .05, .true_rate = .1, .alpha = 0}));
}

TEST(Expected, BoundariesAreTheSmallestFiringPatterns) {
  EXPECT_EQ(least_bad_to_fail(.05, 3, std::log(100)), 3);
  EXPECT_EQ(least_bad_to_fail(.05, 2, std::log(100)), 3);  // none: n + 1
  EXPECT_EQ(most_bad_to_pass(.05, 108, std::log(100)), 0);
  EXPECT_EQ(most_bad_to_pass(.05, 107, std::log(100)), -1);
}

}  // namespace
}  // namespace linnet::stats
