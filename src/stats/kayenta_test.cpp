#include "stats/kayenta.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace linnet::stats {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
using Values = std::vector<double>;

const Values low{1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
const Values high{11, 12, 13, 14, 15, 16, 17, 18, 19, 20};

KayentaMetric metric(const char* name = "errors") {
  KayentaMetric made;
  made.name = name;
  made.groups = {"Errors"};
  return made;
}

TEST(MannWhitney, AgreesWithRsWilcoxTest) {
  // The example of R's help on small samples, published with Kayenta: 6, 39 and 22.5.
  const Shift shift = *mann_whitney(Values{10, 20, 30, 40}, Values{1, 2, 3, 4}, 0.95);
  EXPECT_NEAR(shift.low, 6, 1e-4);
  EXPECT_NEAR(shift.high, 39, 1e-4);
  EXPECT_NEAR(shift.estimate, 22.5, 1e-4);
}

TEST(MannWhitney, PValueAgreesWithTheNormalApproximationByHand) {
  // U = 0 of 16: z = (8 - 0.5) / sqrt(4 * 4 * 9 / 12).
  const Shift shift = *mann_whitney(Values{10, 20, 30, 40}, Values{1, 2, 3, 4}, 0.95);
  EXPECT_NEAR(shift.p_value, std::erfc(7.5 / std::sqrt(12.0) / std::sqrt(2.0)), 1e-12);
}

TEST(MannWhitney, TiesLowerTheVariance) {
  const Shift shift = *mann_whitney(Values{2, 2, 2, 3, 3}, Values{1, 1, 2, 2, 2}, 0.9);
  // Ranks of x: three 2s among six (ranks 3..8, mean 5.5), two 3s (9.5): 35.5; ties 6-2-2.
  const double surplus = 35.5 - 15 - 12.5;
  const double sigma = std::sqrt(25.0 / 12 * (11 - (210 + 6 + 6) / 90.0));
  EXPECT_NEAR(shift.p_value, std::erfc((surplus - 0.5) / sigma / std::sqrt(2.0)), 1e-12);
}

TEST(MannWhitney, ShiftOfAMovedSampleIsTheMove) {
  Values x, y;
  for (int i = 0; i < 60; ++i) {
    y.push_back(std::fmod(i * 37.0, 61.0));
    x.push_back(y.back() + 100);
  }
  const Shift shift = *mann_whitney(x, y, 0.98);
  EXPECT_NEAR(shift.estimate, 100, 0.01);
  EXPECT_LT(shift.low, 100);
  EXPECT_GT(shift.high, 100);
}

TEST(MannWhitney, RefusesWhatCannotBeRanked) {
  EXPECT_FALSE(mann_whitney(Values{}, low, 0.9));
  EXPECT_FALSE(mann_whitney(low, Values{1, nan}, 0.9));
  EXPECT_FALSE(mann_whitney(low, high, 1));
  EXPECT_FALSE(mann_whitney(Values{1}, Values{5}, 0.9));  // one of each: tied at the ends
}

TEST(NormalQuantile, InvertsTheDistributionFunction) {
  EXPECT_NEAR(normal_quantile(0.975), 1.959963984540054, 1e-12);
  EXPECT_NEAR(normal_quantile(0.01), -2.3263478740408408, 1e-12);
  EXPECT_EQ(normal_quantile(0.5), 0);
  for (const double p : {1e-300, 1e-20, 1e-5, 0.3, 0.7, 1 - 1e-10})
    EXPECT_NEAR(0.5 * std::erfc(-normal_quantile(p) / std::sqrt(2.0)) / p, 1, 1e-9) << p;
}

TEST(QuantileR7, InterpolatesBetweenOrderStatistics) {
  EXPECT_DOUBLE_EQ(*quantile_r7(Values{4, 1, 3, 2}, 0.25), 1.75);
  EXPECT_DOUBLE_EQ(*quantile_r7(Values{4, 1, 3, 2}, 1), 4);
  EXPECT_FALSE(quantile_r7(Values{}, 0.5));
}

TEST(CommonLanguageEffect, IsTheShareOfPairs) {
  EXPECT_DOUBLE_EQ(*common_language_effect(high, low), 1);
  EXPECT_DOUBLE_EQ(*common_language_effect(low, high), 0);
  EXPECT_DOUBLE_EQ(*common_language_effect(low, low), 0.5);
  EXPECT_DOUBLE_EQ(*common_language_effect(Values{1, 3}, Values{2}), 0.5);
}

TEST(Kayenta, ClassifiesHighLowAndPass) {
  EXPECT_EQ(kayenta_metric(metric(), low, high).classification, KayentaClass::high);
  EXPECT_EQ(kayenta_metric(metric(), high, low).classification, KayentaClass::low);
  const Values shuffled{2, 1, 4, 3, 6, 5, 8, 7, 10, 9.5};
  EXPECT_EQ(kayenta_metric(metric(), low, shuffled).classification, KayentaClass::pass);
}

TEST(Kayenta, DirectionDecidesWhichChangeFails) {
  KayentaMetric increase = metric();
  increase.direction = Direction::increase;
  EXPECT_EQ(kayenta_metric(increase, high, low).classification, KayentaClass::pass);
  EXPECT_EQ(kayenta_metric(increase, low, high).classification, KayentaClass::high);
  KayentaMetric decrease = metric();
  decrease.direction = Direction::decrease;
  EXPECT_EQ(kayenta_metric(decrease, low, high).classification, KayentaClass::pass);
}

TEST(Kayenta, EffectSizeHoldsBackSmallChanges) {
  KayentaMetric tolerant = metric();
  tolerant.allowed_increase = 10;
  const KayentaMetricResult result = kayenta_metric(tolerant, low, high);
  EXPECT_EQ(result.classification, KayentaClass::pass);
  EXPECT_NEAR(result.ratio, 15.5 / 5.5, 1e-12);
  KayentaMetric cles = metric();
  cles.effect_measure = EffectMeasure::cles;
  cles.allowed_increase = 0.8;
  EXPECT_EQ(kayenta_metric(cles, low, high).classification, KayentaClass::high);
  EXPECT_EQ(kayenta_metric(cles, low, high).ratio, 1);
}

TEST(Kayenta, NanStrategies) {
  const Values holes{nan, 1, nan, 2}, empty{nan, nan};
  KayentaMetric remove = metric();
  EXPECT_EQ(kayenta_metric(remove, holes, low).control.count, 2U);
  EXPECT_EQ(kayenta_metric(remove, empty, low).classification, KayentaClass::nodata);
  KayentaMetric replace = metric();
  replace.nan_strategy = NanStrategy::replace;
  EXPECT_EQ(kayenta_metric(replace, holes, low).control.count, 4U);
  EXPECT_EQ(kayenta_metric(replace, Values{}, low).classification, KayentaClass::pass);
}

TEST(Kayenta, MissingDataCanFailTheMetricOrTheCanary) {
  KayentaMetric required = metric();
  required.must_have_data = true;
  EXPECT_EQ(kayenta_metric(required, {}, low).classification, KayentaClass::nodata_fail_metric);
  required.critical = true;
  const KayentaMetricResult result = kayenta_metric(required, {}, low);
  EXPECT_EQ(result.classification, KayentaClass::nodata);
  EXPECT_TRUE(result.critical);
}

TEST(Kayenta, IdenticalAndSingleValuedSeriesPass) {
  EXPECT_EQ(kayenta_metric(metric(), low, low).reason,
            "The Canary and Baseline data are identical");
  const KayentaMetricResult same = kayenta_metric(metric(), Values{7, 7, 7}, Values{7, 7});
  EXPECT_EQ(same.classification, KayentaClass::pass);
  EXPECT_EQ(same.ratio, 1);
}

TEST(Kayenta, TwoDifferentConstantsAreStillCompared) {
  const Values tens(20, 10.0), twenties(20, 20.0);
  EXPECT_EQ(kayenta_metric(metric(), tens, twenties).classification, KayentaClass::high);
  EXPECT_EQ(kayenta_metric(metric(), twenties, tens).classification, KayentaClass::low);
}

TEST(Kayenta, AMetricThatFallsToZeroIsNotLow) {
  const KayentaMetricResult result = kayenta_metric(metric(), high, Values(10, 0.0));
  EXPECT_TRUE(std::isnan(result.ratio));
  EXPECT_EQ(result.classification, KayentaClass::pass);
}

TEST(Kayenta, SingleObservationsAreAnError) {
  const KayentaMetricResult result = kayenta_metric(metric(), Values{1}, Values{5});
  EXPECT_EQ(result.classification, KayentaClass::error);
  EXPECT_EQ(result.reason, "Metric Classification Failed");
}

TEST(Kayenta, OutliersAreRemovedOnRequest) {
  Values spiked;
  for (int i = 0; i < 200; ++i) spiked.push_back(10 + i % 5);
  spiked.push_back(10'000);
  KayentaMetric keep = metric(), remove = metric();
  remove.remove_outliers = true;
  EXPECT_EQ(kayenta_metric(keep, spiked, low).control.max, 10'000);
  EXPECT_EQ(kayenta_metric(remove, spiked, low).control.max, 14);
}

KayentaMetricResult result_of(KayentaClass classification, std::vector<std::string> groups) {
  KayentaMetricResult result;
  result.classification = classification;
  result.groups = std::move(groups);
  result.reason = "because";
  return result;
}

TEST(KayentaScore, GroupsAreWeighted) {
  KayentaConfig config;
  config.group_weights = {{"A", 75}};
  const std::vector<KayentaMetricResult> results{
      result_of(KayentaClass::pass, {"A"}), result_of(KayentaClass::high, {"A"}),
      result_of(KayentaClass::pass, {"B"}), result_of(KayentaClass::pass, {"B", "C"})};
  const KayentaScore score = kayenta_score(config, results, 75, 50);
  EXPECT_DOUBLE_EQ(score.score, 62.5);
  EXPECT_EQ(score.verdict, KayentaVerdict::marginal);
  ASSERT_EQ(score.groups.size(), 3U);
  EXPECT_DOUBLE_EQ(score.groups[1].weight, 12.5);
}

TEST(KayentaScore, IsRoundedToTwoDecimals) {
  const std::vector<KayentaMetricResult> results{result_of(KayentaClass::pass, {"A"}),
                                                 result_of(KayentaClass::pass, {"A"}),
                                                 result_of(KayentaClass::low, {"A"})};
  EXPECT_DOUBLE_EQ(kayenta_score({}, results, 75, 50).score, 66.67);
}

TEST(KayentaScore, ACriticalFailureMakesItZero) {
  std::vector<KayentaMetricResult> results{result_of(KayentaClass::pass, {"A"}),
                                           result_of(KayentaClass::high, {"A"})};
  results[1].critical = true;
  const KayentaScore score = kayenta_score({}, results, 75, 50);
  EXPECT_EQ(score.score, 0);
  EXPECT_EQ(score.reason, "Canary Failed: because");
  results[1].muted = true;
  EXPECT_EQ(kayenta_score({}, results, 75, 50).score, 100);
}

TEST(KayentaScore, HalfOfTheMetricsWithoutDataMakeItZero) {
  const std::vector<KayentaMetricResult> results{result_of(KayentaClass::pass, {"A"}),
                                                 result_of(KayentaClass::nodata, {"B"})};
  EXPECT_EQ(kayenta_score({}, results, 75, 50).verdict, KayentaVerdict::fail);
  std::vector<KayentaMetricResult> more = results;
  more.push_back(result_of(KayentaClass::pass, {"A"}));
  EXPECT_EQ(kayenta_score({}, more, 75, 50).score, 100);  // a group without data counts as 100
}

TEST(KayentaScore, NodataFailMetricCountsAgainstItsGroup) {
  const std::vector<KayentaMetricResult> results{
      result_of(KayentaClass::pass, {"A"}), result_of(KayentaClass::nodata_fail_metric, {"A"})};
  EXPECT_EQ(kayenta_score({}, results, 75, 50).score, 50);
}

}  // namespace
}  // namespace linnet::stats
