// What the engine may rely on of every Workload: processes, Deployments, the simulation. Each
// adapter's test includes this once and instantiates WorkloadContract.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "contract/run_task.h"
#include "ports/ports.h"

namespace linnet::contract {

/// A workload without instances whose spec has two replicas. "v1" and "v2" get ready; "broken" does
/// not.
class WorkloadUnderTest {
 public:
  virtual ~WorkloadUnderTest() = default;
  virtual Workload& workload() = 0;
  /// By the clock that the workload uses.
  virtual Deadline soon() = 0;
  /// Lets a little time pass (10 to 100 ms): virtual, or on the context.
  virtual void wait_a_little() = 0;

  boost::asio::io_context context;
};

/// One that keeps the levels itself, as a Deployment does: stable has the size 2 and no image yet,
/// the canary the size 0.
class PlatformUnderTest : public WorkloadUnderTest {
 public:
  virtual void owner_scales_stable(int replicas) = 0;
  virtual void owner_gives_stable(const std::string& version) = 0;
};

using MakeWorkload = std::function<std::unique_ptr<WorkloadUnderTest>()>;

class WorkloadContract : public testing::TestWithParam<MakeWorkload> {
 protected:
  core::WorkloadSeen observe() {
    auto seen = run(under_test->context, under_test->workload().observe(under_test->soon()));
    EXPECT_TRUE(seen) << seen.error().message;
    return seen.value_or(core::WorkloadSeen{});
  }
  void set(core::Track track, const std::string& version, int replicas) {
    const core::SetTrack level{track, version, replicas};
    const auto done =
        run(under_test->context, under_test->workload().set(level, under_test->soon()));
    EXPECT_TRUE(done) << done.error().message;
  }
  /// Looks again until it holds; false when it does not within about a minute.
  bool reach(const std::function<bool(const core::WorkloadSeen&)>& holds) {
    for (int look = 0; look < 3000; ++look) {
      if (holds(observe())) return true;
      under_test->wait_a_little();
    }
    return false;
  }
  /// The same instances in the same states; what they use meanwhile may differ.
  static void expect_same(core::TrackSeen now, const core::TrackSeen& before) {
    for (core::Instance& instance : now.instances)
      for (const core::Instance& old : before.instances)
        if (old.id == instance.id) {
          instance.rss_bytes = old.rss_bytes;
          instance.cpu_ms = old.cpu_ms;
        }
    EXPECT_EQ(now, before);
  }
  static bool is_level(const core::TrackSeen& track, const std::string& version, int replicas) {
    return track.count() == replicas && track.ready_of(version) == replicas;
  }

  std::unique_ptr<WorkloadUnderTest> under_test = GetParam()();
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(WorkloadContract);

TEST_P(WorkloadContract, StartsWithoutInstances) {
  EXPECT_EQ(observe().stable.count(), 0);
  EXPECT_EQ(observe().canary.count(), 0);
}

TEST_P(WorkloadContract, ReachesTheLevelThatWasSet) {
  set(core::Track::stable, "v1", 2);
  ASSERT_TRUE(reach([](const auto& seen) { return is_level(seen.stable, "v1", 2); }));
  std::set<std::string> ids;
  for (const core::Instance& instance : observe().stable.instances) ids.insert(instance.id);
  EXPECT_EQ(ids.size(), 2U);
}

TEST_P(WorkloadContract, RepeatingTheLevelRestartsNothing) {
  set(core::Track::stable, "v1", 2);
  ASSERT_TRUE(reach([](const auto& seen) { return is_level(seen.stable, "v1", 2); }));
  const core::TrackSeen before = observe().stable;
  set(core::Track::stable, "v1", 2);
  under_test->wait_a_little();
  expect_same(observe().stable, before);
}

TEST_P(WorkloadContract, ReplacesOneByOneAndNeverHasFewerReady) {
  set(core::Track::stable, "v1", 2);
  ASSERT_TRUE(reach([](const auto& seen) { return is_level(seen.stable, "v1", 2); }));
  set(core::Track::stable, "v2", 2);
  int fewest = 2;
  ASSERT_TRUE(reach([&](const auto& seen) {
    fewest = std::min(fewest, seen.stable.ready());
    return is_level(seen.stable, "v2", 2);
  }));
  EXPECT_EQ(fewest, 2);
}

TEST_P(WorkloadContract, TheTracksDoNotTouchEachOther) {
  set(core::Track::stable, "v1", 2);
  ASSERT_TRUE(reach([](const auto& seen) { return is_level(seen.stable, "v1", 2); }));
  const core::TrackSeen before = observe().stable;
  set(core::Track::canary, "v2", 1);
  ASSERT_TRUE(reach([](const auto& seen) { return is_level(seen.canary, "v2", 1); }));
  set(core::Track::canary, "", 0);
  ASSERT_TRUE(reach([](const auto& seen) { return seen.canary.count() == 0; }));
  expect_same(observe().stable, before);
}

TEST_P(WorkloadContract, GrowsAndShrinks) {
  set(core::Track::canary, "v2", 1);
  ASSERT_TRUE(reach([](const auto& seen) { return is_level(seen.canary, "v2", 1); }));
  set(core::Track::canary, "v2", 2);
  ASSERT_TRUE(reach([](const auto& seen) { return is_level(seen.canary, "v2", 2); }));
  set(core::Track::canary, "v2", 1);
  ASSERT_TRUE(reach([](const auto& seen) { return is_level(seen.canary, "v2", 1); }));
}

TEST_P(WorkloadContract, AVersionThatDoesNotStartIsNeverReadyAndTakesNothingAway) {
  set(core::Track::stable, "v1", 2);
  ASSERT_TRUE(reach([](const auto& seen) { return is_level(seen.stable, "v1", 2); }));
  set(core::Track::canary, "broken", 1);
  ASSERT_TRUE(reach([](const auto& seen) {
    EXPECT_EQ(seen.canary.ready(), 0);
    return seen.canary.count() > 0 && !seen.canary.instances.front().trouble.empty();
  }));
  EXPECT_TRUE(is_level(observe().stable, "v1", 2));
}

/// What is more to rely on where a platform keeps the levels.
class PlatformContract : public WorkloadContract {
 protected:
  PlatformUnderTest& platform() { return dynamic_cast<PlatformUnderTest&>(*under_test); }
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(PlatformContract);

TEST_P(PlatformContract, TellsALevelAsSoonAsItWasSet) {
  set(core::Track::stable, "v1", 2);
  EXPECT_EQ(observe().stable.wanted, 2);
  EXPECT_EQ(observe().stable.wanted_version, "v1");
  set(core::Track::canary, "v2", 1);
  EXPECT_EQ(observe().canary.wanted, 1);
  EXPECT_EQ(observe().canary.wanted_version, "v2");
}

TEST_P(PlatformContract, ACanaryWithoutReplicasKeepsItsImage) {
  set(core::Track::canary, "v2", 1);
  ASSERT_TRUE(reach([](const auto& seen) { return is_level(seen.canary, "v2", 1); }));
  set(core::Track::canary, "", 0);
  ASSERT_TRUE(reach([](const auto& seen) { return seen.canary.count() == 0; }));
  EXPECT_EQ(observe().canary.wanted, 0);
  EXPECT_EQ(observe().canary.wanted_version, "v2");
}

TEST_P(PlatformContract, TheSizeOfStableIsItsOwners) {
  set(core::Track::stable, "v1", 2);
  ASSERT_TRUE(reach([](const auto& seen) { return is_level(seen.stable, "v1", 2); }));
  platform().owner_scales_stable(3);
  ASSERT_TRUE(reach(
      [](const auto& seen) { return seen.stable.wanted == 3 && is_level(seen.stable, "v1", 3); }));
  set(core::Track::stable, "v2", 2);
  EXPECT_EQ(observe().stable.wanted, 3);
  EXPECT_TRUE(reach([](const auto& seen) { return is_level(seen.stable, "v2", 3); }));
}

TEST_P(PlatformContract, AnImageOfItsOwnersIsTold) {
  set(core::Track::stable, "v1", 2);
  ASSERT_TRUE(reach([](const auto& seen) { return is_level(seen.stable, "v1", 2); }));
  platform().owner_gives_stable("v2");
  EXPECT_TRUE(reach([](const auto& seen) {
    return seen.stable.wanted_version == "v2" && is_level(seen.stable, "v2", 2);
  }));
}

}  // namespace linnet::contract
