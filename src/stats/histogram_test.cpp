#include "stats/histogram.h"

#include <gtest/gtest.h>

#include <array>
#include <limits>

namespace linnet::stats {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

Histogram sample() {
  const std::array<double, 4> le{10, 100, 1000, infinity};
  const std::array<double, 4> cumulative{50, 90, 98, 100};
  return *Histogram::from_cumulative(le, cumulative);
}

TEST(Histogram, QuantilesInterpolateAsPrometheusDoes) {
  EXPECT_DOUBLE_EQ(*sample().quantile(0.5), 10);
  EXPECT_DOUBLE_EQ(*sample().quantile(0.25), 5);
  EXPECT_DOUBLE_EQ(*sample().quantile(0.7), 55);
  EXPECT_DOUBLE_EQ(*sample().quantile(0.95), 100 + 900 * 5.0 / 8);
}

TEST(Histogram, AQuantileInTheLastBucketIsTheLastFiniteBoundary) {
  EXPECT_DOUBLE_EQ(*sample().quantile(0.99), 1000);
}

TEST(Histogram, WithoutObservationsThereIsNoQuantile) {
  const std::array<double, 2> le{10, 100};
  EXPECT_FALSE(Histogram::make(le)->quantile(0.95));
  EXPECT_FALSE(sample().quantile(1.1));
  EXPECT_FALSE(sample().quantile(nan));
}

TEST(Histogram, BoundariesAreInclusive) {
  const std::array<double, 2> le{10, 100};
  Histogram histogram = *Histogram::make(le);
  for (const double latency : {0.0, 10.0, 10.1, 100.0, 101.0, infinity})
    ASSERT_TRUE(histogram.observe(latency));
  EXPECT_EQ(histogram.count, (std::vector<double>{2, 2, 2}));
  EXPECT_FALSE(histogram.observe(-1));
  EXPECT_FALSE(histogram.observe(nan));
}

TEST(Histogram, CountsAboveALimitAreExactAtABoundaryAndBracketedBetween) {
  const Above at = sample().above(100);
  EXPECT_TRUE(at.exact());
  EXPECT_EQ(at.certain, 10);
  EXPECT_EQ(at.possible, 10);
  const Above between = sample().above(500);
  EXPECT_FALSE(between.exact());
  EXPECT_EQ(between.certain, 2);
  EXPECT_EQ(between.possible, 10);
  EXPECT_EQ(between.lower_ms, 100);
  EXPECT_EQ(between.upper_ms, 1000);
  const Above beyond = sample().above(5000);
  EXPECT_EQ(beyond.certain, 0);
  EXPECT_EQ(beyond.possible, 2);
  const Above below = sample().above(5);
  EXPECT_EQ(below.certain, 50);
  EXPECT_EQ(below.possible, 100);
}

TEST(Histogram, AddsOnlyItsOwnKind) {
  Histogram sum = sample();
  ASSERT_TRUE(sum.add(sample()));
  EXPECT_EQ(sum.total(), 200);
  EXPECT_EQ(sum.cumulative(1), 180);
  const std::array<double, 1> other{10};
  EXPECT_FALSE(sum.add(*Histogram::make(other)));
  EXPECT_EQ(sum.total(), 200);
}

TEST(Histogram, RefusesWhatIsNotAHistogram) {
  using List = std::vector<double>;
  for (const List& le :
       {List{10, 10}, List{10, 5}, List{-1, 5}, List{0, 5}, List{nan}, List{infinity, 5}})
    EXPECT_FALSE(Histogram::make(le));
  EXPECT_FALSE(Histogram::make(List(1000, 1.0)));
  const List le{10, infinity};
  EXPECT_FALSE(Histogram::from_cumulative(le, List{5, 4}));
  EXPECT_FALSE(Histogram::from_cumulative(le, List{-1, 4}));
  EXPECT_FALSE(Histogram::from_cumulative(le, List{nan, 4}));
  EXPECT_FALSE(Histogram::from_cumulative(le, List{1, infinity}));
  EXPECT_FALSE(Histogram::from_cumulative(le, List{1}));
  EXPECT_FALSE(Histogram::from_cumulative(List{10, 20}, List{1, 2}));
}

}  // namespace
}  // namespace linnet::stats
