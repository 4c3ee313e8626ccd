#include "stats/interval.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "stats/numeric.h"
#include "stats/oracle.h"

namespace linnet::stats {
namespace {

TEST(Interval, WithoutRequestsEverythingIsPossible) {
  const Interval interval = *rate_interval(0, 0, 0.01);
  EXPECT_EQ(interval.low, 0);
  EXPECT_EQ(interval.high, 1);
}

TEST(Interval, OneRequestHasItsClosedForm) {
  EXPECT_NEAR(rate_interval(1, 0, 0.05)->high, 1 - 0.025, 1e-14);
  EXPECT_NEAR(rate_interval(1, 1, 0.05)->low, 0.025, 1e-14);
}

// The likelihood falls through alpha at each end: the oracle's value a part in 1e9 inside and
// outside.
TEST(Interval, EndsAreRightToNineDigitsFromOneToABillionRequests) {
  for (const double alpha : {0.05, 0.01, 0.001, 1e-9})
    for (const std::int64_t n : {1LL, 2LL, 7LL, 20LL, 300LL, 5000LL, 1'000'000LL, 1'000'000'000LL})
      for (const double share : {0.0, 1e-9, 1e-6, 0.001, 0.05, 0.5, 0.95, 0.999999, 1.0}) {
        const auto x = static_cast<std::int64_t>(std::llround(share * static_cast<double>(n)));
        const Interval interval =
            *rate_interval(static_cast<double>(n), static_cast<double>(x), alpha);
        const oracle::Real log_alpha = log(oracle::Real(alpha)), step = oracle::Real("1e-9");
        const auto f = [&](const oracle::Real& p) { return oracle::log_robbins(n, x, p); };
        if (x > 0) {
          EXPECT_LT(f(interval.low * (1 - step)), log_alpha) << n << " " << x;
          EXPECT_GT(f(interval.low * (1 + step)), log_alpha) << n << " " << x;
        }
        if (x < n) {
          const oracle::Real high = interval.high;
          EXPECT_GT(f(high * (1 - step)), log_alpha) << n << " " << x;
          if (high * (1 + step) < 1) {
            EXPECT_LT(f(high * (1 + step)), log_alpha) << n << " " << x;
          }
        }
        const double rate = static_cast<double>(x) / static_cast<double>(n);
        EXPECT_LE(interval.low, rate);
        EXPECT_GE(interval.high, rate);
      }
}

TEST(Interval, ShrinksWithRequestsAndIsSymmetric) {
  const Interval few = *rate_interval(100, 5, 0.01), many = *rate_interval(10'000, 500, 0.01);
  EXPECT_LT(few.low, many.low);
  EXPECT_GT(few.high, many.high);
  const Interval mirrored = *rate_interval(100, 95, 0.01);
  EXPECT_NEAR(mirrored.low, 1 - few.high, 1e-14);
}

TEST(Interval, RefusesWhatAreNotCounts) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_FALSE(rate_interval(nan, 0, 0.01));
  EXPECT_FALSE(rate_interval(10, 11, 0.01));
  EXPECT_FALSE(rate_interval(10, -1, 0.01));
  EXPECT_FALSE(rate_interval(1e300, 1, 0.01));
  for (const double alpha : {0.0, 1.0, -1.0, nan}) EXPECT_FALSE(rate_interval(10, 1, alpha));
}

TEST(StirlingError, AgreesWithTheGammaFunction) {
  for (const double n : {0.01, 0.5, 1.0, 3.7, 15.0, 16.0, 17.5, 1e3, 1e9}) {
    const oracle::Real exact = boost::math::lgamma(oracle::Real(n) + 1) -
                               ((oracle::Real(n) + 0.5) * log(oracle::Real(n)) - n +
                                log(2 * boost::math::constants::pi<oracle::Real>()) / 2);
    EXPECT_NEAR(stirling_error(n), static_cast<double>(exact), 1e-14) << n;
  }
}

}  // namespace
}  // namespace linnet::stats
