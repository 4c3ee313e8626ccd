// What is learned from stable's instances: bursts weigh less, and a broken model is admitted.
#include "core/stable_watch.h"

#include <gtest/gtest.h>

#include <random>

#include "core/judge.h"
#include "core/testing.h"

namespace linnet::core {
namespace {

// Windows of stable's counts by instance, made from each instance's chance of a failure.
class Stable {
 public:
  Stable() { start_evidence(release, status); }

  // Ten seconds; in a burst all requests of that instance fail.
  void window(const std::vector<double>& chances, double burst = 0) {
    Sample sample;
    for (std::size_t i = 0; i < chances.size(); ++i) {
      const bool bursts = std::bernoulli_distribution(burst)(random_);
      InstanceCounts one{fmt::format("stable-{}", i), {}};
      one.counts.requests = 200;
      one.counts.bad = bursts ? 100 : std::binomial_distribution<int>(200, chances[i])(random_);
      sample.stable += one.counts;
      if (by_instance) sample.stable_instances.push_back(one);
    }
    watch_stable(release, status.evidence, sample, 10s);
  }
  void windows(int count, const std::vector<double>& chances, double burst = 0) {
    for (int i = 0; i < count; ++i) window(chances, burst);
  }
  stats::FrozenDispersion& errors() { return status.evidence.limits[0].clumping; }

  Release release = testing::a_release();
  Status status;
  bool by_instance = true;

 private:
  std::mt19937_64 random_{3};
};

TEST(StableWatch, SingleErrorsAreNotClumps) {
  Stable stable;
  stable.windows(100, {0.01, 0.01, 0.01});
  start_stage(stable.release, stable.status, true);
  EXPECT_EQ(stable.errors().phi_compare, 1);
  EXPECT_EQ(stable.errors().phi_threshold, 1);
}

TEST(StableWatch, BurstsOfOneInstanceAreMeasuredAndFrozenAtTheStep) {
  Stable stable;
  stable.windows(100, {0.01, 0.01, 0.01}, 0.1);
  EXPECT_EQ(stable.errors().phi_compare, 1) << "before a step starts";
  start_stage(stable.release, stable.status, true);
  EXPECT_GT(stable.errors().phi_compare, 10);
  EXPECT_GT(stable.errors().phi_threshold, 10);
  EXPECT_EQ(comparison_phi(stable.release, stable.status.evidence, false),
            stable.errors().phi_compare);
  EXPECT_EQ(comparison_phi(stable.release, stable.status.evidence, true), 1);
}

TEST(StableWatch, WithoutCountsOfInstancesItsTimeWindowsServeAll) {
  Stable stable;
  stable.by_instance = false;
  stable.windows(100, {0.01, 0.01, 0.01}, 0.1);
  start_stage(stable.release, stable.status, true);
  EXPECT_EQ(stable.errors().instances.windows, 0);
  EXPECT_GT(stable.errors().phi_threshold, 5);
  EXPECT_EQ(stable.errors().phi_compare, stable.errors().phi_threshold);
}

TEST(StableWatch, ThePlaceboIsQuietOnEqualInstancesHourAfterHour) {
  Stable stable;
  stable.windows(3600, {0.01, 0.01, 0.01});  // ten hours
  EXPECT_FALSE(stable.status.evidence.placebo_broken);
  EXPECT_GT(placebo_verdict(stable.release, stable.status.evidence).watched, 3);
}

TEST(StableWatch, ABadInstanceOfStableBreaksTheModelUntilItIsGone) {
  Stable stable;
  stable.windows(150, {0.01, 0.25, 0.01});
  ASSERT_TRUE(stable.status.evidence.placebo_broken);
  EXPECT_EQ(placebo_verdict(stable.release, stable.status.evidence).worst, "stable-1");
  EXPECT_NE(placebo_text(stable.release, stable.status.evidence).find("most clearly stable-1"),
            std::string::npos);
  stable.windows(3600, {0.01, 0.01, 0.01});
  EXPECT_FALSE(stable.status.evidence.placebo_broken);
}

TEST(StableWatch, ABrokenModelMakesRollbackByComparisonAWarning) {
  for (const bool broken : {false, true}) {
    Stable stable;
    stable.release.analysis.compare = Analysis::Compare::rollback;
    start_evidence(stable.release, stable.status);
    start_stage(stable.release, stable.status, true);
    Sample sample;
    sample.stable.requests = 10'000;
    sample.canary.requests = 10'000;
    sample.canary.bad = 300;  // within its limit, far worse than stable
    ASSERT_TRUE(take_window(stable.release, stable.status, sample, 1s));
    stable.status.evidence.placebo_broken = broken;
    const Judgement judgement = judge(stable.release, stable.status, WorkloadSeen{}, false, 1s);
    EXPECT_EQ(judgement.failed.has_value(), !broken);
  }
}

TEST(StableWatch, WhatCameBeforeTheFirstLookIsNoClump) {
  Stable stable;
  stable.windows(100, {0.01, 0.01, 0.01});
  Sample days;  // since the command before, days ago: one instance had an incident
  for (const std::int64_t bad : {50'000, 0, 0})
    days.stable_instances.push_back({fmt::format("stable-{}", bad), {1'000'000, bad, {}}});
  for (const InstanceCounts& one : days.stable_instances) days.stable += one.counts;
  watch_stable(stable.release, stable.status.evidence, days, 0ms);
  stable.windows(1, {0.01, 0.01, 0.01});
  start_stage(stable.release, stable.status, true);
  EXPECT_EQ(stable.errors().phi_compare, 1);
}

TEST(StableWatch, ManyStrangeInstancesStayBounded) {
  Stable stable;
  Sample sample;
  for (int i = 0; i < 1000; ++i) {
    sample.stable_instances.push_back({fmt::format("pod-{}", i), {10, 1, {}}});
    sample.stable += sample.stable_instances.back().counts;
  }
  watch_stable(stable.release, stable.status.evidence, sample, 1s);
  EXPECT_LE(stable.status.evidence.instances.size(), 129U);
  double requests = 0;
  for (const stats::Cell& cell : stable.status.evidence.limits[0].window) requests += cell.requests;
  EXPECT_EQ(requests, 10'000);
}

}  // namespace
}  // namespace linnet::core
