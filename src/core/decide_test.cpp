// decide() as a person sees it: what happens to a release, told in turns of one second.
#include "core/decide.h"

#include <gtest/gtest.h>

#include "core/testing.h"

namespace linnet::core {
namespace {

using testing::Behaviour;
using testing::World;

constexpr auto weight = [](int percent) { return Percent::whole(percent); };

World in_step(int index, Release release = testing::a_release()) {
  World world(std::move(release));
  world.initialised().deploying("v2");
  for (int guard = 0; guard < 1000; ++guard) {
    const auto* step = std::get_if<Stepping>(&world.status.phase);
    if (step != nullptr && step->index == index && step->in_force) break;
    world.turn();
  }
  return world;
}

TEST(Decide, CarriesAGoodVersionThroughAllStepsAndWaitsForPromotion) {
  World world;
  world.initialised().deploying("v2");
  ASSERT_TRUE(world.reach("awaiting_promotion"));
  EXPECT_EQ(world.weights, (std::vector{weight(5), weight(25), weight(50), weight(100)}));
  EXPECT_EQ(world.status.rollout->steps.size(), 4U);
  for (const StepResult& step : world.status.rollout->steps) {
    EXPECT_EQ(step.outcome, "passed");
    EXPECT_GE(step.held, 60s);
    EXPECT_GE(step.canary.requests, 20);
  }
}

TEST(Decide, PromotesByRollingStableWhileTheCanaryCarriesAll) {
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

TEST(Decide, PromotesByItselfWhenTheSpecSaysSo) {
  Release release = testing::a_release();
  release.promotion = Promotion::automatic;
  World world(release);
  world.initialised().deploying("v2");
  EXPECT_TRUE(world.reach("succeeded"));
}

TEST(Decide, TakesACanaryThatFailsHalfOfItsRequestsBackWithinSeconds) {
  World world;
  world.versions["v2"].error_share = 0.5;
  world.initialised().deploying("v2");
  ASSERT_TRUE(world.reach("stepping"));
  int seconds = 0;
  while (world.phase() == "stepping" && seconds < 60) {
    world.turn();
    ++seconds;
  }
  EXPECT_LE(seconds, 8);  // 5 canary requests a second
  ASSERT_TRUE(world.reach("rolled_back"));
  EXPECT_EQ(std::get<RolledBack>(world.status.phase).cause.kind, "error_rate");
  EXPECT_TRUE(world.traffic.taken_back);
}

TEST(Decide, TheJournalTellsTheCauseOfARollbackWithItsVerdictAndItsBeginning) {
  World world;
  world.versions["v2"].error_share = 0.5;
  world.initialised().deploying("v2");
  ASSERT_TRUE(world.reach("rolled_back"));
  const std::string cause = std::get<RolledBack>(world.status.phase).cause.text;
  std::vector<std::string> told;
  for (const std::string& line : world.journal)
    if (line.find(cause) != std::string::npos) told.push_back(line);
  EXPECT_EQ(told, (std::vector{"verdict " + cause, "phase rolling_back: " + cause}));
  EXPECT_TRUE(world.journal_has("weight 5 % -> 0 %: taken back"));
  EXPECT_EQ(world.status.reason, "v2 taken back to v1: " + cause);
}

TEST(Decide, TheJournalTellsWhatWasAskedBeforeWhatItChanged) {
  World world;
  world.initialised().deploying("v2");
  ASSERT_GE(world.last.entries.size(), 2U);
  EXPECT_EQ(world.last.entries[0].kind, "intent");
  EXPECT_EQ(world.last.entries[1].kind, "phase");
}

TEST(Decide, TakesASlowCanaryBack) {
  World world;
  world.versions["v2"].slow_share = 1.0;
  world.initialised().deploying("v2");
  ASSERT_TRUE(world.reach("rolled_back"));
  EXPECT_EQ(std::get<RolledBack>(world.status.phase).cause.kind, "latency_p95");
}

TEST(Decide, FindsFaultsThatShowOnlyAtALaterStep) {
  World world;
  world.versions["v2"] = Behaviour{.error_share = 0.3, .from_weight = 50};
  world.initialised().deploying("v2");
  ASSERT_TRUE(world.reach("rolled_back"));
  ASSERT_EQ(world.status.rollout->steps.size(), 3U);
  EXPECT_EQ(world.status.rollout->steps[2].outcome, "failed");
}

TEST(Decide, JudgesByThePlainRuleAtTheEndOfAStep) {
  Release release = testing::a_release();
  release.analysis.early_fail = false;
  release.steps = {{weight(50), 60s}};
  World world(release);
  world.versions["v2"].error_share = 0.06;  // limit 5 %
  world.initialised().deploying("v2");
  ASSERT_TRUE(world.reach("rolled_back"));
  EXPECT_GE(world.status.rollout->steps[0].held, 60s);
}

TEST(Decide, NeverRollsBackEarlyWithoutAMeasuredValueAboveTheLimit) {
  Release release = testing::a_release();
  World world(release);
  world.versions["v2"].error_share = 0.04;
  world.initialised().deploying("v2");
  EXPECT_TRUE(world.reach("awaiting_promotion"));
}

TEST(Decide, AClockThatIsSetBackAnHourNeitherShortensNorLengthensAStep) {
  World world = in_step(0);
  world.turns(10);
  const Duration held = std::get<Stepping>(world.status.phase).held;
  world.now.wall.ms -= 3'600'000;
  world.turns(10);
  EXPECT_EQ(std::get<Stepping>(world.status.phase).held, held + 10s);
  world.now.wall.ms += 7'200'000;
  world.turns(10);
  EXPECT_EQ(std::get<Stepping>(world.status.phase).held, held + 20s);
  EXPECT_TRUE(world.reach("awaiting_promotion"));
}

TEST(Decide, HoldsWhenTheMetricsAreUnreachableAndThenRollsBack) {
  World world = in_step(0);
  world.metrics_down = true;
  const Duration held = std::get<Stepping>(world.status.phase).held;
  world.turns(200);
  ASSERT_EQ(world.phase(), "stepping");
  EXPECT_EQ(std::get<Stepping>(world.status.phase).held, held);
  ASSERT_TRUE(world.reach("rolled_back", 10min));
  EXPECT_EQ(std::get<RolledBack>(world.status.phase).cause.kind, "no_data");
}

TEST(Decide, NeverAdvancesWithoutCanaryRequests) {
  World world;
  world.requests_per_second = 0;
  world.initialised().deploying("v2");
  world.turns(250);
  EXPECT_EQ(world.phase(), "stepping");
  EXPECT_EQ(std::get<Stepping>(world.status.phase).index, 0);
  ASSERT_TRUE(world.reach("rolled_back", 10min));
  EXPECT_EQ(std::get<RolledBack>(world.status.phase).cause.kind, "no_data");
}

TEST(Decide, HoldsForeverWithoutDataWhenTheSpecSaysHold) {
  Release release = testing::a_release();
  release.no_data.then = Then::hold;
  World world(release);
  world.requests_per_second = 0;
  world.initialised().deploying("v2");
  world.turns(1000);
  EXPECT_EQ(world.phase(), "holding");
  EXPECT_EQ(world.traffic.weight, weight(5));
}

TEST(Decide, WaitsForTheMinimumOfRequests) {
  World world;
  world.requests_per_second = 4;  // 0.2 canary requests a second: 12 in the first step's minute
  world.initialised().deploying("v2");
  ASSERT_TRUE(world.reach("stepping"));
  while (std::get<Stepping>(world.status.phase).held < 60s) world.turn();
  world.turn();
  EXPECT_EQ(std::get<Stepping>(world.status.phase).index, 0);
  EXPECT_NE(world.status.reason.find("of the 20 requests"), std::string::npos)
      << world.status.reason;
}

TEST(Decide, SendsNoTrafficBeforeTheCanaryIsReady) {
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

TEST(Decide, TakesACrashLoopingCanaryBack) {
  World world;
  world.versions["v2"].crash_loop = true;
  world.versions["v2"].ready = false;
  world.initialised().deploying("v2");
  ASSERT_TRUE(world.reach("rolled_back", 10s));
  EXPECT_EQ(std::get<RolledBack>(world.status.phase).cause.kind, "health");
}

TEST(Decide, DoesNotStartTheClockBeforeTheWeightIsReadBack) {
  World world;
  world.applies_weight = false;
  world.initialised().deploying("v2");
  world.turns(120);
  ASSERT_EQ(world.phase(), "stepping");
  EXPECT_EQ(std::get<Stepping>(world.status.phase).held, 0s);
}

TEST(Decide, HoldsWhenSomeoneElseSetsTheWeightAndNeverRaisesItAgain) {
  World world = in_step(1);
  world.weights.clear();
  world.traffic = TrafficSeen{Percent(), false, "kubectl"};
  world.turns(300);
  EXPECT_EQ(world.phase(), "holding");
  EXPECT_NE(world.status.reason.find("kubectl"), std::string::npos);
  EXPECT_TRUE(world.weights.empty());
}

TEST(Decide, ReadsAWeightThatWasTakenBackAsARollback) {
  World world = in_step(1);
  world.weights.clear();
  world.traffic = TrafficSeen{Percent(), true, "guardian"};
  ASSERT_TRUE(world.reach("rolled_back"));
  EXPECT_TRUE(world.weights.empty());
  EXPECT_EQ(std::get<RolledBack>(world.status.phase).cause.kind, "taken_back");
}

TEST(Decide, ClearsTheMarkOfTheLastRollbackBeforeTheNextRollout) {
  World world = in_step(0);
  world.ask(Intent::Kind::rollback);
  ASSERT_TRUE(world.reach("rolled_back"));
  ASSERT_TRUE(world.traffic.taken_back);
  world.deploying("v3");
  EXPECT_TRUE(world.reach("awaiting_promotion"));
}

TEST(Decide, RollsBackOnRequestFromEveryRunningPhase) {
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

TEST(Decide, RollsBackBeforeTheStoreIsAsked) {
  World world = in_step(2);
  world.ask(Intent::Kind::rollback);
  world.turn();
  const Result<TrafficSeen> seen = TrafficSeen{};
  ASSERT_FALSE(world.last.effects.empty());
  EXPECT_TRUE(is_urgent(world.last.effects[0], seen));
  EXPECT_TRUE(world.last.save);
}

TEST(Decide, RefusesASecondDeployAndNamesTheFirst) {
  World world = in_step(0);
  world.deploying("v3");
  EXPECT_FALSE(world.answer().accepted);
  EXPECT_EQ(world.answer().code, Code::conflict);
  EXPECT_NE(world.answer().text.find("shop-1"), std::string::npos);
  EXPECT_NE(world.answer().text.find("--supersede"), std::string::npos);
}

TEST(Decide, ADeployOfWhatIsUnderWayFollowsIt) {
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

TEST(Decide, SupersedesByTakingTheFirstBackToZero) {
  World world = in_step(2);
  Intent intent;
  intent.kind = Intent::Kind::deploy;
  intent.version = "v3";
  intent.supersede = true;
  world.ask(intent);
  world.turn();
  EXPECT_TRUE(world.answer().accepted);
  EXPECT_EQ(world.answer().rollout, "shop-2");
  EXPECT_TRUE(world.traffic.weight.is_zero());
  ASSERT_TRUE(world.reach("awaiting_promotion"));
  EXPECT_EQ(world.status.rollout->id, "shop-2");
  EXPECT_EQ(world.status.rollout->to, "v3");
  EXPECT_EQ(world.finished[0].cause.kind, "superseded");
}

TEST(Decide, AnswersAnIntentOnceThoughItIsSeenAgain) {
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

TEST(Decide, PausesAndGoesOnWhereItStood) {
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

TEST(Decide, SetsAWeightByHandAndStartsTheStepAnewOnResume) {
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

TEST(Decide, RefusesAWeightWithoutACanary) {
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

TEST(Decide, SkipsStepsOnlyWhenToldAndReportsIt) {
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

TEST(Decide, FreezesInsteadOfRollingBackWhenTheSpecSaysHold) {
  Release release = testing::a_release();
  release.on_failure = Then::hold;
  World world(release);
  world.versions["v2"].error_share = 0.5;
  world.initialised().deploying("v2");
  ASSERT_TRUE(world.reach("holding"));
  world.turns(120);
  EXPECT_EQ(world.phase(), "holding");
  EXPECT_EQ(world.traffic.weight, weight(5));
  EXPECT_TRUE(world.status.reason.ends_with("waiting for a person: resume, promote or rollback"))
      << world.status.reason;
  world.ask(Intent::Kind::rollback);
  EXPECT_TRUE(world.reach("rolled_back"));
}

TEST(Decide, RefusesToStartOutsideItsWindowUnlessForced) {
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

TEST(Decide, NeedsInitBeforeTheFirstDeploy) {
  World world;
  world.deploying("v2");
  EXPECT_FALSE(world.answer().accepted);
  EXPECT_NE(world.answer().text.find("init"), std::string::npos);
}

TEST(Decide, HasNothingToDoForTheVersionThatStableRuns) {
  World world;
  world.initialised().deploying("v1");
  EXPECT_TRUE(world.answer().accepted);
  EXPECT_EQ(world.answer().rollout, "");
  EXPECT_FALSE(is_running(world.status.phase));
}

TEST(Decide, RefusesVersionsWithShellCharacters) {
  World world;
  world.initialised();
  for (const char* version : {"v1;rm", "$(id)", "../x", "-v", "a b", ""}) {
    world.deploying(version);
    EXPECT_FALSE(world.answer().accepted) << version;
    EXPECT_EQ(world.answer().code, Code::invalid) << version;
  }
}

TEST(Decide, FailsInitWithTheRoutersWordsWhenTheRouterNeverAnswers) {
  World world;
  world.router_down = true;
  world.ask(Intent::Kind::init, "v1");
  ASSERT_TRUE(world.reach("failed"));
  EXPECT_EQ(world.status.reason, "stable v1 does not get ready: the router does not answer");
}

TEST(Decide, FailsInitWhenStableNeverGetsReady) {
  World world;
  world.versions["v1"].ready = false;
  world.initialised();
  ASSERT_TRUE(world.reach("failed", 20min));
  world.ask(Intent::Kind::init, "v0");
  world.turns(4);
  EXPECT_EQ(world.phase(), "idle");
  EXPECT_EQ(world.stable.ready_of("v0"), 2);
}

TEST(Decide, EndsARollbackAsFailedWhenStableDoesNotComeBack) {
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

TEST(Decide, EndsARollbackAtOnceWhenStableKeepsDying) {
  World world = in_step(1);
  world.versions["v1"].crash_loop = true;
  world.versions["v1"].ready = false;
  world.stable.instances.clear();
  world.ask(Intent::Kind::rollback);
  ASSERT_TRUE(world.reach("failed", 1min)) << world.phase() << ": " << world.status.reason;
}

TEST(Decide, DrainsACanaryToWhichSomebodySentTrafficJustBeforeTheRolloutBegan) {
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

TEST(Decide, RollsBackAPromotionWhoseStableDoesNotGetReady) {
  World world;
  world.initialised().deploying("v2");
  ASSERT_TRUE(world.reach("awaiting_promotion"));
  world.versions["v2"].ready = false;  // stable's new instances; the canary's stay as they are
  world.ask(Intent::Kind::promote);
  ASSERT_TRUE(world.reach("rolled_back")) << world.phase() << ": " << world.status.reason;
  EXPECT_EQ(std::get<RolledBack>(world.status.phase).cause.kind, "promotion");
  EXPECT_EQ(world.stable.ready_of("v1"), 2);
}

TEST(Decide, WatchesACanaryThatWaitsForPromotion) {
  World world;
  world.initialised().deploying("v2");
  ASSERT_TRUE(world.reach("awaiting_promotion"));
  world.turns(300);
  ASSERT_EQ(world.phase(), "awaiting_promotion");
  world.versions["v2"].error_share = 0.3;
  EXPECT_TRUE(world.reach("rolled_back", 2min));
}

TEST(Decide, GivesNoCreditForTimeInWhichItWasStalled) {
  World world = in_step(0);
  const Duration held = std::get<Stepping>(world.status.phase).held;
  world.turn(50s);
  EXPECT_LE(std::get<Stepping>(world.status.phase).held, held + 5s);
}

TEST(Decide, DoesNotCareWhenTheWallClockStepsBack) {
  World world = in_step(0);
  world.now.wall.ms -= 3'600'000;
  EXPECT_TRUE(world.reach("awaiting_promotion", 10min));
}

TEST(Decide, GoesOnFromASavedStatusWithoutSkippingAStep) {
  World world = in_step(1);
  world.turns(30);
  world.status = resumed(world.status);
  world.now.mono = MonoTime{5};  // another boot
  world.turns(3);
  ASSERT_EQ(world.phase(), "stepping");
  EXPECT_EQ(std::get<Stepping>(world.status.phase).index, 1);
  EXPECT_LE(std::get<Stepping>(world.status.phase).held, 35s);
  EXPECT_TRUE(world.reach("awaiting_promotion"));
}

TEST(Decide, RefusesCountsThatCannotBeTrue) {
  World world = in_step(0);
  Observation seen;
  seen.traffic = world.traffic;
  seen.workload = WorkloadSeen{world.stable, world.canary};
  Sample sample;
  sample.canary.requests = 5;
  sample.canary.bad = 9;
  seen.sample = sample;
  const Decision decision = decide(world.release, world.status, seen, world.now);
  EXPECT_EQ(decision.next.stage, world.status.stage);
  EXPECT_EQ(decision.next.evidence, world.status.evidence);
}

TEST(Decide, TellsPeopleAndStopsWhenDelivered) {
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

TEST(Decide, GrowsTheCanaryWithItsWeightBeforeTheWeight) {
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

TEST(Decide, SavesBeforeTheCanaryOfARollbackIsStopped) {
  Release release = testing::a_release();
  std::get<ProcessWorkload>(release.workload).stop.drain = 3s;
  World world = in_step(0, release);
  world.ask(Intent::Kind::rollback);
  for (int guard = 0; guard < 20 && world.status.canary_replicas > 0; ++guard) world.turn();
  ASSERT_EQ(world.status.canary_replicas, 0);
  EXPECT_TRUE(world.last.save);
}

// The canary carries traffic again while it drains (a write came late): it is not stopped under it.
TEST(Decide, DoesNotStopACanaryWhoseWeightCameBack) {
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

TEST(Decide, GoesOnWithAnAutomaticPromotionAfterAHold) {
  Release release = testing::a_release();
  release.promotion = Promotion::automatic;
  std::get<ProcessWorkload>(release.workload).stop.drain = 3s;
  World world(release);
  world.initialised().deploying("v2");
  ASSERT_TRUE(world.reach("promoting"));
  world.turn();
  world.traffic = TrafficSeen{weight(40), false, "kubectl"};
  world.turn();
  ASSERT_EQ(world.phase(), "holding");
  world.ask(Intent::Kind::resume);
  EXPECT_TRUE(world.reach("succeeded", 5min));
}

TEST(Decide, LowersAWeightThatSomeoneSetsWhileThePromotedCanaryGoes) {
  Release release = testing::a_release();
  release.promotion = Promotion::automatic;
  std::get<ProcessWorkload>(release.workload).stop.drain = 5s;
  World world(release);
  world.initialised().deploying("v2");
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

TEST(Decide, DrainsAPromotedCanaryAnewThatGotTrafficWhenItWasToStop) {
  Release release = testing::a_release();
  release.promotion = Promotion::automatic;
  std::get<ProcessWorkload>(release.workload).stop.drain = 5s;
  World world(release);
  world.initialised().deploying("v2");
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

TEST(Decide, DrainsACanaryAnewAfterAnUnsavedSwitchThoughItIsToStopAlready) {
  Status status;
  status.phase = RollingBack{{"operator", "asked"}, RollingBack::Part::canary_stops, 0ms};
  const Status anew = drained_anew(status, MonoTime{1000});
  EXPECT_EQ(std::get<RollingBack>(anew.phase).part, RollingBack::Part::weight_down);
  EXPECT_GT(anew.weight_before, Percent()) << "it may have had traffic";
}

TEST(Decide, BringsStableBackBeforeItCallsAPromotionDone) {
  Release release = testing::a_release();
  release.promotion = Promotion::automatic;
  World world(release);
  world.initialised().deploying("v2");
  ASSERT_TRUE(world.reach("promoting"));
  for (int guard = 0; guard < 200 && !world.journal_has("promoting: stopping the canary"); ++guard)
    world.turn();
  world.stable.instances.clear();  // scaled to 0 by someone
  world.turn();
  EXPECT_EQ(world.phase(), "promoting") << "nobody would answer";
  ASSERT_TRUE(world.reach("succeeded"));
  EXPECT_GT(world.stable.count(), 0);
}

TEST(Decide, ResumesToPreparingWithWeightZeroThoughSomeoneHadSetAnother) {
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

// Decided while the canary was ready, lost on its way; now its instances are gone.
TEST(Decide, DoesNotRaiseTheWeightForACanaryThatIsNotReadyAnyMore) {
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

// It waits for more instances before the next weight, and meanwhile has traffic at the last one.
TEST(Decide, JudgesACanaryThatWaitsForMoreInstances) {
  Release release = testing::a_release();
  std::get<ProcessWorkload>(release.workload).replicas = 8;
  std::get<ProcessWorkload>(release.workload).health.startup = 5min;
  World world = in_step(0, release);
  while (std::get<Stepping>(world.status.phase).index == 0) world.turn();
  world.versions["v2"] = Behaviour{.error_share = 0.8, .ready = true};
  for (int second = 0; second < 10 && world.phase() == "stepping"; ++second) {
    world.canary.instances.resize(1);  // the second one does not come
    world.turn();
  }
  EXPECT_EQ(world.weights.back(), weight(0));
  EXPECT_EQ(world.phase(), "rolling_back");
}

TEST(Decide, DoesNotRaiseTheWeightAfterAFailureThatHolds) {
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

TEST(Decide, JudgesACanaryThatWaitsForInstancesForAWeightSetByHand) {
  Release release = testing::a_release();
  std::get<ProcessWorkload>(release.workload).replicas = 8;
  std::get<ProcessWorkload>(release.workload).health.startup = 5min;
  World world = in_step(0, release);
  Intent intent;
  intent.kind = Intent::Kind::traffic;
  intent.weight = weight(60);
  world.ask(intent);
  world.turn();
  world.versions["v2"] = Behaviour{.error_share = 0.8, .ready = true};
  for (int second = 0; second < 10 && world.phase() == "holding"; ++second) {
    world.canary.instances.resize(1);
    world.turn();
  }
  EXPECT_EQ(world.weights.back(), weight(0));
}

TEST(Decide, ReportsEveryStepThatAPromotionSkipped) {
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

// Good at first, above the limit since the step was begun anew: the old counts pass nothing.
TEST(Decide, DoesNotPassEarlyOnWhatWasCountedBeforeAHold) {
  Release release = testing::a_release();
  release.analysis.early_pass = true;
  release.analysis.early_fail = false;
  World world = in_step(0, release);
  world.requests_per_second = 4000;
  world.turns(8);
  Intent intent;
  intent.kind = Intent::Kind::traffic;
  intent.weight = weight(6);
  world.ask(intent);
  world.turns(3);
  world.versions["v2"].error_share = 0.06;
  world.ask(Intent::Kind::resume);
  world.turns(30);
  ASSERT_EQ(world.phase(), "stepping");
  EXPECT_EQ(std::get<Stepping>(world.status.phase).index, 0);
}

// The router is slow: 5 % is on its way while 0 % is still read. Taken back, 0 % is written all the
// same.
TEST(Decide, WritesTheSwitchBackThoughTheRaiseDoesNotShowYet) {
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
TEST(Decide, RemembersThatTheWeightWasReadBack) {
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
  world.status = resumed(saved);
  world.turns(5);
  EXPECT_EQ(world.phase(), "holding");
  EXPECT_TRUE(world.weights.empty());
}

TEST(Decide, TakesACanaryBackWhoseWeightDoesNotComeIntoForce) {
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

TEST(Decide, WritesARaiseThatWasLeftHalfDoneAgainAndCountsItOnlyThen) {
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

TEST(Decide, NeverStopsACanaryOfWhichASwitchToZeroWasLeftHalfDone) {
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

TEST(Decide, SeesARollbackThroughThatWasLeftHalfDoneBeforeItWasSaved) {
  World world = in_step(1);
  world.traffic = apart(Percent(), "", true);
  world.turn();
  EXPECT_EQ(world.phase(), "rolling_back");
  EXPECT_TRUE(world.traffic.is(Percent()));
  EXPECT_TRUE(world.reach("rolled_back"));
}

TEST(Decide, HoldsWhenSomeoneElseSetsTheWeightInOneOfSeveralObjects) {
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

TEST(Decide, DrainsWhatHadTrafficThoughTheObjectThatWasReadSaysZero) {
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

TEST(LatencyBoundaries, HoldTheLimitsOfTheChecks) {
  Release release = testing::a_release();
  release.checks[1].rule = LatencyCheck{Percent::whole(99), 730ms};
  const std::vector<double> bounds = latency_boundaries(release);
  EXPECT_TRUE(std::binary_search(bounds.begin(), bounds.end(), 730.0));
}

}  // namespace
}  // namespace linnet::core
