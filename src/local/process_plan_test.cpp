#include "local/process_plan.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

namespace linnet::local {
namespace {

using core::Track;
using State = core::Instance::State;
using Stops = std::vector<std::size_t>;

TEST(ProcessPlan, StartsAllAtOnceWhenNothingRuns) {
  const Moves moves = plan_track(Track::stable, 3, {}, 4);
  EXPECT_EQ(moves.start, 3);
  EXPECT_TRUE(moves.stop.empty());
}

TEST(ProcessPlan, ReplacesStableThroughTheSpareSlotOneByOne) {
  const PlannedInstance old_one{State::ready, false, 1};
  const PlannedInstance old_two{State::ready, false, 2};
  Moves moves = plan_track(Track::stable, 2, {old_one, old_two}, 1);
  EXPECT_EQ(moves.start, 1);
  EXPECT_EQ(moves.stop, Stops{});
  moves = plan_track(Track::stable, 2, {old_one, old_two, {State::starting, true, 3}}, 0);
  EXPECT_EQ(moves.start, 0);
  EXPECT_EQ(moves.stop, Stops{});
  moves = plan_track(Track::stable, 2, {old_one, old_two, {State::ready, true, 3}}, 0);
  EXPECT_EQ(moves.start, 0);
  EXPECT_EQ(moves.stop, Stops{1});
}

TEST(ProcessPlan, KeepsOldStableWhileTheNewOneDiesAgainAndAgain) {
  const Moves moves = plan_track(
      Track::stable, 2,
      {{State::ready, false, 1}, {State::ready, false, 2}, {State::backoff, true, 3}}, 5);
  EXPECT_EQ(moves.start, 0);
  EXPECT_EQ(moves.stop, Stops{});
}

TEST(ProcessPlan, StopsTheNewestFirstWhenThereAreTooMany) {
  const std::vector<PlannedInstance> three{
      {State::ready, true, 1}, {State::ready, true, 2}, {State::ready, true, 3}};
  EXPECT_EQ(plan_track(Track::canary, 1, three, 0).stop, (Stops{2, 1}));
}

TEST(ProcessPlan, StopsWhatIsDownBeforeWhatServes) {
  const std::vector<PlannedInstance> three{
      {State::backoff, true, 1}, {State::ready, true, 2}, {State::ready, true, 3}};
  EXPECT_EQ(plan_track(Track::stable, 2, three, 0).stop, Stops{0});
}

TEST(ProcessPlan, StopsEverythingForNoReplicas) {
  const std::vector<PlannedInstance> mixed{
      {State::ready, true, 1}, {State::unready, false, 2}, {State::stopping, true, 3}};
  const Moves moves = plan_track(Track::canary, 0, mixed, 3);
  EXPECT_EQ(moves.stop, (Stops{0, 1}));
  EXPECT_EQ(moves.start, 0);
}

TEST(ProcessPlan, GivesUpACanarySlotWhenNoneIsFree) {
  const std::vector<PlannedInstance> full{{State::ready, false, 1}, {State::ready, false, 2}};
  EXPECT_EQ(plan_track(Track::canary, 2, full, 0).stop.size(), 1U);
  EXPECT_TRUE(plan_track(Track::stable, 2, full, 0).stop.empty());
}

// Any mixture: no stop takes stable below its size, and slots are not overbooked.
RC_GTEST_PROP(ProcessPlan, NeverTakesStableBelowItsSize, ()) {
  const int replicas = *rc::gen::inRange(0, 6);
  const int free = *rc::gen::inRange(0, 4);
  std::vector<PlannedInstance> instances;
  const int count = *rc::gen::inRange(0, 9);
  for (int i = 0; i < count; ++i)
    instances.push_back({static_cast<State>(*rc::gen::inRange(0, 5)), *rc::gen::arbitrary<bool>(),
                         static_cast<std::uint64_t>(i)});
  const Moves moves = plan_track(Track::stable, replicas, instances, free);
  const auto ready =
      std::count_if(instances.begin(), instances.end(),
                    [](const PlannedInstance& i) { return i.state == State::ready; });
  long left = ready;
  for (const std::size_t i : moves.stop) {
    RC_ASSERT(instances[i].state != State::stopping);
    left -= instances[i].state == State::ready;
  }
  RC_ASSERT(left >= std::min<long>(ready, replicas));
  RC_ASSERT(moves.start >= 0 && moves.start <= free);
}

// Played on until nothing changes: the level is reached from everywhere.
RC_GTEST_PROP(ProcessPlan, ReachesTheLevelFromAnyMixture, ()) {
  const Track track = *rc::gen::arbitrary<bool>() ? Track::stable : Track::canary;
  const int replicas = *rc::gen::inRange(0, 5);
  const int slots = std::max(1, replicas + (track == Track::stable ? 1 : 0));
  std::vector<PlannedInstance> instances;
  const int count = *rc::gen::inRange(0, slots + 1);
  std::uint64_t serial = 0;
  for (int i = 0; i < count; ++i)
    instances.push_back(
        {static_cast<State>(*rc::gen::inRange(0, 5)), *rc::gen::arbitrary<bool>(), serial++});
  for (int turn = 0; turn < 60; ++turn) {
    const Moves moves =
        plan_track(track, replicas, instances, slots - static_cast<int>(instances.size()));
    for (const std::size_t i : moves.stop) instances[i].state = State::stopping;
    for (int i = 0; i < moves.start; ++i) instances.push_back({State::starting, true, serial++});
    RC_ASSERT(static_cast<int>(instances.size()) <= slots);
    // The world goes on: what stops is gone, what starts or is down comes up.
    std::erase_if(instances, [](const PlannedInstance& i) { return i.state == State::stopping; });
    for (PlannedInstance& instance : instances) instance.state = State::ready;
  }
  RC_ASSERT(static_cast<int>(instances.size()) == replicas);
  RC_ASSERT(std::all_of(instances.begin(), instances.end(),
                        [](const PlannedInstance& i) { return i.current; }));
}

}  // namespace
}  // namespace linnet::local
