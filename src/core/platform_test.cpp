// Where a platform keeps the levels itself (Deployments): stable's size belongs to its owner or its
// autoscaler, and what others change is noticed.
#include <gtest/gtest.h>

#include "core/testing.h"

namespace linnet::core::testing {
namespace {

World a_cluster(int replicas = 6) {
  Release release = a_release();
  release.workload = DeploymentsWorkload{"stable", "canary", "app", "app:{{version}}"};
  World world(release);
  world.on_platform(replicas, "v1");
  return world;
}

TEST(Platform, AdoptsWhatRunsWithoutTouchingIt) {
  World world = a_cluster();
  world.initialised();
  EXPECT_EQ(world.phase(), "idle");
  EXPECT_TRUE(world.journal_has("stable v1 is ready: 6 of 6 instances"));
  const auto resized = [](const SetTrack& track) {
    return track.track == Track::stable && (track.version != "v1" || track.replicas != 6);
  };
  EXPECT_TRUE(std::none_of(world.track_writes.begin(), world.track_writes.end(), resized));
}

TEST(Platform, SizesTheCanaryByWhatStableHas) {
  World world = a_cluster();
  world.initialised().deploying("v2");
  ASSERT_TRUE(world.reach("awaiting_promotion"));
  EXPECT_EQ(world.status.canary_replicas, 6);
  EXPECT_EQ(world.stable.count(), 6);
}

TEST(Platform, GrowsTheCanaryWhenStableIsScaledUpMeanwhile) {
  World world = a_cluster(2);
  world.initialised().deploying("v2");
  ASSERT_TRUE(world.reach("stepping"));
  while (world.status.weight < Percent::whole(50)) world.turn();
  EXPECT_EQ(world.status.canary_replicas, 1);
  world.resize(world.stable, 8, "v1");
  world.turns(2);
  EXPECT_EQ(world.status.canary_replicas, 4);
  EXPECT_EQ(world.canary.count(), 4);
}

TEST(Platform, KeepsTheCanarysSizeWhenAnAutoscalerShrinksStableMeanwhile) {
  World world = a_cluster(10);
  world.initialised().deploying("v2");
  while (world.status.weight < Percent::whole(50)) world.turn();
  world.resize(world.stable, 5, "v1");
  ASSERT_TRUE(world.reach("awaiting_promotion"));
  EXPECT_EQ(world.canary.ready_of("v2"), 10) << "the load of ten is the canary's now";
  world.resize(world.stable, 2, "v1");
  world.ask(Intent::Kind::promote);
  ASSERT_TRUE(world.reach("succeeded"));
  EXPECT_EQ(world.stable.ready_of("v2"), 2) << "stable's size is its owner's";
  EXPECT_EQ(world.times_told("warning stable takes all traffic with 2 of the 10 instances"), 1);
}

TEST(Platform, TellsThatAStableThatWasMadeSmallerTakesAllInARollback) {
  World world = a_cluster(10);
  world.initialised().deploying("v2");
  while (world.status.weight < Percent::whole(50)) world.turn();
  world.resize(world.stable, 5, "v1");
  world.turns(5);
  world.ask(Intent::Kind::rollback);
  world.turn();
  EXPECT_TRUE(world.traffic.weight.is_zero()) << "it waits for nothing";
  EXPECT_TRUE(world.journal_has("warning stable takes all traffic with 5 of the 10 instances"));
}

TEST(Platform, SizesEachCanaryByWhatStableHadInItsOwnRollout) {
  World world = a_cluster(10);
  world.initialised().deploying("v2");
  ASSERT_TRUE(world.reach("stepping"));
  world.turns(5);
  world.ask(Intent::Kind::rollback);
  ASSERT_TRUE(world.reach("rolled_back"));
  world.resize(world.stable, 2, "v1");
  world.deploying("v3");
  ASSERT_TRUE(world.reach("awaiting_promotion"));
  EXPECT_EQ(world.canary.ready_of("v3"), 2);
}

TEST(Platform, PromotesOntoTheSizeThatStableHasThen) {
  World world = a_cluster(3);
  world.initialised().deploying("v2");
  ASSERT_TRUE(world.reach("awaiting_promotion"));
  world.resize(world.stable, 5, "v1");
  world.ask(Intent::Kind::promote);
  ASSERT_TRUE(world.reach("succeeded"));
  EXPECT_EQ(world.stable.ready_of("v2"), 5);
  EXPECT_EQ(world.canary.count(), 0);
}

TEST(Platform, TakesAVersionThatSomebodyElseDeployedForStable) {
  World world = a_cluster();
  world.initialised();
  world.resize(world.stable, 6, "v1-hotfix");
  world.turns(2);
  EXPECT_EQ(world.status.stable_version, "v1-hotfix");
  EXPECT_TRUE(world.journal_has("stable runs v1-hotfix now, set by someone else; it was v1"));
  EXPECT_EQ(world.stable.ready_of("v1-hotfix"), 6) << "it is left as it is";
}

TEST(Platform, RollsBackToWhatSomebodyElseMadeStableMeanwhile) {
  World world = a_cluster();
  world.initialised().deploying("v2");
  ASSERT_TRUE(world.reach("stepping"));
  world.resize(world.stable, 6, "v1-hotfix");
  world.turns(2);
  world.ask(Intent::Kind::rollback);
  ASSERT_TRUE(world.reach("rolled_back"));
  EXPECT_EQ(world.stable.ready_of("v1-hotfix"), 6);
}

TEST(Platform, BringsBackACanaryThatSomebodyElseScaled) {
  World world = a_cluster();
  world.initialised().deploying("v2");
  ASSERT_TRUE(world.reach("stepping"));
  world.resize(world.canary, 0, "v2");
  world.turns(2);
  EXPECT_EQ(world.canary.ready_of("v2"), world.status.canary_replicas);
}

TEST(Platform, GrowsTheCanaryWhenStableIsScaledUpInAPromotion) {
  World world = a_cluster(2);
  world.release.steps = {Step{Percent::whole(50), 10s}};
  world.initialised().deploying("v2");
  ASSERT_TRUE(world.reach("awaiting_promotion"));
  world.ask(Intent::Kind::promote);
  world.turn();
  world.resize(world.stable, 5, "v1");
  ASSERT_TRUE(world.reach("succeeded", 5min)) << world.status.reason;
  EXPECT_EQ(world.stable.ready_of("v2"), 5);
}

TEST(Platform, LeavesAStableAtRestThatItsOwnerScaledToNothing) {
  World world = a_cluster();
  world.initialised();
  world.resize(world.stable, 0, "v1");
  const std::size_t before = world.track_writes.size();
  world.turns(20);
  EXPECT_EQ(world.track_writes.size(), before);
}

TEST(Platform, RollsBackToAStableThatItsOwnerScaledToNothing) {
  World world = a_cluster();
  world.initialised().deploying("v2");
  ASSERT_TRUE(world.reach("stepping"));
  world.resize(world.stable, 0, "v1");
  world.turns(2);
  world.ask(Intent::Kind::rollback);
  EXPECT_TRUE(world.reach("rolled_back", 5min)) << world.status.reason;
}

TEST(Platform, RollsBackToWhatItsOwnerGivesStableInTheRollback) {
  World world = a_cluster();
  world.initialised().deploying("v2");
  ASSERT_TRUE(world.reach("stepping"));
  world.turns(10);
  world.ask(Intent::Kind::rollback);
  ASSERT_TRUE(world.reach("rolling_back"));
  world.resize(world.stable, 6, "v1-hotfix");
  ASSERT_TRUE(world.reach("rolled_back"));
  EXPECT_EQ(world.stable.ready_of("v1-hotfix"), 6);
  EXPECT_EQ(world.status.rollout->from, "v1-hotfix");
}

TEST(Platform, RollsBackToTheVersionThatItTakesBackWhenTheOwnerGaveThatToStable) {
  World world = a_cluster(2);
  world.initialised().deploying("v2");
  ASSERT_TRUE(world.reach("stepping"));
  world.ask(Intent::Kind::rollback);
  world.turn();
  world.resize(world.stable, 2, "v2");  // no step had passed: linnet never wrote that
  ASSERT_TRUE(world.reach("rolled_back"));
  EXPECT_EQ(world.stable.wanted_version, "v2");
  EXPECT_EQ(world.status.stable_version, "v2");
}

TEST(Platform, RollsBackToWhatItsOwnerGaveStableInThePromotion) {
  World world = a_cluster();
  world.initialised().deploying("v2");
  ASSERT_TRUE(world.reach("awaiting_promotion"));
  world.ask(Intent::Kind::promote);
  world.versions["v2"].ready = false;  // on stable's nodes
  while (world.status.stable_version != "v2") world.turn();
  world.resize(world.stable, 6, "v1-hotfix");
  world.turns(2);
  EXPECT_EQ(world.stable.wanted_version, "v2") << "the promotion goes on";
  world.ask(Intent::Kind::rollback);
  ASSERT_TRUE(world.reach("rolled_back"));
  EXPECT_EQ(world.stable.ready_of("v1-hotfix"), 6);
}

// A promotion to v2 whose stable has all the traffic again.
World stopping_the_canary() {
  World world = a_cluster();
  world.initialised().deploying("v2");
  EXPECT_TRUE(world.reach("awaiting_promotion"));
  world.ask(Intent::Kind::promote);
  for (int guard = 0; guard < 200 && !world.journal_has("promoting: stopping the canary"); ++guard)
    world.turn();
  return world;
}

TEST(Platform, CallsNoPromotionDoneWhileStableIsToldAnotherImage) {
  World world = stopping_the_canary();
  ASSERT_TRUE(world.journal_has("promoting: stopping the canary"));
  world.resize(world.stable, 6, "v1-hotfix");
  world.turn();
  EXPECT_EQ(world.phase(), "promoting") << "written before it is called done";
  ASSERT_TRUE(world.reach("succeeded"));
  EXPECT_EQ(world.stable.wanted_version, "v2");
  EXPECT_EQ(world.status.rollout->from, "v1-hotfix");
}

// Seed 74140: an owner's image stopped all of stable at once, and nobody was there when it was
// told the new version again.
TEST(Platform, CallsNoPromotionDoneWhileAllOfStableStops) {
  World world = stopping_the_canary();
  ASSERT_TRUE(world.journal_has("promoting: stopping the canary"));
  for (Instance& instance : world.stable.instances) instance.state = Instance::State::stopping;
  world.turns(3);
  EXPECT_EQ(world.phase(), "promoting");
  world.resize(world.stable, 6, "v2");
  EXPECT_TRUE(world.reach("succeeded"));
}

TEST(Platform, WritesNoImageOfStableThatItHasNotSeen) {
  World world = a_cluster();
  world.initialised();
  Observation seen{fail(Code::unavailable, "not listed yet"),
                   world.traffic,
                   fail(Code::not_found, "none"),
                   {},
                   {},
                   {}};
  const Decision decision = decide(world.release, resumed(world.status, world.release), seen,
                                   Now{world.now.wall, MonoTime{5}});
  for (const Effect& effect : decision.effects) {
    const auto* track = std::get_if<SetTrack>(&effect);
    EXPECT_TRUE(track == nullptr || track->track == Track::canary) << effect_text(effect);
  }
}

// Whoever creates it anew may do so with another image, between linnet's look and its write.
TEST(Platform, WritesNoStableWhoseDeploymentIsGone) {
  for (const char* phase : {"idle", "stepping", "promoting"}) {
    World world = a_cluster();
    world.initialised();
    if (world.phase() != phase) world.deploying("v2");
    if (std::string_view(phase) == "promoting") {
      world.reach("awaiting_promotion");
      world.ask(Intent::Kind::promote);
    }
    ASSERT_TRUE(world.reach(phase));
    world.stable = TrackSeen{};
    world.stable.trouble = "the Deployment stable does not exist";
    world.track_writes.clear();
    world.turns(10);
    EXPECT_TRUE(std::none_of(world.track_writes.begin(), world.track_writes.end(),
                             [](const auto& write) { return write.track == Track::stable; }))
        << phase;
    EXPECT_EQ(world.times_told("trouble the Deployment stable does not exist"), 1) << phase;
    EXPECT_NE(world.status.reason.find("stable does not exist"), std::string::npos) << phase;
  }
}

TEST(Platform, IsNotReadyBeforeStableIsToldItsVersion) {
  World world = a_cluster();
  world.stable.wanted_version = "v9";  // being replaced: all instances are v1 still
  world.ask(Intent::Kind::init, "v1");
  world.turn();
  EXPECT_FALSE(world.journal_has("stable v1 is ready"));
  world.turns(2);
  EXPECT_EQ(world.stable.wanted_version, "v1");
  EXPECT_TRUE(world.journal_has("stable v1 is ready"));
}

TEST(Platform, IsNotReadyBeforeACanaryThatWasThereIsToldToStop) {
  World world = a_cluster();
  world.resize(world.canary, 2, "v1");
  world.ask(Intent::Kind::init, "v1");
  world.turn();
  EXPECT_FALSE(world.journal_has("stable v1 is ready")) << "who waits for it would end before";
  world.turns(2);
  EXPECT_EQ(world.canary.wanted, 0);
  EXPECT_TRUE(world.journal_has("stable v1 is ready"));
}

TEST(Platform, PassesNoStepOnACanaryThatRunsAnotherImage) {
  World world = a_cluster();
  world.initialised().deploying("v2");
  ASSERT_TRUE(world.reach("stepping"));
  world.turns(10);
  for (int i = 0; i < 100; ++i) {
    world.resize(world.canary, world.status.canary_replicas, "v7");
    world.turn();
  }
  EXPECT_EQ(std::get<Stepping>(world.status.phase).index, 0);
}

// As on a node that is gone: the platform has asked it to stop, and it stays.
Instance leaving_one(const std::string& version) {
  Instance instance;
  instance.id = version + "-on-a-node-that-is-gone";
  instance.version = version;
  instance.state = Instance::State::stopping;
  return instance;
}

/// Turns in which what was told to be away leaves one instance behind that stays.
bool reach_with_one_leaving(World& world, std::string_view phase, Duration limit) {
  for (Duration spent = 0ms; spent < limit && world.phase() != phase; spent += 1s) {
    if (world.canary.wanted == 0 && world.canary.instances.empty())
      world.canary.instances.push_back(leaving_one("v2"));
    world.turn();
  }
  return world.phase() == phase;
}

TEST(Platform, TakesBackACanaryOfWhichAnInstanceNeverStops) {
  World world = a_cluster();
  world.initialised().deploying("v2");
  ASSERT_TRUE(world.reach("stepping"));
  world.turns(10);
  world.ask(Intent::Kind::rollback);
  ASSERT_TRUE(reach_with_one_leaving(world, "rolled_back", 2min)) << world.status.reason;
  EXPECT_TRUE(world.journal_has("is stopping still: v2-on-a-node-that-is-gone"));
}

TEST(Platform, PromotesACanaryOfWhichAnInstanceNeverStops) {
  World world = a_cluster();
  world.initialised().deploying("v2");
  ASSERT_TRUE(world.reach("awaiting_promotion"));
  world.ask(Intent::Kind::promote);
  ASSERT_TRUE(reach_with_one_leaving(world, "succeeded", 3min)) << world.status.reason;
  EXPECT_TRUE(world.journal_has("is stopping still: v2-on-a-node-that-is-gone"));
}

TEST(Platform, GivesACanarysInstancesAMinuteToStop) {
  World world = a_cluster();
  world.initialised().deploying("v2");
  ASSERT_TRUE(world.reach("stepping"));
  world.turns(10);
  world.ask(Intent::Kind::rollback);
  EXPECT_FALSE(reach_with_one_leaving(world, "rolled_back", 1min));
  world.canary.instances.clear();
  world.turn();
  EXPECT_EQ(world.phase(), "rolled_back");
  EXPECT_FALSE(world.journal_has("is stopping still")) << "it has stopped in time";
}

TEST(Platform, PromotesWhileAnInstanceOfTheOldStableNeverStops) {
  World world = a_cluster();
  world.initialised().deploying("v2");
  ASSERT_TRUE(world.reach("awaiting_promotion"));
  world.ask(Intent::Kind::promote);
  while (world.stable.ready_of("v2") == 0) world.turn();
  world.stable.instances.push_back(leaving_one("v1"));
  EXPECT_TRUE(world.reach("succeeded", 2min)) << world.status.reason;
}

TEST(Platform, UndoesAPromotionOfWhichAnInstanceNeverStops) {
  World world = a_cluster();
  world.initialised().deploying("v2");
  ASSERT_TRUE(world.reach("awaiting_promotion"));
  world.ask(Intent::Kind::promote);
  world.versions["v2"].ready = false;  // on stable's nodes
  while (world.status.stable_version != "v2") world.turn();
  world.turns(2);
  world.ask(Intent::Kind::rollback);
  while (world.stable.ready_of("v1") == 0) world.turn();
  world.stable.instances.push_back(leaving_one("v2"));
  EXPECT_TRUE(world.reach("rolled_back", 2min)) << world.status.reason;
}

TEST(Platform, ReplacesNoStableThatGotRequestsAgainBeforeItWasTold) {
  World world = a_cluster(2);
  world.initialised().deploying("v2");
  ASSERT_TRUE(world.reach("awaiting_promotion"));
  world.ask(Intent::Kind::promote);
  const auto part = [&] { return std::get<Promoting>(world.status.phase).part; };
  ASSERT_TRUE(world.reach("promoting"));
  for (int i = 0; i < 20 && part() != Promoting::Part::stable_rolls; ++i) {
    world.instances_down = world.traffic.weight == Percent::whole(100);
    world.turn();
    ASSERT_EQ(world.phase(), "promoting");
  }
  ASSERT_EQ(part(), Promoting::Part::stable_rolls);
  ASSERT_EQ(world.stable.wanted_version, "v1") << "nobody could look at it";
  world.traffic.differ = "one Ingress says 50 %, another one 100 %";
  world.instances_down = false;
  world.turn();
  EXPECT_TRUE(world.traffic.is(Percent::whole(100))) << "that is set again";
  EXPECT_EQ(world.stable.wanted_version, "v1");
  EXPECT_EQ(part(), Promoting::Part::canary_takes_all) << "and what came meanwhile finishes";
  ASSERT_TRUE(world.reach("succeeded"));
  EXPECT_EQ(world.stable.ready_of("v2"), 2);
}

/// A promotion to v2 has just told stable, of two instances, to be that.
World replacing_stable(bool at_once) {
  World world = a_cluster(2);
  world.stable.replaced_at_once = at_once;
  world.initialised().deploying("v2");
  EXPECT_TRUE(world.reach("awaiting_promotion"));
  world.ask(Intent::Kind::promote);
  for (int i = 0; i < 100 && world.stable.wanted_version != "v2"; ++i) world.turn();
  EXPECT_EQ(world.stable.wanted_version, "v2");
  return world;
}

// Pods of the old version that are seen ready may be those that the new one is about to replace.
TEST(Platform, WaitsForAStableWhosePlatformHasNotLookedYet) {
  World world = replacing_stable(true);
  world.resize(world.stable, 2, "v1");
  world.stable.wanted_version = "v2";
  world.stable.observed = false;
  world.ask(Intent::Kind::rollback);
  world.turn();
  ASSERT_EQ(world.stable.wanted_version, "v1");
  world.turns(2);
  EXPECT_EQ(world.traffic.weight, Percent::whole(100)) << world.status.reason;
  world.stable.observed = true;
  ASSERT_TRUE(world.reach("rolled_back"));
  EXPECT_TRUE(world.traffic.weight.is_zero());
}

TEST(Platform, TakesAPromotionBackOnlyWhenItKnowsHowFarStableIs) {
  World world = replacing_stable(false);
  for (Instance& instance : world.stable.instances) instance.state = Instance::State::starting;
  world.instances_down = true;
  world.ask(Intent::Kind::rollback);
  world.turns(3);
  EXPECT_EQ(world.traffic.weight, Percent::whole(100)) << world.status.reason;
  world.instances_down = false;
  ASSERT_TRUE(world.reach("rolled_back"));
  EXPECT_EQ(world.stable.ready_of("v1"), 2);
}

TEST(Platform, TakesAPromotionBackWhoseWeightNeverComesIntoForce) {
  World world = a_cluster(2);
  world.release.steps.pop_back();  // up to 50 %
  world.initialised().deploying("v2");
  ASSERT_TRUE(world.reach("awaiting_promotion"));
  world.ask(Intent::Kind::promote);
  world.turn();
  world.applies_weight = false;
  ASSERT_TRUE(world.reach("rolling_back"));
  EXPECT_TRUE(world.journal_has("100 % is not in force after")) << world.journal.back();
  world.applies_weight = true;
  EXPECT_TRUE(world.reach("rolled_back"));
}

TEST(Platform, LeavesTheCanaryItsTrafficWhileAStableThatStopsAllAtOnceReturns) {
  for (const bool at_once : {true, false}) {
    World world = replacing_stable(at_once);
    ASSERT_EQ(world.stable.ready(), 2) << "it is whole on the new version";
    world.versions["v1"].ready = false;  // what is started takes its time
    world.ask(Intent::Kind::rollback);
    world.turns(3);
    ASSERT_EQ(world.phase(), "rolling_back");
    EXPECT_EQ(world.stable.wanted_version, "v1");
    EXPECT_EQ(world.traffic.weight, at_once ? Percent::whole(100) : Percent());
    for (Instance& instance : world.stable.instances) instance.state = Instance::State::ready;
    ASSERT_TRUE(world.reach("rolled_back"));
    EXPECT_TRUE(world.traffic.weight.is_zero());
    EXPECT_EQ(world.stable.ready_of("v1"), 2);
  }
}

TEST(Platform, HoldsWhatALeavingInstanceDidAgainstNobodyElse) {
  World world = a_cluster();
  world.initialised();
  for (int i = 0; i < 400 && world.phase() != "awaiting_promotion"; ++i) {
    if (i == 0) world.deploying("v3");
    if (world.canary.count() == world.canary.ready() && world.canary.count() > 0) {
      Instance of_before = leaving_one("v2");
      of_before.restarts = 9;
      of_before.trouble = "it should have stopped long ago";
      world.canary.instances.push_back(of_before);
    }
    world.turn();
  }
  EXPECT_EQ(world.phase(), "awaiting_promotion") << world.status.reason;
  EXPECT_FALSE(world.journal_has("should have stopped"));
}

TEST(Platform, WritesNothingWhileNothingChanges) {
  World world = a_cluster();
  world.initialised().deploying("v2");
  ASSERT_TRUE(world.reach("stepping"));
  world.turns(5);
  const std::size_t before = world.track_writes.size();
  // Pods that come and go are the platform's business as long as it wants what we want.
  world.stable.instances.pop_back();
  world.turns(20);
  EXPECT_EQ(world.track_writes.size(), before);
}

}  // namespace
}  // namespace linnet::core::testing
