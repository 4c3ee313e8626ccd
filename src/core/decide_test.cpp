// decide() as a person sees it: what happens to a release, told in turns of one second. Here steps
// and what is judged in them; intents, the weight and the endings have files of their own.
#include <gtest/gtest.h>

#include <functional>

#include "core/testing.h"

namespace linnet::core {
namespace {

using testing::Behaviour;
using testing::in_step;
using testing::weight;
using testing::World;

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
  world.journal.clear();
  world.turns(200);
  EXPECT_EQ(world.times_told("no metrics for 5s"), 1) << "not only to who asks";
  ASSERT_EQ(world.phase(), "stepping");
  EXPECT_EQ(std::get<Stepping>(world.status.phase).held, held);
  ASSERT_TRUE(world.reach("rolled_back", 10min));
  EXPECT_EQ(std::get<RolledBack>(world.status.phase).cause.kind, "no_data");
}

// A server that scrapes each half minute tells of requests that were sent at the weight before.
TEST(Decide, CountsNothingForAStepThatMayBeOfBeforeIt) {
  World world = in_step(0);
  world.reach_back = 30s;
  ASSERT_TRUE(world.reach("stepping"));
  while (std::get<Stepping>(world.status.phase).index == 0) world.turn();
  world.turns(29);
  EXPECT_FALSE(std::get<Stepping>(world.status.phase).in_force);
  EXPECT_NE(world.status.reason.find("told of no request since"), std::string::npos);
  EXPECT_EQ(world.status.stage.canary.requests, 0);
  world.turns(3);
  EXPECT_TRUE(std::get<Stepping>(world.status.phase).in_force);
  EXPECT_GT(world.status.stage.canary.requests, 0);
}

// The usual interval of a Prometheus on Kubernetes: a step of a minute takes a minute.
TEST(Decide, AServerThatIsScrapedEachHalfMinuteIsNotSilentBetween) {
  World world;
  world.scraped_every = 30s;
  world.initialised().turns(100);
  world.deploying("v2");
  const auto in_step = [&](int index) {
    const auto* step = std::get_if<Stepping>(&world.status.phase);
    return step != nullptr && step->index == index && step->in_force;
  };
  for (int guard = 0; guard < 200 && !in_step(1); ++guard) world.turn();
  ASSERT_TRUE(in_step(1));
  const MonoTime began = world.now.mono;
  while (in_step(1)) world.turn();
  EXPECT_EQ(world.now.mono - began, 60s) << "in force at a scrape, and passed at the second after";
  EXPECT_TRUE(world.reach("awaiting_promotion"));
  EXPECT_EQ(world.times_told("no request"), 0);
}

TEST(Decide, AServerThatTellsNothingAtItsNextScrapesIsSilent) {
  World world = in_step(0);
  world.scraped_every = 30s;
  world.turns(120);
  ASSERT_EQ(world.phase(), "stepping");
  world.requests_per_second = 0;
  const Duration held = std::get<Stepping>(world.status.phase).held;
  world.journal.clear();
  world.turns(60);
  ASSERT_EQ(world.phase(), "stepping");
  EXPECT_LE(std::get<Stepping>(world.status.phase).held, held + 33s);
  EXPECT_EQ(world.times_told("no request"), 1);
}

TEST(Decide, AnOutageOfTheMetricsIsNotTakenForTheirInterval) {
  World world = in_step(0, [] {
    Release release = testing::a_release();
    release.steps = {{weight(50), 10min}};
    return release;
  }());
  world.scraped_every = 5s;
  world.turns(20);
  world.scraped_every = 50s;
  world.turns(50);
  EXPECT_EQ(world.status.told_each.length(), 5s);
}

TEST(Decide, AReleaseWhoseOnlyCheckIsHealthComesIntoForceThoughItsMetricsTellLate) {
  Release release = testing::a_release();
  std::erase_if(release.checks, [](const Check& check) {
    return !std::holds_alternative<HealthCheck>(check.rule);
  });
  World world(release);
  world.reach_back = 15s;
  world.initialised().deploying("v2");
  EXPECT_TRUE(world.reach("awaiting_promotion"));
}

// While it waits for instances the canary is judged, by what it does at the weight before.
TEST(Decide, CountsForAStepOnlyWhatCameAtItsWeight) {
  World world = in_step(0);
  while (std::get<Stepping>(world.status.phase).index == 0) world.turn();
  const Percent before = world.traffic.weight;
  world.applies_weight = false;
  world.turns(20);
  EXPECT_EQ(world.traffic.weight, before);
  EXPECT_EQ(world.status.stage.canary.requests, 0);
  EXPECT_GT(world.status.stage.recent.requests, 0);
  world.applies_weight = true;
  world.turns(3);
  EXPECT_TRUE(std::get<Stepping>(world.status.phase).in_force);
  EXPECT_LE(world.status.stage.canary.requests, 3 * 100);
}

// The version before may have failed them.
TEST(Decide, HoldsNothingAgainstARolloutThatMayBeOfBeforeIt) {
  World world;
  world.initialised().deploying("v2");
  world.reach_back = 20s;
  world.versions["v2"].error_share = 1;
  while (std::holds_alternative<Preparing>(world.status.phase)) world.turn();
  world.turns(10);
  EXPECT_EQ(world.status.evidence.limits[0].threshold.requests, 0);
  EXPECT_TRUE(std::holds_alternative<Stepping>(world.status.phase));
  EXPECT_TRUE(world.reach("rolled_back"));
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

TEST(Decide, CountsThatAreMissingOnBothTracksAreNotTakenForACanaryWithoutRequests) {
  using Told = std::pair<std::ptrdiff_t, std::ptrdiff_t>;
  const auto told = [](const char* source, double requests_per_second, bool canary_answers) {
    Release release = testing::a_release();
    release.metrics.source = source;
    World world(release);
    world.requests_per_second = requests_per_second;
    world.applies_weight = canary_answers;
    world.initialised().deploying("v2");
    world.turns(60);
    return Told{world.times_told("the metrics count no request on either track for 15s"),
                world.times_told("no request has reached the canary for 15s")};
  };
  EXPECT_EQ(told("prometheus", 0, true), (Told{1, 0}));
  EXPECT_EQ(told("prometheus", 100, false), (Told{0, 1}));
  EXPECT_EQ(told("access_log", 0, true), (Told{0, 1})) << "nothing can be wrong with it";
}

TEST(Decide, CountsOfBothTracksThatStopInTheMidstOfAStepAreToldAsThat) {
  using Told = std::pair<std::ptrdiff_t, std::ptrdiff_t>;
  const auto told = [](const char* source, const std::function<void(World&)>& happens) {
    Release release = testing::a_release();
    release.metrics.source = source;
    World world = testing::in_step(0, release);
    world.turns(10);
    happens(world);
    world.turns(50);
    return Told{
        world.times_told("count no request on either track any more, for 15s at weight 5 %"),
        world.times_told("no request has reached the canary for 15s")};
  };
  const auto counts_stop = [](World& world) { world.requests_per_second = 0; };
  const auto canary_is_cut_off = [](World& world) { world.canary_is_cut_off = true; };
  EXPECT_EQ(told("prometheus", counts_stop), (Told{1, 0}));
  EXPECT_EQ(told("scrape", canary_is_cut_off), (Told{0, 1})) << "stable's go on";
  EXPECT_EQ(told("access_log", counts_stop), (Told{0, 1})) << "nothing can be wrong with it";
}

TEST(Decide, TheCauseOfARollbackSaysSinceWhenCountsOfBothTracksAreMissing) {
  Release release = testing::a_release();
  release.metrics.source = "scrape";
  World world = testing::in_step(0, release);
  world.turns(10);
  world.requests_per_second = 0;
  ASSERT_TRUE(world.reach("rolled_back"));
  const Cause& cause = std::get<RolledBack>(world.status.phase).cause;
  EXPECT_EQ(cause.kind, "no_data");
  EXPECT_NE(cause.text.find("on either track any more, for "), std::string::npos) << cause.text;
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

TEST(Decide, TakesACrashLoopingCanaryBack) {
  World world;
  world.versions["v2"].crash_loop = true;
  world.versions["v2"].ready = false;
  world.initialised().deploying("v2");
  ASSERT_TRUE(world.reach("rolled_back", 10s));
  EXPECT_EQ(std::get<RolledBack>(world.status.phase).cause.kind, "health");
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

TEST(Decide, ARolloutBeyondTheLastStepOfAnEditedSpecIsInThatStep) {
  World world = in_step(2);
  world.release.steps.resize(1);
  world.status = resumed(world.status, world.release);
  EXPECT_EQ(std::get<Stepping>(world.status.phase).index, 0);
  world.turns(3);
  Intent back;
  back.kind = Intent::Kind::rollback;
  world.ask(back);
  EXPECT_TRUE(world.reach("rolled_back"));
}

TEST(Decide, GoesOnFromASavedStatusWithoutSkippingAStep) {
  World world = in_step(1);
  world.turns(30);
  world.status = resumed(world.status, world.release);
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

TEST(LatencyBoundaries, HoldTheLimitsOfTheChecks) {
  Release release = testing::a_release();
  release.checks[1].rule = LatencyCheck{Percent::whole(99), 730ms};
  const std::vector<double> bounds = latency_boundaries(release);
  EXPECT_TRUE(std::binary_search(bounds.begin(), bounds.end(), 730.0));
}

}  // namespace
}  // namespace linnet::core
