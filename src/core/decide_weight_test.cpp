// decide() and the canary's weight: what must be there before it is raised, other hands on it, and
// routers that apply it late or in part.
#include <gtest/gtest.h>

#include "core/testing.h"

namespace linnet::core {
namespace {

using testing::in_step;
using testing::weight;
using testing::World;

TEST(DecideWeight, SendsNoTrafficBeforeTheCanaryIsReady) {
  World world;
  world.versions["v2"].ready = false;
  world.initialised().deploying("v2");
  world.turns(20);
  EXPECT_EQ(world.phase(), "preparing");
  EXPECT_TRUE(world.weights.empty());
  ASSERT_TRUE(world.reach("rolled_back"));
  EXPECT_EQ(std::get<RolledBack>(world.status.phase).cause.kind, "not_ready");
  EXPECT_TRUE(world.weights.empty() || world.weights == std::vector{Percent()});
}

TEST(DecideWeight, TellsOnceWhatKeepsACanaryFromStarting) {
  World world;
  world.versions["v2"].ready = false;
  world.versions["v2"].trouble = "its image cannot be pulled";
  world.initialised().deploying("v2");
  world.turns(20);
  EXPECT_EQ(world.times_told("cannot be pulled"), 1);
}

TEST(DecideWeight, DoesNotStartTheClockBeforeTheWeightIsReadBack) {
  World world;
  world.applies_weight = false;
  world.initialised().deploying("v2");
  world.turns(120);
  ASSERT_EQ(world.phase(), "stepping");
  EXPECT_EQ(std::get<Stepping>(world.status.phase).held, 0s);
}

TEST(DecideWeight, HoldsWhenSomeoneElseSetsTheWeightAndNeverRaisesItAgain) {
  World world = in_step(1);
  world.weights.clear();
  world.traffic = TrafficSeen{Percent(), false, "kubectl"};
  world.turns(300);
  EXPECT_EQ(world.phase(), "holding");
  EXPECT_NE(world.status.reason.find("kubectl"), std::string::npos);
  EXPECT_TRUE(world.weights.empty());
}

TEST(DecideWeight, ReadsAWeightThatWasTakenBackAsARollback) {
  World world = in_step(1);
  world.weights.clear();
  world.traffic = TrafficSeen{Percent(), true, "guardian"};
  ASSERT_TRUE(world.reach("rolled_back"));
  EXPECT_TRUE(world.weights.empty());
  EXPECT_EQ(std::get<RolledBack>(world.status.phase).cause.kind, "taken_back");
}

// Another hand gave it traffic before the step's own weight, and while nothing could be saved that
// was taken back.
TEST(DecideWeight, DrainsWhatAnotherHandsWeightSentToACanaryThatHadNone) {
  for (const bool marked : {true, false}) {
    Release release = testing::a_release();
    std::get<ProcessWorkload>(release.workload).stop.drain = 5s;
    World world(release);
    world.applies_weight = false;
    world.initialised().deploying("v2");
    ASSERT_TRUE(world.reach("stepping"));
    world.traffic = TrafficSeen{Percent(), marked, ""};
    if (!marked) world.status.stage.recent.requests = 35;
    world.status.weight = world.status.weight_before = Percent();
    world.ask(Intent::Kind::rollback);
    world.turns(4);
    ASSERT_EQ(world.phase(), "rolling_back") << marked;
    EXPECT_GT(world.canary.count(), 0) << marked;
    EXPECT_TRUE(world.reach("rolled_back", 10s)) << marked;
  }
}

TEST(DecideWeight, ClearsTheMarkOfTheLastRollbackBeforeTheNextRollout) {
  World world = in_step(0);
  world.ask(Intent::Kind::rollback);
  ASSERT_TRUE(world.reach("rolled_back"));
  ASSERT_TRUE(world.traffic.taken_back);
  world.deploying("v3");
  EXPECT_TRUE(world.reach("awaiting_promotion"));
}

TEST(DecideWeight, GrowsTheCanaryWithItsWeightBeforeTheWeight) {
  Release release = testing::a_release();
  std::get<ProcessWorkload>(release.workload).replicas = 8;
  World world(release);
  world.initialised().deploying("v2");
  std::map<int, int> replicas;
  while (world.phase() != "awaiting_promotion") {
    world.turn();
    const int percent = static_cast<int>(world.traffic.weight.value());
    EXPECT_GE(world.canary.ready(), canary_replicas_for(world.traffic.weight, 8));
    if (percent > 0 && replicas.count(percent) == 0) replicas[percent] = world.canary.ready();
  }
  EXPECT_EQ(replicas, (std::map<int, int>{{5, 1}, {25, 2}, {50, 4}, {100, 8}}));
}

// Decided while the canary was ready, lost on its way; now its instances are gone.
TEST(DecideWeight, DoesNotRaiseTheWeightForACanaryThatIsNotReadyAnyMore) {
  World world;
  world.applies_weight = false;
  world.initialised().deploying("v2");
  world.turns(3);
  ASSERT_EQ(world.status.weight, weight(5));
  world.applies_weight = true;
  for (Instance& instance : world.canary.instances) instance.state = Instance::State::unready;
  world.turns(3);
  EXPECT_TRUE(world.weights.empty());
  EXPECT_TRUE(world.traffic.weight.is_zero());
}

TEST(DecideWeight, DoesNotRaiseTheWeightAfterAFailureThatHolds) {
  Release release = testing::a_release();
  release.on_failure = Then::hold;
  World world = in_step(0, release);
  while (std::get<Stepping>(world.status.phase).index == 0) world.turn();
  world.applies_weight = false;  // 25 % does not come through
  world.versions["v2"].error_share = 0.8;
  ASSERT_TRUE(world.reach("holding"));
  world.applies_weight = true;
  world.weights.clear();
  world.turns(5);
  EXPECT_TRUE(world.weights.empty());
  EXPECT_EQ(world.traffic.weight, weight(5));
}

TEST(DecideWeight, SetsLessByHandThoughTheCanaryGoesOnFailing) {
  Release release = testing::a_release();
  release.on_failure = Then::hold;
  World world = in_step(1, release);
  world.versions["v2"].error_share = 0.8;
  ASSERT_TRUE(world.reach("holding"));
  Intent intent;
  intent.kind = Intent::Kind::traffic;
  intent.weight = weight(1);
  world.ask(intent);
  world.turns(2);
  EXPECT_TRUE(world.answer().accepted);
  EXPECT_EQ(world.traffic.weight, weight(1));
}

// The router is slow: 5 % is on its way while 0 % is still read. Taken back, 0 % is written all the
// same.
TEST(DecideWeight, WritesTheSwitchBackThoughTheRaiseDoesNotShowYet) {
  World world;
  world.applies_weight = false;
  world.initialised().deploying("v2");
  world.turns(3);
  ASSERT_EQ(world.status.weight, weight(5));
  world.ask(Intent::Kind::rollback);
  world.turn();
  ASSERT_FALSE(world.last.effects.empty());
  EXPECT_EQ(world.last.effects[0], Effect(SetWeight{Percent(), true}));
}

// No request comes, so the step's clock does not start; yet that 5 % was read back must survive a
// crash.
TEST(DecideWeight, RemembersThatTheWeightWasReadBack) {
  World world;
  world.requests_per_second = 0;
  world.initialised().deploying("v2");
  Status saved = world.status;
  for (int second = 0; second < 8; ++second) {
    world.turn();
    if (world.last.save) saved = world.status;
  }
  ASSERT_EQ(world.traffic.weight, weight(5));
  world.traffic = TrafficSeen{Percent(), false, "kubectl"};
  world.weights.clear();
  world.status = resumed(saved, world.release);
  world.turns(5);
  EXPECT_EQ(world.phase(), "holding");
  EXPECT_TRUE(world.weights.empty());
}

TEST(DecideWeight, TakesACanaryBackWhoseWeightDoesNotComeIntoForce) {
  World world = in_step(0);
  world.applies_weight = false;
  while (world.status.weight == weight(5)) world.turn();
  world.turns(590);
  EXPECT_EQ(world.phase(), "stepping");
  EXPECT_EQ(world.status.reason, "waiting for 25 % to be in force: 5 % is read back");
  world.turns(30);
  ASSERT_EQ(world.phase(), "rolling_back");
  EXPECT_TRUE(world.journal_has("25 % is not in force after 10m"));
  world.turns(610);
  EXPECT_EQ(world.phase(), "rolling_back") << "never given up";
  EXPECT_TRUE(world.journal_has("trouble weight 0 % is not in force after 10m"));
  world.applies_weight = true;
  EXPECT_TRUE(world.reach("rolled_back"));
  EXPECT_EQ(world.finished[0].cause.kind, "not_in_force");
}

// ---- A weight in several objects, of which one was written and one not --------------------------

TrafficSeen apart(Percent read, std::string by = {}, bool taken_back = false) {
  return {read, taken_back, std::move(by), "Ingress a carries this, Ingress b that"};
}

TEST(DecideWeight, WritesARaiseThatWasLeftHalfDoneAgainAndCountsItOnlyThen) {
  World world = in_step(0);
  world.applies_weight = false;
  while (world.status.weight == weight(5)) world.turn();
  world.traffic = apart(weight(25));
  world.turns(60);
  EXPECT_EQ(world.phase(), "stepping");
  EXPECT_FALSE(std::get<Stepping>(world.status.phase).in_force);
  EXPECT_EQ(world.status.weight_seen, weight(5));
  world.applies_weight = true;
  world.turns(2);
  EXPECT_TRUE(world.traffic.is(weight(25)));
  EXPECT_TRUE(world.reach("awaiting_promotion"));
}

TEST(DecideWeight, NeverStopsACanaryOfWhichASwitchToZeroWasLeftHalfDone) {
  for (const bool promoted : {false, true}) {
    World world = in_step(3);
    world.reach("awaiting_promotion");
    world.ask(promoted ? Intent::Kind::promote : Intent::Kind::rollback);
    world.applies_weight = promoted;
    while (!world.status.weight.is_zero()) {
      world.turn();
      world.applies_weight =
          promoted && world.status.weight == weight(100) &&
          std::get<Promoting>(world.status.phase).part < Promoting::Part::stable_rolls;
    }
    for (const TrafficSeen& seen :
         {apart(weight(100)), apart(Percent(), "kubectl-edit"), apart(Percent(), "", true)}) {
      world.traffic = seen;
      world.turns(60);
      EXPECT_GT(world.canary.count(), 0) << promoted << seen.by << seen.taken_back;
    }
    world.applies_weight = true;
    EXPECT_TRUE(world.reach(promoted ? "succeeded" : "rolled_back")) << promoted;
    EXPECT_TRUE(world.traffic.is(Percent()));
    EXPECT_EQ(world.canary.count(), 0);
  }
}

TEST(DecideWeight, SeesARollbackThroughThatWasLeftHalfDoneBeforeItWasSaved) {
  World world = in_step(1);
  world.traffic = apart(Percent(), "", true);
  world.turn();
  EXPECT_EQ(world.phase(), "rolling_back");
  EXPECT_TRUE(world.traffic.is(Percent()));
  EXPECT_TRUE(world.reach("rolled_back"));
}

TEST(DecideWeight, HoldsWhenSomeoneElseSetsTheWeightInOneOfSeveralObjects) {
  World world = in_step(1);
  world.traffic = apart(weight(10), "kubectl-edit");
  world.weights.clear();
  world.turns(60);
  EXPECT_EQ(world.phase(), "holding");
  EXPECT_TRUE(
      world.journal_has("the weight is 10 % now, set by kubectl-edit (Ingress a carries "
                        "this, Ingress b that); 25 % was wanted"));
  EXPECT_TRUE(world.weights.empty()) << "it is left";
  World back = world;
  back.ask(Intent::Kind::rollback);
  EXPECT_TRUE(back.reach("rolled_back"));
  EXPECT_TRUE(back.traffic.is(Percent()));
  World by_hand = world;
  Intent same;
  same.kind = Intent::Kind::traffic;
  same.weight = weight(10);
  by_hand.ask(same);
  by_hand.turns(2);
  EXPECT_TRUE(by_hand.traffic.is(weight(10)));
  world.ask(Intent::Kind::resume);
  EXPECT_TRUE(world.reach("awaiting_promotion"));
}

TEST(DecideWeight, DrainsWhatHadTrafficThoughTheObjectThatWasReadSaysZero) {
  Release release = testing::a_release();
  std::get<ProcessWorkload>(release.workload).stop.drain = 5s;
  World world = in_step(0, release);
  world.metrics_down = true;
  world.traffic = apart(Percent(), "kubectl-edit");
  world.status.stage = Stage{};
  world.turn();
  ASSERT_EQ(world.phase(), "holding");
  world.ask(Intent::Kind::rollback);
  world.turns(3);
  EXPECT_GT(world.canary.count(), 0);
  EXPECT_TRUE(world.reach("rolled_back"));
}

}  // namespace
}  // namespace linnet::core
