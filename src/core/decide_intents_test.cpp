// decide() and what people ask: deploy, promote, rollback, traffic, pause and resume.
#include <gtest/gtest.h>

#include "core/testing.h"

namespace linnet::core {
namespace {

using testing::in_step;
using testing::weight;
using testing::World;

TEST(DecideIntents, TheJournalTellsWhatWasAskedBeforeWhatItChanged) {
  World world;
  world.initialised().deploying("v2");
  ASSERT_GE(world.last.entries.size(), 2U);
  EXPECT_EQ(world.last.entries[0].kind, "intent");
  EXPECT_EQ(world.last.entries[1].kind, "phase");
}

TEST(DecideIntents, RollsBackOnRequestFromEveryRunningPhase) {
  for (const char* phase :
       {"preparing", "stepping", "holding", "awaiting_promotion", "promoting"}) {
    World world;
    if (phase == std::string("preparing")) world.versions["v2"].ready = false;
    world.initialised().deploying("v2");
    if (phase == std::string("holding")) world.ask(Intent::Kind::pause);
    if (phase == std::string("promoting")) {
      ASSERT_TRUE(world.reach("awaiting_promotion"));
      world.ask(Intent::Kind::promote);
    }
    ASSERT_TRUE(world.reach(phase)) << phase;
    world.ask(Intent::Kind::rollback);
    world.turn();
    EXPECT_TRUE(world.traffic.weight.is_zero()) << phase;
    ASSERT_TRUE(world.reach("rolled_back")) << phase;
    EXPECT_EQ(world.stable.ready_of("v1"), 2) << phase;
    EXPECT_EQ(world.canary.count(), 0) << phase;
  }
}

TEST(DecideIntents, RollsBackBeforeTheStoreIsAsked) {
  World world = in_step(2);
  world.ask(Intent::Kind::rollback);
  world.turn();
  const Result<TrafficSeen> seen = TrafficSeen{};
  ASSERT_FALSE(world.last.effects.empty());
  EXPECT_TRUE(is_urgent(world.last.effects[0], seen));
  EXPECT_TRUE(world.last.save);
}

TEST(DecideIntents, RefusesASecondDeployAndNamesTheFirst) {
  World world = in_step(0);
  world.deploying("v3");
  EXPECT_FALSE(world.answer().accepted);
  EXPECT_EQ(world.answer().code, Code::conflict);
  EXPECT_NE(world.answer().text.find("shop-1"), std::string::npos);
  EXPECT_NE(world.answer().text.find("--supersede"), std::string::npos);
}

TEST(DecideIntents, ADeployOfWhatIsUnderWayFollowsIt) {
  World world = in_step(0);
  Intent again;
  again.kind = Intent::Kind::deploy;
  again.version = "v2";
  again.promote = true;
  world.ask(again);
  world.turn();
  EXPECT_TRUE(world.answer().accepted);
  EXPECT_EQ(world.answer().rollout, "shop-1");
  EXPECT_TRUE(std::holds_alternative<Stepping>(world.status.phase));
  EXPECT_TRUE(world.status.rollout->promote);
}

Intent interrupted(const char* version) {
  Intent intent;
  intent.kind = Intent::Kind::interrupt;
  intent.version = version;
  intent.by = "bob";
  return intent;
}

Intent superseding(const char* version, bool hold = false) {
  Intent intent;
  intent.kind = Intent::Kind::deploy;
  intent.version = version;
  intent.supersede = true;
  intent.hold = hold;
  return intent;
}

TEST(DecideIntents, AnInterruptedDeployTakesBackItsOwnRolloutAndNobodyElses) {
  for (const char* phase : {"stepping", "awaiting_promotion", "promoting"}) {
    World world = in_step(0);
    if (phase == std::string("promoting")) {
      ASSERT_TRUE(world.reach("awaiting_promotion"));
      world.ask(Intent::Kind::promote);
    }
    ASSERT_TRUE(world.reach(phase));
    world.ask(interrupted("v3"));
    world.turn();
    EXPECT_EQ(world.phase(), phase);
    EXPECT_TRUE(world.answer().accepted);
    EXPECT_EQ(world.answer().rollout, "") << "there is nothing to follow";
    EXPECT_NE(world.answer().text.find("not the deploy of v3 and is left as it is"),
              std::string::npos)
        << world.answer().text;
  }
  for (const char* version : {"v2", ""}) {  // "": a daemon that ends means whichever runs
    World world = in_step(0);
    world.ask(interrupted(version));
    world.turn();
    EXPECT_EQ(world.answer().rollout, "shop-1");
    ASSERT_TRUE(world.reach("rolled_back"));
    EXPECT_EQ(world.finished[0].cause.kind, "interrupted");
  }
}

TEST(DecideIntents, AnInterruptedDeployWithdrawsItselfFromTheQueueAndNobodyElse) {
  for (const char* version : {"v2", "v3", "v4"}) {
    World world = in_step(2);
    world.ask(superseding("v3"));
    world.ask(interrupted(version));
    world.turn();
    EXPECT_TRUE(world.answer().accepted);
    ASSERT_EQ(world.phase(), "rolling_back");
    EXPECT_EQ(world.status.queued.has_value(), version != std::string("v3")) << version;
  }
}

TEST(DecideIntents, ADeployOfWhatIsQueuedFollowsThatAndNotTheRolloutThatIsTakenBack) {
  for (const char* version : {"v2", "v3"}) {  // v2: the same version over again
    World world = in_step(2);
    Intent intent = superseding(version);
    world.ask(intent);
    world.turn();
    ASSERT_EQ(world.phase(), "rolling_back");
    intent.supersede = false;
    intent.promote = true;
    world.ask(intent);
    world.turn();
    EXPECT_TRUE(world.answer().accepted) << world.answer().text;
    EXPECT_EQ(world.answer().rollout, "shop-2") << world.answer().text;
    ASSERT_TRUE(world.reach("stepping"));
    EXPECT_EQ(world.status.rollout->id, "shop-2");
    EXPECT_EQ(world.status.rollout->to, version);
    EXPECT_TRUE(world.status.rollout->promote) << "as the second asked";
  }
}

TEST(DecideIntents, AnInterruptedDeployThatWaitsIsCalledOffUnlessItWasToStay) {
  for (const bool hold : {false, true}) {
    World world = in_step(2);
    world.status.rollout->hold = !hold;  // of the one that runs, which is nothing to the other
    world.ask(superseding("v3", hold));
    world.turn();
    world.ask(interrupted("v3"));
    world.turn();
    EXPECT_EQ(world.status.queued.has_value(), hold) << world.answer().text;
  }
}

TEST(DecideIntents, ANumberThatOneDeployWasToldIsNobodyElses) {
  World world = in_step(2);
  world.ask(superseding("v3"));
  world.turn();
  EXPECT_EQ(world.answer().rollout, "shop-2");
  world.ask(superseding("v4"));
  world.turn();
  EXPECT_EQ(world.answer().rollout, "shop-3");
  world.ask(Intent::Kind::rollback);  // calls that off as well
  ASSERT_TRUE(world.reach("rolled_back"));
  world.deploying("v5");
  EXPECT_EQ(world.answer().rollout, "shop-4");
  EXPECT_EQ(world.status.rollout->id, "shop-4");
}

TEST(DecideIntents, SupersedesByTakingTheFirstBackToZero) {
  World world = in_step(2);
  world.ask(superseding("v3"));
  world.turn();
  EXPECT_TRUE(world.answer().accepted);
  EXPECT_EQ(world.answer().rollout, "shop-2");
  EXPECT_TRUE(world.traffic.weight.is_zero());
  ASSERT_TRUE(world.reach("awaiting_promotion"));
  EXPECT_EQ(world.status.rollout->id, "shop-2");
  EXPECT_EQ(world.status.rollout->to, "v3");
  EXPECT_EQ(world.finished[0].cause.kind, "superseded");
}

TEST(DecideIntents, AnswersAnIntentOnceThoughItIsSeenAgain) {
  World world = in_step(0);
  const std::size_t answered = world.answers.size();
  Observation seen;
  seen.traffic = world.traffic;
  seen.workload = WorkloadSeen{world.stable, world.canary};
  seen.sample = Sample{};
  Intent old;
  old.id = 1;
  old.kind = Intent::Kind::rollback;
  seen.intents = {old};
  const Decision decision = decide(world.release, world.status, seen, world.now);
  EXPECT_TRUE(decision.answers.empty());
  EXPECT_EQ(phase_name(decision.next.phase), "stepping");
  EXPECT_EQ(world.answers.size(), answered);
}

TEST(DecideIntents, PausesAndGoesOnWhereItStood) {
  World world = in_step(1);
  world.turns(20);
  const Duration held = std::get<Stepping>(world.status.phase).held;
  world.ask(Intent::Kind::pause);
  world.turns(100);
  ASSERT_EQ(world.phase(), "holding");
  EXPECT_EQ(world.traffic.weight, weight(25));
  world.ask(Intent::Kind::resume);
  world.turns(2);
  ASSERT_EQ(world.phase(), "stepping");
  EXPECT_GE(std::get<Stepping>(world.status.phase).held, held);
  EXPECT_LE(std::get<Stepping>(world.status.phase).held, held + 3s);
}

TEST(DecideIntents, WhatCannotBePausedOrResumedNamesTheNextCommand) {
  World world;
  world.initialised();
  for (const auto kind : {Intent::Kind::pause, Intent::Kind::resume}) {
    world.ask(kind);
    world.turn();
    EXPECT_FALSE(world.answer().accepted);
    EXPECT_NE(world.answer().text.find("`deploy VERSION`"), std::string::npos);
  }
  world.deploying("v2");
  ASSERT_TRUE(world.reach("stepping"));
  world.ask(Intent::Kind::resume);
  world.turn();
  EXPECT_NE(world.answer().text.find("`status`"), std::string::npos) << world.answer().text;
  ASSERT_TRUE(world.reach("awaiting_promotion"));
  world.ask(Intent::Kind::resume);
  world.turn();
  EXPECT_NE(world.answer().text.find("`promote` ends it"), std::string::npos);
}

TEST(DecideIntents, SetsAWeightByHandAndStartsTheStepAnewOnResume) {
  World world = in_step(1);
  Intent intent;
  intent.kind = Intent::Kind::traffic;
  intent.weight = weight(10);
  world.ask(intent);
  world.turns(3);
  EXPECT_EQ(world.phase(), "holding");
  EXPECT_EQ(world.traffic.weight, weight(10));
  world.ask(Intent::Kind::resume);
  world.turns(3);
  EXPECT_EQ(world.traffic.weight, weight(25));
}

TEST(DecideIntents, RefusesAWeightWithoutACanary) {
  World world;
  world.initialised();
  Intent intent;
  intent.kind = Intent::Kind::traffic;
  intent.weight = weight(10);
  world.ask(intent);
  world.turn();
  EXPECT_FALSE(world.answer().accepted);
  EXPECT_TRUE(world.weights.empty());
}

TEST(DecideIntents, SkipsStepsOnlyWhenToldAndReportsIt) {
  World world = in_step(1);
  world.ask(Intent::Kind::promote);
  world.turn();
  EXPECT_FALSE(world.answer().accepted);
  Intent intent;
  intent.kind = Intent::Kind::promote;
  intent.skip_steps = true;
  world.ask(intent);
  ASSERT_TRUE(world.reach("succeeded"));
  EXPECT_EQ(world.finished[0].rollout.steps.back().outcome, "skipped");
}

TEST(DecideIntents, RefusesToStartOutsideItsWindowUnlessForced) {
  World world;
  world.initialised();
  world.closed = "freeze until 2027-01-03: holidays";
  world.deploying("v2");
  EXPECT_FALSE(world.answer().accepted);
  Intent intent;
  intent.kind = Intent::Kind::deploy;
  intent.version = "v2";
  intent.force = true;
  world.ask(intent);
  world.turn();
  EXPECT_TRUE(world.answer().accepted);
  EXPECT_NE(world.answer().text.find("holidays"), std::string::npos);
}

TEST(DecideIntents, NeedsInitBeforeTheFirstDeploy) {
  World world;
  world.deploying("v2");
  EXPECT_FALSE(world.answer().accepted);
  EXPECT_NE(world.answer().text.find("init"), std::string::npos);
}

TEST(DecideIntents, HasNothingToDoForTheVersionThatStableRuns) {
  World world;
  world.initialised().deploying("v1");
  EXPECT_TRUE(world.answer().accepted);
  EXPECT_EQ(world.answer().rollout, "");
  EXPECT_FALSE(is_running(world.status.phase));
}

TEST(DecideIntents, WithNothingToTakeBackTheAnswerNamesNoRolloutNotEvenTheLast) {
  World world;
  world.initialised().deploying("v2");
  world.ask(Intent::Kind::rollback);
  ASSERT_TRUE(world.reach("rolled_back"));
  ASSERT_NE(world.answer().rollout, "");
  Intent none;
  none.kind = Intent::Kind::traffic;
  world.ask(none);
  world.turn();
  EXPECT_TRUE(world.answer().accepted);
  EXPECT_EQ(world.answer().rollout, "");
  for (const auto kind : {Intent::Kind::rollback, Intent::Kind::cleanup}) {
    world.ask(kind);
    world.turn();
    EXPECT_TRUE(world.answer().accepted);
    EXPECT_EQ(world.answer().rollout, "");
  }
}

TEST(DecideIntents, RefusesVersionsWithShellCharacters) {
  World world;
  world.initialised();
  for (const char* version : {"v1;rm", "$(id)", "../x", "-v", "a b", ""}) {
    world.deploying(version);
    EXPECT_FALSE(world.answer().accepted) << version;
    EXPECT_EQ(world.answer().code, Code::invalid) << version;
  }
}

TEST(DecideIntents, TellsPeopleAndStopsWhenDelivered) {
  Release release = testing::a_release();
  release.notify = {{"https://hooks.example/x", Webhook::Format::json, {"rolled_back"}}};
  World world(release);
  world.versions["v2"].error_share = 1.0;
  world.initialised().deploying("v2");
  ASSERT_TRUE(world.reach("rolled_back"));
  world.turn();
  ASSERT_FALSE(world.sent.empty());
  EXPECT_EQ(world.sent[0].event, "rolled_back");
  ASSERT_EQ(world.status.outbox.size(), 1U);
  Observation seen;
  seen.traffic = world.traffic;
  seen.workload = WorkloadSeen{world.stable, world.canary};
  seen.sample = Sample{};
  seen.delivered = {world.status.outbox[0].id};
  EXPECT_TRUE(decide(world.release, world.status, seen, world.now).next.outbox.empty());
}

TEST(DecideIntents, ResumesToPreparingWithWeightZeroThoughSomeoneHadSetAnother) {
  World world;
  world.versions["v2"].ready = false;
  world.initialised().deploying("v2");
  world.turns(2);
  world.traffic = TrafficSeen{weight(100), false, ""};
  world.turn();
  ASSERT_EQ(world.phase(), "holding");
  world.versions["v2"].ready = true;
  world.canary = TrackSeen{};
  world.ask(Intent::Kind::resume);
  EXPECT_TRUE(world.reach("awaiting_promotion", 10min)) << world.status.reason;
}

TEST(DecideIntents, ReportsEveryStepThatAPromotionSkipped) {
  for (const bool from_preparing : {false, true}) {
    World world;
    world.versions["v2"].ready = !from_preparing;
    world.initialised().deploying("v2");
    if (from_preparing) {
      world.ask(Intent::Kind::pause);
      world.turns(2);
      for (Instance& instance : world.canary.instances) instance.state = Instance::State::ready;
    } else {
      ASSERT_TRUE(world.reach("stepping"));
    }
    Intent intent;
    intent.kind = Intent::Kind::promote;
    intent.skip_steps = true;
    world.ask(intent);
    world.turn();
    ASSERT_EQ(world.phase(), "promoting");
    const auto& steps = world.status.rollout->steps;
    ASSERT_EQ(steps.size(), 4U);
    for (std::size_t i = 0; i < steps.size(); ++i) {
      EXPECT_EQ(steps[i].index, static_cast<int>(i));
      EXPECT_EQ(steps[i].outcome, "skipped");
    }
  }
}

}  // namespace
}  // namespace linnet::core
