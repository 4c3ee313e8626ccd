#include "stats/words.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace linnet::stats {
namespace {

TEST(Words, LikelihoodNeverClaimsMoreThanTheNumber) {
  EXPECT_EQ(likelihood_words(-3), "nothing unusual");
  EXPECT_EQ(likelihood_words(std::numeric_limits<double>::quiet_NaN()), "nothing unusual");
  EXPECT_EQ(likelihood_words(std::log(4099)), "1 in 4,000");
  EXPECT_EQ(likelihood_words(std::log(57.9)), "1 in 57");
  EXPECT_EQ(likelihood_words(1e6), "less than 1 in 1,000,000,000");
}

TEST(Words, RequestsAreRoundedAsEstimatesDeserve) {
  EXPECT_EQ(requests_words(std::nullopt), "more requests would not tell");
  EXPECT_EQ(requests_words(0), "no more requests");
  EXPECT_EQ(requests_words(0.3), "about 1 more request");
  EXPECT_EQ(requests_words(41.3), "about 41 more requests");
  EXPECT_EQ(requests_words(12'345), "about 12,000 more requests");
}

TEST(Words, PercentagesKeepThreeDigits) {
  EXPECT_EQ(percent_words(0.05), "5 %");
  EXPECT_EQ(percent_words(0.0525), "5.25 %");
  EXPECT_EQ(percent_words(0), "0 %");
  EXPECT_EQ(percent_words(2.8e-40), "0 %") << "nobody reads 2.8e-38 %";
  EXPECT_EQ(percent_words(1), "100 %");
  EXPECT_EQ(percent_words(0.12345), "12.3 %");
  EXPECT_EQ(percent_words(0.00012), "0.012 %");
}

}  // namespace
}  // namespace linnet::stats
