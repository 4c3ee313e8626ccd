#include "stats/threshold.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "stats/oracle.h"

namespace linnet::stats {
namespace {

static_assert(std::is_trivially_copyable_v<Threshold>);

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

bool same_bits(const Threshold& a, const Threshold& b) {
  return std::memcmp(&a, &b, sizeof a) == 0;
}

Threshold with(double limit, double n, double x, int stages = 1) {
  Threshold state = *Threshold::make(limit, stages);
  EXPECT_TRUE(state.add(n, x));
  return state;
}

TEST(Threshold, StartsWithEvidenceOne) {
  for (int stages : {1, 4, 32}) {
    const Threshold state = *Threshold::make(0.05, stages);
    EXPECT_NEAR(state.log_fail(), 0, 1e-14);
    EXPECT_NEAR(state.log_pass(), 0, 1e-14);
  }
}

TEST(Threshold, SmallestPatternsThatFireAreTheKnownOnes) {
  EXPECT_LT(with(0.05, 2, 2).log_fail(), std::log(100));
  EXPECT_GE(with(0.05, 3, 3).log_fail(), std::log(100));
  EXPECT_LT(with(0.05, 3, 3).log_fail(), std::log(1000));
  EXPECT_GE(with(0.05, 4, 4).log_fail(), std::log(1000));
  EXPECT_LT(with(0.05, 107, 0).log_pass(), std::log(100));
  EXPECT_GE(with(0.05, 108, 0).log_pass(), std::log(100));
  EXPECT_GE(with(0.05, 158, 0).log_pass(), std::log(1000));
  EXPECT_LT(with(0.05, 157, 0).log_pass(), std::log(1000));
  EXPECT_GE(with(0.05, 73, 0).log_pass(), std::log(20));
}

TEST(Threshold, AgreesWithHundredDigitArithmeticFromNoneToABillion) {
  double worst = 0;
  for (const double limit : {0.0001, 0.001, 0.005, 0.01, 0.05, 0.3, 0.9}) {
    for (std::int64_t n = 0; n <= 1'000'000'000; n = n < 8 ? n + 1 : n * 5) {
      for (const double share : {0.0, 0.5 * limit, 0.95 * limit, limit, 1.03 * limit, 1.047 * limit,
                                 1.5 * limit, 0.5, 0.999, 1.0}) {
        const auto x = std::min(n, static_cast<std::int64_t>(std::llround(share * n)));
        const Threshold state = with(limit, n, x);
        worst = std::max(
            worst,
            oracle::error_of_log(state.log_fail(), oracle::log_mixture(oracle::r8(), limit, n, x)));
        worst = std::max(
            worst,
            oracle::error_of_log(state.log_pass(), oracle::log_mixture(oracle::p5(), limit, n, x)));
      }
    }
  }
  EXPECT_LE(worst, 1e-9);
  RecordProperty("worst_relative_error", std::to_string(worst));
}

TEST(Threshold, StageCopiesAreTheWeightedAverageOfTheirEvidence) {
  Threshold state = *Threshold::make(0.05, 3);
  ASSERT_TRUE(state.add(300, 9));
  state.next_stage();
  ASSERT_TRUE(state.add(500, 60));
  // By hand: copy 1 has seen 800/69, copy 2 500/60, copy 3 has not started.
  const oracle::Real expected = log((exp(oracle::log_mixture(oracle::r8(), 0.05, 800, 69)) +
                                     exp(oracle::log_mixture(oracle::r8(), 0.05, 500, 60)) + 1) /
                                    3);
  EXPECT_LE(oracle::error_of_log(state.log_fail(), expected), 1e-12);
  EXPECT_LE(
      oracle::error_of_log(state.log_pass(), oracle::log_mixture(oracle::p5(), 0.05, 500, 60)),
      1e-12);
}

TEST(Threshold, ALongGoodPastDoesNotHideABadStage) {
  Threshold copies = *Threshold::make(0.05, 2);
  ASSERT_TRUE(copies.add(100'000, 500));
  copies.next_stage();
  ASSERT_TRUE(copies.add(20, 10));
  EXPECT_GE(copies.log_fail(), std::log(100));
  EXPECT_LT(with(0.05, 100'020, 510).log_fail(), 0);
}

TEST(Threshold, AfterTheLastStageTheOlderCopiesGoOn) {
  Threshold state = *Threshold::make(0.05, 1);
  ASSERT_TRUE(state.add(10, 3));
  const double before = state.log_fail();
  state.next_stage();
  EXPECT_NEAR(state.log_fail(), before, 1e-12);
  EXPECT_NEAR(state.log_pass(), 0, 1e-14);
  EXPECT_EQ(state.stage, 0);
}

TEST(Threshold, DispersionDividesEveryIncrement) {
  Threshold tempered = *Threshold::make(0.05);
  ASSERT_TRUE(tempered.add(400, 40, 4));
  EXPECT_DOUBLE_EQ(tempered.log_fail(), with(0.05, 100, 10).log_fail());
}

TEST(Threshold, BracketedCountsSpeakForFailOnlyWhenCertain) {
  Threshold state = *Threshold::make(0.05);
  ASSERT_TRUE(state.add_bracketed(200, 0, 100));
  EXPECT_DOUBLE_EQ(state.log_fail(), with(0.05, 200, 0).log_fail());
  EXPECT_DOUBLE_EQ(state.log_pass(), with(0.05, 200, 100).log_pass());
  EXPECT_FALSE(state.add_bracketed(10, 5, 4));
}

TEST(Threshold, SaysHowManyMoreRequestsAreNeeded) {
  const Threshold fresh = *Threshold::make(0.05);
  EXPECT_EQ(with(0.05, 3, 3).requests_to_fail(std::log(100), 1.0), 0);
  // 11 is about what half errors need on average; the lower bound is 5.6.
  EXPECT_GT(*fresh.requests_to_fail(std::log(100), 0.5), 5.55);
  EXPECT_LT(*fresh.requests_to_fail(std::log(100), 0.5), 11);
  EXPECT_FALSE(fresh.requests_to_fail(std::log(100), 0.04));
  EXPECT_FALSE(fresh.requests_to_pass(std::log(100), 0.06));
  const double left = *with(0.05, 60, 0).requests_to_pass(std::log(100), 0);
  EXPECT_NEAR(60 + left, 108, 20);
}

TEST(Threshold, RefusesLimitsAndStagesItCannotJudge) {
  for (const double limit : {0.0, 1.0, -1.0, 2.0, nan, infinity})
    EXPECT_FALSE(Threshold::make(limit));
  EXPECT_FALSE(Threshold::make(0.05, 0));
  EXPECT_FALSE(Threshold::make(0.05, 33));
  const std::array<double, 2> heavy{0.7, 0.7};
  EXPECT_FALSE(StageWeights::given(heavy));
  const std::array<double, 2> negative{0.7, -0.1};
  EXPECT_FALSE(StageWeights::given(negative));
}

TEST(Threshold, ALoadedStateThatCannotBeIsRecognised) {
  Threshold state = with(0.05, 100, 5);
  EXPECT_TRUE(state.check());
  state.log_carried[3] = nan;
  EXPECT_FALSE(state.check());
  state = with(0.05, 100, 5);
  state.bad = 101;
  EXPECT_FALSE(state.check());
  state = with(0.05, 100, 5);
  state.stage = 7;
  EXPECT_FALSE(state.check());
}

using Window = std::pair<int, int>;  // requests, bad

rc::Gen<Window> windows() {
  return rc::gen::map(rc::gen::pair(rc::gen::inRange(0, 100'000), rc::gen::inRange(0, 1'000'001)),
                      [](std::pair<int, int> raw) {
                        return Window(raw.first, static_cast<int>(std::int64_t{raw.first} *
                                                                  raw.second / 1'000'000));
                      });
}

double relative(double a, double b) { return std::abs(a - b) / std::max(1.0, std::abs(a)); }

RC_GTEST_PROP(Threshold, AWindowEqualsItsHalves, ()) {
  const auto [n, x] = *windows();
  const int n1 = *rc::gen::inRange(0, n + 1);
  const int x1 = std::max(0, std::min({x, n1, *rc::gen::inRange(0, x + 1)}));
  RC_PRE(x - x1 <= n - n1);
  const double phi = *rc::gen::element(1.0, 1.7, 3.3);
  Threshold whole = *Threshold::make(0.05, 4), halves = whole;
  RC_ASSERT(whole.add(n, x, phi).has_value());
  RC_ASSERT(halves.add(n1, x1, phi) && halves.add(n - n1, x - x1, phi));
  RC_ASSERT(relative(whole.log_fail(), halves.log_fail()) <= 1e-12);
  RC_ASSERT(relative(whole.log_pass(), halves.log_pass()) <= 1e-12);
}

RC_GTEST_PROP(Threshold, TheOrderOfWindowsDoesNotMatter, ()) {
  const auto list = *rc::gen::container<std::vector<Window>>(windows());
  Threshold forward = *Threshold::make(0.01, 2), backward = forward;
  for (const auto& [n, x] : list) RC_ASSERT(forward.add(n, x, 1.3).has_value());
  for (auto it = list.rbegin(); it != list.rend(); ++it)
    RC_ASSERT(backward.add(it->first, it->second, 1.3).has_value());
  RC_ASSERT(relative(forward.log_fail(), backward.log_fail()) <= 1e-12);
  RC_ASSERT(relative(forward.log_pass(), backward.log_pass()) <= 1e-12);
}

RC_GTEST_PROP(Threshold, MoreBadRequestsNeverLookBetter, ()) {
  const auto [n, x] = *windows();
  RC_PRE(x < n);
  const Threshold fewer = with(0.05, n, x), more = with(0.05, n, x + 1);
  RC_ASSERT(more.log_fail() >= fewer.log_fail());
  RC_ASSERT(more.log_pass() <= fewer.log_pass());
}

RC_GTEST_PROP(Threshold, AnEmptyWindowChangesNothing, ()) {
  const auto [n, x] = *windows();
  Threshold state = with(0.05, n, x, 3);
  const Threshold before = state;
  RC_ASSERT(state.add(0, 0, *rc::gen::element(1.0, 2.0)).has_value());
  RC_ASSERT(same_bits(state, before));
}

double corrupt_number(int which) {
  constexpr std::array<double, 7> numbers{nan, infinity, -infinity, -1, 1e300, 1.1e15, -1e-300};
  return numbers[static_cast<std::size_t>(which)];
}

RC_GTEST_PROP(Threshold, CorruptInputGivesAnErrorAndLeavesTheState, ()) {
  const auto [n, x] = *windows();
  Threshold state = with(0.05, n, x, 3);
  const Threshold before = state;
  for (int i = 0; i < 20; ++i) {
    const double bad_number = corrupt_number(*rc::gen::inRange(0, 7));
    switch (*rc::gen::inRange(0, 5)) {
      case 0: RC_ASSERT_FALSE(state.add(bad_number, 1)); break;
      case 1: RC_ASSERT_FALSE(state.add(10, bad_number)); break;
      case 2: RC_ASSERT_FALSE(state.add(10, 1, bad_number)); break;
      case 3: RC_ASSERT_FALSE(state.add(10, 10.5)); break;
      case 4: RC_ASSERT_FALSE(state.add_bracketed(10, 1, bad_number)); break;
    }
    RC_ASSERT(same_bits(state, before));
  }
}

RC_GTEST_PROP(Threshold, ASavedStateGoesOnBitForBit, ()) {
  const auto list = *rc::gen::container<std::vector<Window>>(windows());
  Threshold state = *Threshold::make(0.02, 4);
  Threshold loaded;
  for (const auto& [n, x] : list) {
    std::memcpy(&loaded, &state, sizeof state);
    RC_ASSERT(loaded.check().has_value());
    RC_ASSERT(state.add(n, x, 1.1) && loaded.add(n, x, 1.1));
    if (n % 7 == 0) state.next_stage(), loaded.next_stage();
    RC_ASSERT(same_bits(state, loaded));
    RC_ASSERT(state.log_fail() == loaded.log_fail());
  }
}

TEST(Threshold, ManyHugeWindowsStayFinite) {
  Threshold state = *Threshold::make(0.05, 32);
  for (int s = 0; s < 40; ++s) {
    ASSERT_TRUE(state.add(1e14, s % 2 ? 0 : 1e14));
    EXPECT_TRUE(std::isfinite(state.log_fail()));
    EXPECT_TRUE(std::isfinite(state.log_pass()));
    state.next_stage();
    EXPECT_TRUE(state.check());
  }
}

}  // namespace
}  // namespace linnet::stats
