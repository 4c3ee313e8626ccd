// decide() and the ways out: promotion, rollback, drain, and a stable that does not get ready.
#include <gtest/gtest.h>

#include "core/testing.h"

namespace linnet::core {
namespace {

using testing::in_step;
using testing::weight;
using testing::World;

/// A release to v2 has begun that asks nobody before it promotes.
World promoting_by_itself(Duration drain) {
  Release release = testing::a_release();
  release.promotion = Promotion::automatic;
  std::get<ProcessWorkload>(release.workload).stop.drain = drain;
  World world(release);
  world.initialised().deploying("v2");
  return world;
}

TEST(DecideEndings, TakesACanaryBackOnWhichNobodyAnswersInSeconds) {
  for (const bool stable_answers : {true, false}) {
    World world = in_step(2);
    for (Instance& instance : world.canary.instances) instance.state = Instance::State::unready;
    if (!stable_answers)
      for (Instance& instance : world.stable.instances) instance.state = Instance::State::unready;
    world.turns(4);
    EXPECT_EQ(world.phase(), "stepping") << "it may be back at once";
    world.turns(3);
    EXPECT_EQ(world.phase(), stable_answers ? "rolling_back" : "stepping");
    if (!stable_answers) continue;
    EXPECT_TRUE(world.traffic.weight.is_zero());
    EXPECT_TRUE(world.journal_has("nobody answers on the canary")) << world.journal.back();
  }
}

// A Gateway whose route names a Service that is gone says that its references are not resolved.
TEST(DecideEndings, TakesACanaryBackOnWhichNobodyAnswersAlsoWhereTheRouterCannotBeRead) {
  World world = in_step(2);
  for (Instance& instance : world.canary.instances) instance.state = Instance::State::unready;
  world.router_down = true;
  world.turns(7);
  EXPECT_EQ(world.phase(), "rolling_back");
}

TEST(DecideEndings, PromotesByRollingStableWhileTheCanaryCarriesAll) {
  World world;
  world.initialised().deploying("v2");
  ASSERT_TRUE(world.reach("awaiting_promotion"));
  world.ask(Intent::Kind::promote);
  ASSERT_TRUE(world.reach("succeeded"));
  EXPECT_EQ(world.status.stable_version, "v2");
  EXPECT_EQ(world.stable.ready_of("v2"), 2);
  EXPECT_EQ(world.canary.count(), 0);
  EXPECT_TRUE(world.traffic.weight.is_zero());
  ASSERT_EQ(world.finished.size(), 1U);
  EXPECT_EQ(world.finished[0].outcome, "succeeded");
}

TEST(DecideEndings, PromotesByItselfWhenTheSpecSaysSo) {
  World world = promoting_by_itself(0s);
  EXPECT_TRUE(world.reach("succeeded"));
}

// Its process holds a port that the next canary needs.
TEST(DecideEndings, WaitsOnOneMachineForAnInstanceThatIsStopping) {
  World world = in_step(0);
  world.ask(Intent::Kind::rollback);
  for (int i = 0; i < 200; ++i) {
    if (world.canary.instances.empty()) {
      Instance& stops = world.canary.instances.emplace_back();
      stops.version = "v2";
      stops.state = Instance::State::stopping;
    }
    world.turn();
  }
  EXPECT_EQ(world.phase(), "rolling_back");
  world.canary.instances.clear();
  EXPECT_TRUE(world.reach("rolled_back", 5s));
}

TEST(DecideEndings, FailsInitWithTheRoutersWordsWhenTheRouterNeverAnswers) {
  World world;
  world.router_down = true;
  world.ask(Intent::Kind::init, "v1");
  ASSERT_TRUE(world.reach("failed"));
  EXPECT_EQ(world.status.reason, "stable v1 does not get ready: the router does not answer");
}

TEST(DecideEndings, TakesBackAReadyCanaryThatWaitsForTheRouter) {
  World world;
  world.initialised().deploying("v2");
  world.router_down = true;
  world.turns(8);
  EXPECT_TRUE(world.journal_has("warning waiting for the router to be at 0 %: the router cannot"));
  ASSERT_TRUE(world.reach("rolling_back", world.release.progress + 20s));
  const Cause& cause = std::get<RollingBack>(world.status.phase).cause;
  EXPECT_EQ(cause.kind, "not_in_force");
  EXPECT_NE(cause.text.find("the router does not answer"), std::string::npos) << cause.text;
  world.router_down = false;
  EXPECT_TRUE(world.reach("rolled_back"));
}

TEST(DecideEndings, FailsInitWhenStableNeverGetsReady) {
  World world;
  world.versions["v1"].ready = false;
  world.initialised();
  ASSERT_TRUE(world.reach("failed", 20min));
  world.ask(Intent::Kind::init, "v0");
  world.turns(4);
  EXPECT_EQ(world.phase(), "idle");
  EXPECT_EQ(world.stable.ready_of("v0"), 2);
}

TEST(DecideEndings, EndsARollbackAsFailedWhenStableDoesNotComeBack) {
  World world = in_step(1);
  world.versions["v1"].ready = false;
  world.stable.instances.clear();  // all of it died; what is started anew never gets ready
  world.ask(Intent::Kind::rollback);
  ASSERT_TRUE(world.reach("failed", 30min)) << world.phase() << ": " << world.status.reason;
  EXPECT_EQ(world.canary.count(), 0);
  EXPECT_TRUE(world.traffic.weight.is_zero());
  EXPECT_NE(world.status.reason.find("stable does not get ready on v1: 0 of 2"), std::string::npos)
      << world.status.reason;
  ASSERT_EQ(world.finished.size(), 1U);
  EXPECT_EQ(world.finished[0].outcome, "failed");
  world.deploying("v3");
  EXPECT_EQ(world.phase(), "preparing") << "the next release may be the remedy";
}

TEST(DecideEndings, EndsARollbackAtOnceWhenStableKeepsDying) {
  World world = in_step(1);
  world.versions["v1"].crash_loop = true;
  world.versions["v1"].ready = false;
  world.stable.instances.clear();
  world.ask(Intent::Kind::rollback);
  ASSERT_TRUE(world.reach("failed", 1min)) << world.phase() << ": " << world.status.reason;
}

TEST(DecideEndings, DrainsACanaryToWhichSomebodySentTrafficJustBeforeTheRolloutBegan) {
  Release release = testing::a_release();
  std::get<ProcessWorkload>(release.workload).stop.drain = 5s;
  World world(release);
  world.initialised();
  world.traffic.weight = weight(50);
  world.deploying("v2");
  ASSERT_EQ(world.phase(), "preparing");
  world.ask(Intent::Kind::rollback);
  world.turns(2);
  ASSERT_TRUE(std::holds_alternative<RollingBack>(world.status.phase));
  EXPECT_EQ(std::get<RollingBack>(world.status.phase).part, RollingBack::Part::canary_drains);
}

TEST(DecideEndings, RollsBackAPromotionWhoseStableDoesNotGetReady) {
  World world;
  world.initialised().deploying("v2");
  ASSERT_TRUE(world.reach("awaiting_promotion"));
  world.versions["v2"].ready = false;  // stable's new instances; the canary's stay as they are
  world.ask(Intent::Kind::promote);
  ASSERT_TRUE(world.reach("rolled_back")) << world.phase() << ": " << world.status.reason;
  EXPECT_EQ(std::get<RolledBack>(world.status.phase).cause.kind, "promotion");
  EXPECT_EQ(world.stable.ready_of("v1"), 2);
}

// Stable's instances were stopped for the promotion: the canary is all that answers.
TEST(DecideEndings, BringsStableBackBeforeItGetsTheTrafficOfAFailedPromotion) {
  World world;
  world.initialised().deploying("v2");
  ASSERT_TRUE(world.reach("awaiting_promotion"));
  world.versions["v2"].ready = false;
  world.versions["v1"].ready = false;  // takes its time as well
  world.ask(Intent::Kind::promote);
  ASSERT_TRUE(world.reach("rolling_back"));
  world.turns(900);
  EXPECT_EQ(world.phase(), "rolling_back");
  EXPECT_EQ(world.traffic.weight, weight(100)) << "nobody on stable would answer";
  EXPECT_TRUE(world.journal_has("the canary still carries the traffic"));
  world.versions["v1"].ready = true;
  world.stable.instances.clear();  // started anew
  world.turns(2);
  EXPECT_EQ(world.stable.ready_of("v1"), 2);
  ASSERT_TRUE(world.reach("rolled_back")) << world.status.reason;
  EXPECT_TRUE(world.traffic.weight.is_zero());
}

TEST(DecideEndings, DoesNotSwitchAgainToAStableThatDiedMeanwhile) {
  World world = promoting_by_itself(0s);
  ASSERT_TRUE(world.reach("promoting"));
  world.applies_weight = false;  // the switch to 0 % does not come through
  for (int guard = 0; guard < 100 && !world.journal_has("it takes all traffic"); ++guard)
    world.turn();
  world.versions["v2"].ready = false;
  world.stable.instances.clear();
  world.turn();  // its instances are started again
  world.applies_weight = true;
  world.turns(5);
  EXPECT_EQ(world.traffic.weight, weight(100));
  world.versions["v2"].ready = true;
  world.stable.instances.clear();
  EXPECT_TRUE(world.reach("succeeded"));
}

TEST(DecideEndings, SwitchesAtOnceWhenTheCanaryOfAFailedPromotionIsGoneToo) {
  World world;
  world.initialised().deploying("v2");
  ASSERT_TRUE(world.reach("awaiting_promotion"));
  world.versions["v2"].ready = world.versions["v1"].ready = false;
  world.ask(Intent::Kind::promote);
  ASSERT_TRUE(world.reach("rolling_back"));
  world.canary.instances.clear();
  world.turns(2);
  EXPECT_TRUE(world.traffic.weight.is_zero());
}

TEST(DecideEndings, TakesBackAPromotionAtOnceWhileStableIsWhole) {
  World world = promoting_by_itself(5s);
  ASSERT_TRUE(world.reach("promoting"));
  world.versions["v2"].error_share = 0.5;
  ASSERT_TRUE(world.reach("rolling_back", 5s));
  EXPECT_TRUE(world.traffic.weight.is_zero());
}

TEST(DecideEndings, LetsStablesRequestsFinishFromWhereTheCanaryWasSeenToCarryAll) {
  Release release = testing::a_release();
  release.promotion = Promotion::automatic;
  release.steps = {{weight(50), 10s}};
  std::get<ProcessWorkload>(release.workload).stop.drain = 5s;
  World world(release);
  world.initialised().deploying("v2");
  ASSERT_TRUE(world.reach("promoting"));
  world.applies_weight = false;  // the write does not come through yet
  world.turns(3);
  ASSERT_EQ(world.status.weight, weight(100));
  world.traffic = TrafficSeen{weight(100), false, ""};
  world.turn(5s);  // the engine stood still: nobody knows since when
  EXPECT_FALSE(world.journal_has("restarting stable"));
  world.turns(5);
  EXPECT_TRUE(world.journal_has("restarting stable"));
}

TEST(DecideEndings, DrainForLongerThanTheDataPlaneTakesToFollow) {
  Release release = testing::a_release();
  release.workload = DeploymentsWorkload{};
  RecipeTraffic traffic;
  traffic.settles = 2s;
  release.traffic = traffic;
  EXPECT_EQ(drain_time(release), 5s);
  traffic.settles = 30s;  // a load balancer outside of the cluster
  release.traffic = traffic;
  EXPECT_EQ(drain_time(release), 32s);
}

// Without `early_fail` nothing speaks before a part of it is over, and then the plain rule does.
TEST(DecideEndings, TakesBackAPromotionOverItsLimitBeforeStableIsReplaced) {
  Release release = testing::a_release();
  release.promotion = Promotion::automatic;
  release.analysis.early_fail = false;
  std::get<ProcessWorkload>(release.workload).stop.drain = 5s;
  World world(release);
  world.initialised().deploying("v2");
  ASSERT_TRUE(world.reach("promoting"));
  world.versions["v2"].error_share = 0.5;
  ASSERT_TRUE(world.reach("rolled_back"));
  EXPECT_FALSE(world.journal_has("restarting stable"));
}

TEST(DecideEndings, WatchesACanaryThatWaitsForPromotion) {
  World world;
  world.initialised().deploying("v2");
  ASSERT_TRUE(world.reach("awaiting_promotion"));
  world.turns(300);
  ASSERT_EQ(world.phase(), "awaiting_promotion");
  world.versions["v2"].error_share = 0.3;
  EXPECT_TRUE(world.reach("rolled_back", 2min));
}

TEST(DecideEndings, SavesBeforeTheCanaryOfARollbackIsStopped) {
  Release release = testing::a_release();
  std::get<ProcessWorkload>(release.workload).stop.drain = 3s;
  World world = in_step(0, release);
  world.ask(Intent::Kind::rollback);
  for (int guard = 0; guard < 20 && world.status.canary_replicas > 0; ++guard) world.turn();
  ASSERT_EQ(world.status.canary_replicas, 0);
  EXPECT_TRUE(world.last.save);
}

// The canary carries traffic again while it drains (a write came late): it is not stopped under it.
TEST(DecideEndings, DoesNotStopACanaryWhoseWeightCameBack) {
  Release release = testing::a_release();
  std::get<ProcessWorkload>(release.workload).stop.drain = 3s;
  World world = in_step(0, release);
  world.ask(Intent::Kind::rollback);
  world.turns(2);
  world.traffic = TrafficSeen{weight(100), false, ""};
  world.applies_weight = false;
  world.turns(10);
  EXPECT_EQ(world.canary.count(), 1);
  world.applies_weight = true;
  world.turns(2);
  EXPECT_EQ(world.canary.count(), 1);  // its requests finish first
  EXPECT_TRUE(world.reach("rolled_back"));
}

TEST(DecideEndings, GoesOnWithAnAutomaticPromotionAfterAHold) {
  World world = promoting_by_itself(3s);
  ASSERT_TRUE(world.reach("promoting"));
  world.turn();
  world.traffic = TrafficSeen{weight(40), false, "kubectl"};
  world.turn();
  ASSERT_EQ(world.phase(), "holding");
  world.ask(Intent::Kind::resume);
  EXPECT_TRUE(world.reach("succeeded", 5min));
}

TEST(DecideEndings, LowersAWeightThatSomeoneSetsWhileThePromotedCanaryGoes) {
  World world = promoting_by_itself(5s);
  ASSERT_TRUE(world.reach("promoting"));
  for (int guard = 0; guard < 60 && !world.journal_has("letting requests on the canary finish");
       ++guard)
    world.turn();
  world.traffic = TrafficSeen{weight(40), false, "kubectl"};
  world.turn();
  EXPECT_EQ(world.phase(), "promoting");
  EXPECT_TRUE(world.traffic.weight.is_zero());
  EXPECT_TRUE(world.reach("succeeded"));
}

TEST(DecideEndings, DrainsAPromotedCanaryAnewThatGotTrafficWhenItWasToStop) {
  World world = promoting_by_itself(5s);
  ASSERT_TRUE(world.reach("promoting"));
  for (int guard = 0; guard < 200 && !world.journal_has("promoting: stopping the canary"); ++guard)
    world.turn();
  world.canary = world.stable;  // the write was lost, and meanwhile somebody sends it requests
  world.traffic = TrafficSeen{weight(10), false, "kubectl"};
  world.turn();
  world.turns(4);
  EXPECT_GT(world.canary.count(), 0) << "its requests finish";
  EXPECT_TRUE(world.reach("succeeded"));
  EXPECT_EQ(world.canary.count(), 0);
}

TEST(DecideEndings, DrainsACanaryThatWasSwitchedToZeroUnsavedWhileItWasPrepared) {
  Release release = testing::a_release();
  std::get<ProcessWorkload>(release.workload).stop.drain = 5s;
  World world(release);
  world.versions["v2"].ready = false;
  world.initialised().deploying("v2");
  world.turns(10);
  ASSERT_EQ(world.phase(), "preparing");
  world.traffic = TrafficSeen{Percent(), true, ""};  // somebody had given it traffic
  world.ask(Intent::Kind::rollback);
  world.turns(4);
  EXPECT_GT(world.canary.count(), 0) << "its requests finish";
  EXPECT_TRUE(world.reach("rolled_back"));
}

TEST(DecideEndings, DrainsACanaryAnewAfterAnUnsavedSwitchThoughItIsToStopAlready) {
  Status status;
  status.phase = RollingBack{{"operator", "asked"}, RollingBack::Part::canary_stops, 0ms};
  const Status anew = drained_anew(status, MonoTime{1000});
  EXPECT_EQ(std::get<RollingBack>(anew.phase).part, RollingBack::Part::weight_down);
  EXPECT_GT(anew.weight_before, Percent()) << "it may have had traffic";
}

TEST(DecideEndings, BringsStableBackBeforeItCallsAPromotionDone) {
  World world = promoting_by_itself(0s);
  ASSERT_TRUE(world.reach("promoting"));
  for (int guard = 0; guard < 200 && !world.journal_has("promoting: stopping the canary"); ++guard)
    world.turn();
  world.stable.instances.clear();  // scaled to 0 by someone
  world.turn();
  EXPECT_EQ(world.phase(), "promoting") << "nobody would answer";
  ASSERT_TRUE(world.reach("succeeded"));
  EXPECT_GT(world.stable.count(), 0);
}

}  // namespace
}  // namespace linnet::core
