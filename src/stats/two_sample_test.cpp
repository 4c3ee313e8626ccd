#include "stats/two_sample.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <boost/multiprecision/cpp_int.hpp>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>
#include <vector>

#include "stats/oracle.h"
#include "stats/threshold.h"

namespace linnet::stats {
namespace {

static_assert(std::is_trivially_copyable_v<TwoSample>);

using Rational = boost::multiprecision::cpp_rational;
using Integer = boost::multiprecision::cpp_int;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

Integer choose(int n, int k) {
  Integer result = 1;
  for (int i = 1; i <= k; ++i) result = result * (n - k + i) / i;
  return result;
}

oracle::Real log_worse_reference(const std::vector<PairedCounts>& windows, oracle::Real tolerance) {
  const oracle::Prior prior = oracle::r8();
  std::vector<oracle::Real> log_e(8, 0);
  for (const PairedCounts& w : windows) {
    std::vector<oracle::Real> psi{tolerance};
    for (const oracle::Real& value : prior.psi) psi.push_back(tolerance * value);
    const auto log_g = oracle::log_g(static_cast<std::int64_t>(w.canary_requests),
                                     static_cast<std::int64_t>(w.stable_requests),
                                     static_cast<std::int64_t>(w.canary_bad + w.stable_bad), psi);
    for (std::size_t k = 0; k < 8; ++k)
      log_e[k] += oracle::Real(w.canary_bad) * log(prior.psi[k]) + log_g[0] - log_g[k + 1];
  }
  return oracle::log_sum(prior, log_e);
}

TEST(TwoSample, TheNormaliserAgreesWithExactFractions) {
  for (int nc = 1; nc <= 7; ++nc)
    for (int ns = 1; ns <= 9; ++ns)
      for (int x = 1; x < nc + ns; ++x) {
        Rational sum = 0;
        Rational power = 1;
        for (int k = 0; k <= std::min(nc, x); ++k, power *= 7)
          if (x - k <= ns) sum += power * Rational(choose(nc, k) * choose(ns, x - k));
        sum /= Rational(choose(nc + ns, x));
        const std::array<double, 1> psi{7};
        std::array<long double, 1> out;
        log_g_exact({double(nc), double(ns), double(x)}, psi, out);
        EXPECT_NEAR(std::exp(double(out[0])) / sum.convert_to<double>(), 1, 1e-12);
      }
}

TEST(TwoSample, AgreesWithHundredDigitArithmeticFromNoneToABillion) {
  const std::vector<PairedCounts> tables{{1, 1, 1, 0},
                                         {1, 1, 1e9, 0},
                                         {1, 0, 1e9, 1},
                                         {5, 2, 95, 0},
                                         {5, 0, 95, 3},
                                         {50, 4, 950, 5},
                                         {500, 60, 9500, 40},
                                         {500, 25, 9500, 475},
                                         {5000, 5000, 5000, 0},
                                         {5000, 2600, 5000, 2400},
                                         {1e9, 1200, 1e9, 1000},
                                         {5e8, 130, 5e8, 100},
                                         {1e9, 4000, 9e9, 0},
                                         {5e7, 150, 9.5e8, 2000},
                                         {2000, 2000, 1e6, 1000},
                                         {1000, 999, 10, 9},
                                         {10, 9, 1000, 999},
                                         {1e9, 1e9 - 3, 1e3, 1e3 - 5},
                                         {7500, 7500, 7500, 0},
                                         {3, 3, 1e6, 1e6 - 1}};
  double worst = 0;
  for (const double tolerance : {1.0, 1.25, 2.0})
    for (const PairedCounts& table : tables) {
      const Margins margins{table.canary_requests, table.stable_requests,
                            table.canary_bad + table.stable_bad};
      if (support_width(margins) > 4096) continue;  // there the bound takes over
      TwoSample state = *TwoSample::make(1, tolerance);
      ASSERT_TRUE(state.add(table));
      const double error =
          oracle::error_of_log(state.log_worse(), log_worse_reference({table}, tolerance));
      EXPECT_LE(error, 1e-9) << table.canary_requests << " " << table.canary_bad << " "
                             << table.stable_requests << " " << table.stable_bad;
      worst = std::max(worst, error);
    }
  EXPECT_LE(worst, 1e-9);
}

TEST(TwoSample, TheExactSumHoldsAlsoForSupportsItIsNotUsedFor) {
  for (const Margins& m :
       {Margins{7500, 7500, 7500}, Margins{20'000, 9000, 15'000}, Margins{50'000, 1e9, 40'000}}) {
    std::array<long double, fail_points> out;
    log_g_exact(m, fail_psi, out);
    const auto expected =
        oracle::log_g(static_cast<std::int64_t>(m.canary), static_cast<std::int64_t>(m.stable),
                      static_cast<std::int64_t>(m.bad), oracle::r8().psi);
    for (std::size_t k = 0; k < fail_points; ++k)
      EXPECT_LE(oracle::error_of_log(double(out[k]), expected[k]), 1e-11);
  }
}

TEST(TwoSample, TinyEvidenceKeepsItsDigits) {
  // ln G is about 1e-9 here; a difference of logarithms near 1 would leave 7 digits of it.
  const std::array<double, 1> psi{2};
  std::array<long double, 1> out;
  log_g_exact({1, 1e9, 1}, psi, out);
  const oracle::Real expected = oracle::log_g(1, 1'000'000'000, 1, {oracle::Real(2)})[0];
  EXPECT_NEAR(double(out[0] / static_cast<long double>(expected)), 1, 1e-12);
}

TEST(TwoSample, TheBoundAgreesWithItsFormulaUpToABillionBad) {
  for (const double scale : {1.0, 1e3, 1e6, 1e7}) {
    const Margins m{10 * scale, 90 * scale, 50 * scale};
    std::array<long double, 8> out;
    log_g_bound(m, fail_psi, out);
    const oracle::Real w = oracle::Real(1) / 10, q = oracle::Real(1) / 2;
    for (std::size_t k = 0; k < 8; ++k) {
      const oracle::Real psi = oracle::r8().psi[k], n = 100 * scale;
      const oracle::Real four[] = {q * n * log(1 + w * (psi - 1)), w * n * log(1 + q * (psi - 1)),
                                   w * n * log(psi) + (1 - q) * n * log(1 + w * (1 / psi - 1)),
                                   q * n * log(psi) + (1 - w) * n * log(1 + q * (1 / psi - 1))};
      EXPECT_NEAR(double(out[k] / static_cast<long double>(*std::min_element(four, four + 4))), 1,
                  1e-13);
    }
  }
}

RC_GTEST_PROP(TwoSample, TheBoundIsNeverBelowTheExactNormaliser, ()) {
  const int nc = *rc::gen::inRange(1, 3000), ns = *rc::gen::inRange(1, 3000);
  const int x = *rc::gen::inRange(1, nc + ns);
  std::array<long double, 8> exact, bound, ratio;
  const Margins margins{double(nc), double(ns), double(x)};
  log_g_exact(margins, fail_psi, exact);
  log_g_bound(margins, fail_psi, bound);
  for (std::size_t k = 0; k < 8; ++k) RC_ASSERT(bound[k] >= exact[k] - 1e-9L);
  log_g_ratio_bound(margins, 1, fail_psi, ratio);
  for (std::size_t k = 0; k < 8; ++k) RC_ASSERT(ratio[k] >= exact[k] - 1e-9L);
}

TEST(TwoSample, BothExactAndBoundDetectAWorseCanary) {
  for (const Exact exact : {Exact::automatic, Exact::never}) {
    TwoSample state = *TwoSample::make(1, 1, exact);
    int seconds = 0;
    while (state.log_worse() < std::log(100) && seconds < 100) {
      ASSERT_TRUE(state.add({5, 2, 95, 0}));
      ++seconds;
    }
    EXPECT_LE(seconds, 3);
  }
}

TEST(TwoSample, CommonTroubleDoesNotBlameTheCanary) {
  TwoSample state = *TwoSample::make();
  for (int second = 0; second < 600; ++second) ASSERT_TRUE(state.add({10, 5, 190, 95}));
  EXPECT_LT(state.log_worse(), 0);
}

TEST(TwoSample, ToleranceForgivesASmallDifference) {
  TwoSample strict = *TwoSample::make(1, 1), tolerant = *TwoSample::make(1, 2);
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(strict.add({100, 9, 1900, 100}));
    ASSERT_TRUE(tolerant.add({100, 9, 1900, 100}));
  }
  EXPECT_GT(strict.log_worse(), std::log(100));
  EXPECT_LT(tolerant.log_worse(), 0);
}

TEST(TwoSample, WindowsWithoutInformationChangeNothing) {
  TwoSample state = *TwoSample::make(4);
  ASSERT_TRUE(state.add({5, 1, 95, 1}));
  const TwoSample before = state;
  for (const PairedCounts& window :
       {PairedCounts{0, 0, 0, 0}, PairedCounts{0, 0, 50, 3}, PairedCounts{50, 3, 0, 0},
        PairedCounts{5, 0, 95, 0}, PairedCounts{5, 5, 95, 95}})
    ASSERT_TRUE(state.add(window));
  EXPECT_EQ(std::memcmp(&state, &before, sizeof state), 0);
}

TEST(TwoSample, StageCopiesAreTheWeightedAverageOfTheirEvidence) {
  const PairedCounts first{50, 1, 950, 12}, second{50, 9, 950, 11};
  TwoSample state = *TwoSample::make(3);
  ASSERT_TRUE(state.add(first));
  state.next_stage();
  ASSERT_TRUE(state.add(second));
  const oracle::Real expected = log(
      (exp(log_worse_reference({first, second}, 1)) + exp(log_worse_reference({second}, 1)) + 1) /
      3);
  EXPECT_LE(oracle::error_of_log(state.log_worse(), expected), 1e-12);
}

RC_GTEST_PROP(TwoSample, MoreBadCanaryRequestsNeverLookBetter, ()) {
  const int nc = *rc::gen::inRange(2, 2000), ns = *rc::gen::inRange(2, 20000);
  const int xc = *rc::gen::inRange(0, nc), xs = *rc::gen::inRange(1, ns);
  TwoSample fewer = *TwoSample::make(), more = fewer;
  // The same margins: one bad request moves from stable to the canary.
  RC_ASSERT(fewer.add({double(nc), double(xc), double(ns), double(xs)}).has_value());
  RC_ASSERT(more.add({double(nc), double(xc + 1), double(ns), double(xs - 1)}).has_value());
  RC_ASSERT(more.log_worse() >= fewer.log_worse());
}

RC_GTEST_PROP(TwoSample, TheOrderOfWindowsDoesNotMatter, ()) {
  std::vector<PairedCounts> windows;
  for (int i = *rc::gen::inRange(2, 12); i > 0; --i) {
    const int nc = *rc::gen::inRange(0, 50), ns = *rc::gen::inRange(0, 500);
    windows.push_back({double(nc), double(*rc::gen::inRange(0, nc + 1)), double(ns),
                       double(*rc::gen::inRange(0, ns + 1))});
  }
  TwoSample forward = *TwoSample::make(2), backward = forward;
  for (const PairedCounts& window : windows) RC_ASSERT(forward.add(window, 1.3).has_value());
  std::reverse(windows.begin(), windows.end());
  for (const PairedCounts& window : windows) RC_ASSERT(backward.add(window, 1.3).has_value());
  RC_ASSERT(std::abs(forward.log_worse() - backward.log_worse()) <=
            1e-12 * std::max(1.0, std::abs(forward.log_worse())));
}

RC_GTEST_PROP(TwoSample, TheMeanEvidenceUnderNoDifferenceIsOne, ()) {
  // Sum of e over the hypergeometric distribution, computed here from the ratio recurrence.
  const int nc = *rc::gen::inRange(1, 60), ns = *rc::gen::inRange(1, 60);
  const int x = *rc::gen::inRange(1, nc + ns);
  double term = 1, all = 0, mean = 0;
  for (int k = std::max(0, x - ns); k <= std::min(nc, x); ++k) {
    TwoSample state = *TwoSample::make();
    RC_ASSERT(state.add({double(nc), double(k), double(ns), double(x - k)}).has_value());
    all += term;
    mean += term * std::exp(state.log_worse());
    term *= double(nc - k) * (x - k) / (double(k + 1) * (ns - x + k + 1));
  }
  RC_ASSERT(std::abs(mean / all - 1) < 1e-9);
}

RC_GTEST_PROP(TwoSample, CorruptInputGivesAnErrorAndLeavesTheState, ()) {
  TwoSample state = *TwoSample::make(2);
  RC_ASSERT(state.add({10, 1, 90, 2}).has_value());
  const TwoSample before = state;
  const double bad_number = *rc::gen::element(nan, infinity, -infinity, -1.0, 1e300, 2e15, 0.5);
  PairedCounts window{10, 1, 90, 2};
  double* const fields[] = {&window.canary_requests, &window.canary_bad, &window.stable_requests,
                            &window.stable_bad};
  *fields[*rc::gen::inRange(0, 4)] = bad_number;
  RC_ASSERT_FALSE(state.add(window).has_value());
  RC_ASSERT_FALSE(state.add({10, 1, 90, 2}, *rc::gen::element(nan, 0.5, -1.0, 1e9)).has_value());
  RC_ASSERT(std::memcmp(&state, &before, sizeof state) == 0);
}

TEST(TwoSample, ASavedStateGoesOnBitForBit) {
  TwoSample state = *TwoSample::make(4, 1.25), loaded;
  for (int i = 0; i < 50; ++i) {
    std::memcpy(&loaded, &state, sizeof state);
    ASSERT_TRUE(loaded.check());
    const PairedCounts window{double(5 + i), double(i % 3), 95, double(i % 4)};
    ASSERT_TRUE(state.add(window, 1.2) && loaded.add(window, 1.2));
    if (i % 13 == 0) state.next_stage(), loaded.next_stage();
    ASSERT_EQ(std::memcmp(&state, &loaded, sizeof state), 0);
  }
}

TEST(TwoSample, HugeWindowsStayFinite) {
  TwoSample state = *TwoSample::make(4);
  for (const PairedCounts& window :
       {PairedCounts{1e15, 1e15, 1e15, 0}, PairedCounts{1e15, 0, 1e15, 1e15},
        PairedCounts{1e15, 5e14, 1e15, 5e14}, PairedCounts{1, 1, 1e15, 1e15 - 1},
        PairedCounts{1e15, 1, 1, 1}, PairedCounts{1e9, 4000, 1e9, 0}}) {
    ASSERT_TRUE(state.add(window));
    EXPECT_TRUE(std::isfinite(state.log_worse()));
    state.next_stage();
    EXPECT_TRUE(state.check());
  }
}

TEST(TwoSample, SaysHowManyMoreRequestsAreNeeded) {
  const TwoSample fresh = *TwoSample::make();
  const double needed = *fresh.requests_to_fail(std::log(100), 0.5, 0.005, 0.05);
  EXPECT_GT(needed, 3.3);
  EXPECT_LT(needed, 12);
  EXPECT_FALSE(fresh.requests_to_fail(std::log(100), 0.005, 0.01, 0.05));
}

TEST(Evidence, OfAWholeRolloutIsSmall) {
  // Two checks and one comparison; the size does not depend on the number of stages.
  EXPECT_LE(2 * sizeof(Threshold) + sizeof(TwoSample), 4096U);
}

}  // namespace
}  // namespace linnet::stats
