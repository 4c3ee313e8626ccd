// What a user reads from `linnet simulate`: bad canaries go back, good ones pass, the same seed
// says the same, and nonsense is refused with a sentence.
#include "sim/simulate.h"

#include <gtest/gtest.h>

namespace linnet::sim {
namespace {

core::Release a_release() {
  core::Release release;
  release.name = "shop";
  core::ProcessWorkload process;
  process.replicas = 2;
  process.stop.drain = 0ms;
  release.workload = process;
  release.steps = {{Percent::whole(10), 20s}, {Percent::whole(50), 20s}};
  release.checks = core::default_checks();
  return release;
}

SimulateOptions few_runs() {
  SimulateOptions options;
  options.runs = 40;
  options.requests_per_second = 100;
  return options;
}

TEST(Simulate, SendsABadCanaryBackAndLetsAGoodOnePass) {
  const auto simulation = simulate(a_release(), few_runs());
  ASSERT_TRUE(simulation) << simulation.error().message;
  ASSERT_GE(simulation->kinds.size(), 8U);
  const KindOfCanary& good = simulation->kinds.front();
  EXPECT_EQ(good.passed, good.runs);
  for (const KindOfCanary& kind : simulation->kinds) {
    EXPECT_EQ(kind.passed + kind.rolled_back + kind.held + kind.undecided, kind.runs) << kind.name;
    if (kind.error_share < 0.2 && kind.slow_share < 0.2) continue;
    EXPECT_EQ(kind.rolled_back, kind.runs) << kind.name;
    EXPECT_GT(kind.harmed.median, 0) << kind.name;
  }
}

TEST(Simulate, HarmsFewerRequestsWhenTheFirstStepIsSmaller) {
  SimulateOptions options = few_runs();
  options.canary_error_rate = Percent::whole(100);
  core::Release small = a_release();
  small.steps.front().weight = Percent::whole(1);
  core::Release large = a_release();
  large.steps.front().weight = Percent::whole(90);
  const auto few = simulate(small, options);
  const auto many = simulate(large, options);
  ASSERT_TRUE(few && many);
  ASSERT_EQ(few->kinds.size(), 1U);
  EXPECT_LT(few->kinds[0].harmed.mean, many->kinds[0].harmed.mean);
}

TEST(Simulate, SaysTheSameForTheSameSeed) {
  const auto once = simulate(a_release(), few_runs());
  const auto again = simulate(a_release(), few_runs());
  ASSERT_TRUE(once && again);
  const SimulateReport first = report(*once);
  const SimulateReport second = report(*again);
  EXPECT_EQ(first.json, second.json);
  EXPECT_EQ(first.text, second.text);
  EXPECT_EQ(first.svg, second.svg);
  EXPECT_NE(first.svg.find("<path"), std::string::npos);
  EXPECT_EQ(first.svg.find("nan"), std::string::npos);
}

TEST(Simulate, TakesAReleaseForACluster) {
  core::Release release = a_release();
  release.workload = core::DeploymentsWorkload{"a", "b", "c", "d:{{version}}"};
  EXPECT_TRUE(simulate(release, few_runs()));
}

TEST(Simulate, LeavesGaugesOut) {
  core::Release release = a_release();
  core::Check memory;
  memory.name = "memory";
  memory.rule = core::GaugeCheck{};
  release.checks.insert(release.checks.begin(), memory);
  const auto simulation = simulate(release, few_runs());
  ASSERT_TRUE(simulation) << simulation.error().message;
  EXPECT_EQ(simulation->kinds.front().passed, simulation->kinds.front().runs);
  EXPECT_FALSE(report(*simulation).svg.empty());
}

TEST(Simulate, RefusesWhatMakesNoSense) {
  core::Release without_steps = a_release();
  without_steps.steps.clear();
  EXPECT_EQ(simulate(without_steps, few_runs()).error().code, Code::invalid);
  SimulateOptions options = few_runs();
  options.requests_per_second = 0;
  EXPECT_EQ(simulate(a_release(), options).error().code, Code::invalid);
  options = few_runs();
  options.runs = 0;
  EXPECT_EQ(simulate(a_release(), options).error().code, Code::invalid);
}

}  // namespace
}  // namespace linnet::sim
