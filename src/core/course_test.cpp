#include "core/course.h"

#include <gtest/gtest.h>

#include "core/testing.h"

namespace linnet::core::testing {
namespace {

// Tracks and weights apart: the world keeps them so.
struct Levels {
  std::vector<SetTrack> tracks;
  std::vector<Percent> weights;
};

Levels planned(const World& world, const std::string& version) {
  Levels out;
  for (const Effect& effect : course_of(world.release, world.status, version)) {
    if (const auto* track = std::get_if<SetTrack>(&effect)) out.tracks.push_back(*track);
    if (const auto* weight = std::get_if<SetWeight>(&effect)) out.weights.push_back(weight->weight);
  }
  return out;
}

TEST(Course, IsEmptyWhereADeployBeginsNothing) {
  World world;
  EXPECT_TRUE(course_of(world.release, world.status, "v2").empty());
  EXPECT_NE(begins_nothing(world.status, "v2").find("`linnet init`"), std::string::npos);
  world.initialised();
  EXPECT_TRUE(course_of(world.release, world.status, "v1").empty());
  EXPECT_EQ(begins_nothing(world.status, "v1"), "stable already runs v1; nothing to do");
  EXPECT_EQ(begins_nothing(world.status, "v2"), "");
  world.deploying("v2");  // a deploy of v1 is refused now, and with --supersede goes its way
  EXPECT_EQ(begins_nothing(world.status, "v1"), "");
}

TEST(Course, IsWhatAGoodRolloutSets) {
  for (const std::vector<int>& steps :
       {std::vector<int>{5, 25, 50, 100}, std::vector<int>{10}, std::vector<int>{1, 60}}) {
    for (const int replicas : {1, 2, 6}) {
      Release release = a_release();
      release.workload = DeploymentsWorkload{"stable", "canary", "app", "app:{{version}}"};
      release.steps.clear();
      for (const int weight : steps) release.steps.push_back({Percent::whole(weight), 60s});
      World world(release);
      world.on_platform(replicas, "v1").initialised();
      const Levels course = planned(world, "v2");
      world.track_writes.clear();
      world.weights.clear();
      world.deploying("v2");
      ASSERT_TRUE(world.reach("awaiting_promotion"));
      world.ask(Intent::Kind::promote);
      ASSERT_TRUE(world.reach("succeeded"));
      EXPECT_EQ(world.weights, course.weights);
      EXPECT_EQ(world.track_writes, course.tracks) << steps.size() << " steps, " << replicas;
    }
  }
}

}  // namespace
}  // namespace linnet::core::testing
