// Gauges advise; only a hard limit on memory that is told to may take a canary back.
#include "core/gauges.h"

#include <gtest/gtest.h>

#include "core/judge.h"
#include "core/testing.h"

namespace linnet::core {
namespace {

constexpr std::int64_t mib = 1 << 20;

class Gauges {
 public:
  explicit Gauges(GaugeCheck rule) {
    release.checks.push_back({"gauge", std::nullopt, rule});
    start_evidence(release, status);
    workload.stable.instances = {instance("stable-0"), instance("stable-1")};
    workload.canary.instances = {instance("canary-0")};
    sample.stable.requests = 190;
    sample.canary.requests = 10;
  }
  void seconds(int count, std::int64_t stable_mib, std::int64_t canary_mib,
               std::int64_t canary_cpu_ms = 10) {
    for (int i = 0; i < count; ++i) {
      for (Instance& one : workload.stable.instances) {
        one.rss_bytes = (stable_mib + i % 3) * mib;
        one.cpu_ms += 95;
      }
      workload.canary.instances[0].rss_bytes = (canary_mib + i % 5) * mib;
      workload.canary.instances[0].cpu_ms += canary_cpu_ms + i / 30 % 2;
      take_gauges(release, status.evidence, workload, sample, 1s);
    }
  }
  CheckReport report(bool complete = true) {
    const GaugeEvidence& gauge = status.evidence.gauges[0];
    CheckReport told = judge_gauge(release, release.checks.back(), gauge, complete);
    explain_gauge(release, release.checks.back(), gauge, told);
    return told;
  }

  Release release = testing::a_release();
  Status status;
  WorkloadSeen workload;
  Sample sample;

 private:
  static Instance instance(std::string id) {
    Instance one;
    one.id = std::move(id);
    one.state = Instance::State::ready;
    one.cpu_ms = 0;
    return one;
  }
};

testing::World deploying_with(GaugeCheck rule) {
  testing::World world;
  world.release.checks.push_back({"memory", std::nullopt, rule});
  world.release.steps = {{Percent::whole(50), 60s}};
  world.initialised().deploying("v2");
  return world;
}

TEST(Gauge, SaysNothingBeforeItWasMeasured) {
  Gauges gauges({GaugeCheck::Of::memory, 0, true});
  EXPECT_EQ(gauges.report().verdict, Verdict::no_data);
  EXPECT_EQ(gauges.report().text, "not measured yet");
}

TEST(Gauge, TellsThatItIsTooEarlyToCompare) {
  Gauges gauges({GaugeCheck::Of::memory, 0, true});
  gauges.seconds(90, 100, 300);
  EXPECT_EQ(gauges.report().verdict, Verdict::pass);
  EXPECT_EQ(
      gauges.report().text,
      "memory 302 MiB an instance against stable's 101 MiB; 3 of the 20 batches of 30 s that a "
      "comparison takes; advisory");
}

TEST(Gauge, WarnsOfMoreMemoryAndNeverFailsByComparison) {
  Gauges gauges({GaugeCheck::Of::memory, 0, true});
  gauges.seconds(25 * 30, 100, 130);
  const CheckReport report = gauges.report();
  EXPECT_EQ(report.verdict, Verdict::inconclusive);
  EXPECT_NE(report.text.find("asymptotic, 25 batches of 30 s"), std::string::npos) << report.text;
}

TEST(Gauge, ComparesCpuByRequestNotByInstance) {
  Gauges same({GaugeCheck::Of::cpu, 0, true});  // stable: 190 ms for 190 requests
  same.seconds(25 * 30, 1, 1, 9);               // the canary: 9 or 10 ms for 10
  EXPECT_EQ(same.report().verdict, Verdict::pass) << same.report().text;
  Gauges hungry({GaugeCheck::Of::cpu, 0, true});
  hungry.seconds(25 * 30, 1, 1, 20);
  EXPECT_EQ(hungry.report().verdict, Verdict::inconclusive) << hungry.report().text;
  EXPECT_NEAR(hungry.report().value, 2, 0.1);
}

TEST(Gauge, AHardLimitIsAPlainRuleAtTheEndOfAPeriod) {
  Gauges gauges({GaugeCheck::Of::memory, 256, false});
  gauges.seconds(40, 100, 300);
  EXPECT_EQ(gauges.report(false).verdict, Verdict::inconclusive);
  EXPECT_EQ(gauges.report(true).verdict, Verdict::fail);
  Gauges advised({GaugeCheck::Of::memory, 256, true});
  advised.seconds(40, 100, 300);
  EXPECT_EQ(advised.report(true).verdict, Verdict::inconclusive);
}

TEST(Gauge, AHardLimitHoldsWhereNothingIsKnownOfStable) {
  Gauges gauges({GaugeCheck::Of::memory, 256, false});
  gauges.workload.stable.instances.clear();
  for (int batches = 1; batches <= 3; ++batches) {
    gauges.seconds(30, 0, 300);  // to the moment at which a batch is closed
    EXPECT_EQ(gauges.report(true).verdict, Verdict::fail) << gauges.report().text;
  }
  EXPECT_NE(gauges.report().text.find("and stable's is not known; limit 256 MiB"),
            std::string::npos)
      << gauges.report().text;
}

TEST(Gauge, AProcessStartedAgainSpendsFromZero) {
  Gauges gauges({GaugeCheck::Of::cpu, 0, true});
  gauges.seconds(10, 1, 1, 10);
  gauges.workload.canary.instances[0].cpu_ms = 0;
  gauges.seconds(20, 1, 1, 10);
  EXPECT_NEAR(gauges.report().value, 1, 0.1);
}

TEST(Gauge, TakesACanaryBackOverItsHardLimitInARollout) {
  testing::World world = deploying_with({GaugeCheck::Of::memory, 256, false});
  ASSERT_TRUE(world.reach("stepping"));
  for (Instance& one : world.canary.instances) one.rss_bytes = 300 * mib;
  for (Instance& one : world.stable.instances) one.rss_bytes = 100 * mib;
  ASSERT_TRUE(world.reach("rolled_back"));
  EXPECT_EQ(std::get<RolledBack>(world.status.phase).cause.kind, "memory");
  EXPECT_TRUE(world.journal_has("the step does not pass with this"));
  EXPECT_FALSE(world.journal_has("only warns"));
}

TEST(Gauge, OverAnAdvisoryLimitACanaryIsPromotedWithAWarning) {
  testing::World world = deploying_with({GaugeCheck::Of::memory, 256, true});
  ASSERT_TRUE(world.reach("stepping"));
  for (Instance& one : world.canary.instances) one.rss_bytes = 300 * mib;
  ASSERT_TRUE(world.reach("awaiting_promotion"));
  EXPECT_TRUE(world.journal_has("this only warns"));
}

// Seed 258566: somebody had scaled the canary while it still had the version of before.
TEST(Gauge, WhatRunsAnotherVersionInTheCanarySaysNothingOfThisOne) {
  testing::World world = deploying_with({GaugeCheck::Of::memory, 256, false});
  ASSERT_TRUE(world.reach("stepping"));
  Instance other = world.canary.instances.front();
  other.id = "another";
  other.version = "v1";
  other.rss_bytes = 900 * mib;
  for (Instance& one : world.canary.instances) one.rss_bytes = 100 * mib;
  world.canary.instances.push_back(other);
  EXPECT_TRUE(world.reach("awaiting_promotion"));
}

TEST(Gauge, AHardLimitOfWhichNothingIsKnownIsNoPass) {
  testing::World world = deploying_with({GaugeCheck::Of::memory, 256, false});
  ASSERT_TRUE(world.reach("stepping"));
  ASSERT_TRUE(world.reach("rolled_back"));
  const Cause& cause = std::get<RolledBack>(world.status.phase).cause;
  EXPECT_EQ(cause.kind, "no_data");
  EXPECT_NE(cause.text.find("memory was not measured yet"), std::string::npos) << cause.text;
}

}  // namespace
}  // namespace linnet::core
