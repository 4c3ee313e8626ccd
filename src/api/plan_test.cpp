#include "api/plan.h"

#include <gtest/gtest.h>

#include "core/testing.h"

namespace linnet::api {
namespace {

using core::testing::World;

TEST(Plan, OfAReleaseThatIsNotInitialisedSaysSoAndCountsNothing) {
  const World world;
  const std::vector<PlanStep> steps = plan_of(world.release, world.status, "v2");
  ASSERT_EQ(steps.size(), 1U);
  EXPECT_EQ(steps[0].what, "not initialised: start stable with `linnet init` first");
}

TEST(Plan, OfTheVersionThatStableRunsHasNothingToDo) {
  World world;
  world.initialised();
  const std::vector<PlanStep> steps = plan_of(world.release, world.status, "v1");
  ASSERT_EQ(steps.size(), 1U);
  EXPECT_EQ(steps[0].what, "stable already runs v1; nothing to do");
}

TEST(Plan, OfAnotherVersionNamesTheOneThatIsReplaced) {
  World world;
  world.initialised();
  const std::vector<PlanStep> steps = plan_of(world.release, world.status, "v2");
  ASSERT_GT(steps.size(), 2U);
  EXPECT_EQ(steps[steps.size() - 2].what, "restart stable on v2 (now v1), one by one");
}

}  // namespace
}  // namespace linnet::api
