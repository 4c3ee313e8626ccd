// The simulator about itself: the same seed goes the same way, and its chance is fair. That the
// oracle is not blind is what the mutants are for.
#include "sim/world.h"

#include <gtest/gtest.h>

#include "sim/script.h"
#include "sim/swarm.h"

namespace linnet::sim {
namespace {

TEST(World, GoesTheSameWayForTheSameSeed) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    const RunResult once = run_case(case_of_seed(seed));
    const RunResult again = run_case(case_of_seed(seed), true);  // a journal changes nothing
    ASSERT_EQ(once.hash, again.hash) << seed;
    ASSERT_EQ(once.turns, again.turns) << seed;
  }
}

TEST(World, GoesAnotherWayForAnotherSeed) {
  EXPECT_NE(run_case(case_of_seed(1)).hash, run_case(case_of_seed(2)).hash);
}

TEST(Swarm, HasOneHashOfAllItsStories) {
  const auto hash_of = [](std::uint64_t first, std::int64_t seeds) {
    return run_seeds(
               first, [&](const Tally& so_far) { return so_far.seeds < seeds; }, 0)
        .hash;
  };
  EXPECT_EQ(hash_of(1, 5), hash_of(1, 5));
  EXPECT_NE(hash_of(1, 5), hash_of(2, 5));
  EXPECT_NE(hash_of(1, 5), hash_of(1, 6));
}

TEST(World, KeepsEveryPromiseOverAFewThousandSeeds) {
  const Tally tally = run_seeds(
      1, [](const Tally& so_far) { return so_far.seeds < 2000; }, 20);
  EXPECT_EQ(tally.failed, 0) << tally_text(tally)
                             << (tally.failures.empty()
                                     ? std::string()
                                     : failure_text(case_of_seed(tally.failures.front().seed)));
  EXPECT_GT(tally.rollouts, 2000);
  EXPECT_GT(tally.kills, 200);
}

// Every kind of end is reached: a swarm in which nothing succeeds proves nothing.
TEST(World, ReachesEveryKindOfEnd) {
  const Tally tally = run_seeds(
      1, [](const Tally& so_far) { return so_far.seeds < 2000; }, 0);
  for (const char* end : {"succeeded", "rolled_back", "awaiting_promotion"})
    EXPECT_GT(tally.ends.count(end), 0U) << end;
  for (const char* cause : {"error_rate", "latency_p95", "health", "not_ready", "no_data",
                            "operator", "superseded", "interrupted", "taken_back", "promotion"})
    EXPECT_GT(tally.causes.count(std::string("rolled_back: ") + cause), 0U) << cause;
}

// One object of two was written: what is read differs until linnet has written both.
TEST(World, ARaiseThatReachedOneOfTwoObjectsIsWrittenAgain) {
  Case story = case_of_seed(1);
  story.release.workload =
      core::DeploymentsWorkload{"shop", "shop-canary", "shop", "shop:{{version}}"};
  for (Behaviour& version : story.versions) version = {.version = version.version};
  story.ports = {};
  story.metrics = {};
  story.router = {};
  story.events.erase(story.events.begin() + 2, story.events.end());
  Event half;
  half.action.kind = Action::Kind::half_write;
  story.events.push_back(half);
  World world(story, true);
  const RunResult result = world.run();
  EXPECT_TRUE(world.router().differ.empty());
  EXPECT_TRUE(std::any_of(result.journal.begin(), result.journal.end(), [](const auto& line) {
    return line.find("one object says") != std::string::npos;
  }));
}

// A server's scrape reaches back; while the engine waits for another answer it does so further.
TEST(World, CountsNothingOfBeforeAStepWhereTheStoreAnswersLongAfterTheMetrics) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    Case story = case_of_seed(seed);
    for (Behaviour& version : story.versions) version = {.version = version.version};
    story.ports = {};
    story.ports[at(Port::store_intents)] = {.slow = 0.5, .slowness = 5s};
    story.metrics = {};
    story.metrics.scraped_every = 4s;
    story.events.erase(story.events.begin() + 2, story.events.end());
    const RunResult result = run_case(story, true);
    ASSERT_FALSE(result.violation) << seed << ": " << result.violation->text;
  }
}

TEST(Random, DrawsInTheRightProportions) {
  Random random(5);
  double sum = 0;
  constexpr int rounds = 20'000;
  for (int i = 0; i < rounds; ++i) sum += static_cast<double>(random.binomial(40, 0.05));
  EXPECT_NEAR(sum / rounds, 2.0, 0.05);
  sum = 0;
  for (int i = 0; i < rounds; ++i) sum += static_cast<double>(random.binomial(2000, 0.3));
  EXPECT_NEAR(sum / rounds, 600.0, 0.6);
  sum = 0;
  for (int i = 0; i < rounds; ++i) sum += static_cast<double>(random.poisson(3.5));
  EXPECT_NEAR(sum / rounds, 3.5, 0.06);
  EXPECT_EQ(random.binomial(7, 1.0), 7);
  EXPECT_EQ(random.binomial(7, 0.0), 0);
}

TEST(Oracle, HasANameAndASentenceForEachPromise) {
  for (const Invariant& one : invariants()) {
    EXPECT_FALSE(one.name.empty());
    EXPECT_GT(one.promise.size(), 20U) << one.name;
  }
  EXPECT_GE(invariants().size(), 30U);
}

}  // namespace
}  // namespace linnet::sim
