// The layers around the ports of a release on a cluster: while the Lease is held they keep what the
// engine relies on of every port, around the real adapters; and each does what it is there for.
#include "cluster/guarded.h"

#include "kubernetes/cluster_router_test_support.h"
#include "kubernetes/config_map_store_test_support.h"
#include "kubernetes/deployments_test_support.h"
#include "prometheus/scrape_test_support.h"

namespace linnet::cluster {
namespace {

namespace k8s = kubernetes;
using contract::run;
using core::Track;
using Lines = std::vector<std::string>;

/// Held until it is given back: nobody renews it, and its time is longer than any test.
class HeldLease {
 public:
  HeldLease(boost::asio::io_context& io, k8s::Client& client, Clock& clock)
      : io_(io), clock_(clock), lease_(client, clock, "shop", "linnet-web", "anna", {1h, 1h, 2s}) {
    CHECK(run(io_, lease_.acquire(soon())).has_value());
  }
  void give_back() { CHECK(run(io_, lease_.release(soon())).has_value()); }
  const k8s::Lease& lease() const { return lease_; }

 private:
  Deadline soon() { return clock_.now().mono + 20s; }

  boost::asio::io_context& io_;
  Clock& clock_;
  k8s::Lease lease_;
};

// ---- The router ---------------------------------------------------------------------------------

class LeasedRouterUnderTest final : public k8s::ClusterRouter {
 public:
  TrafficRouter& router() override { return *leased_; }
  void reopen() override {
    ClusterRouter::reopen();
    leased_.emplace(ClusterRouter::router(), held.lease(), clock());
  }
  core::TrafficSeen read() { return run(context, router().read(soon())).value(); }
  Result<void> set(Percent weight, bool taken_back = false) {
    const core::SetWeight level{weight, taken_back};
    return run(context, router().set(level, soon()));
  }

  HeldLease held{context, client(), clock()};

 private:
  std::optional<LeasedRouter> leased_{std::in_place, ClusterRouter::router(), held.lease(),
                                      clock()};
};

/// Of a machine that slept.
class LaterClock final : public Clock {
 public:
  explicit LaterClock(Clock& clock) : clock_(clock) {}
  Now now() override {
    Now out = clock_.now();
    out.mono.ms += later.count();
    out.wall.ms += later.count();
    return out;
  }
  Duration later{};

 private:
  Clock& clock_;
};

/// Answers as told, and knows how long it was given.
class FakeRouter final : public TrafficRouter {
 public:
  explicit FakeRouter(Clock& clock) : clock_(clock) {}
  Task<Result<core::TrafficSeen>> read(Deadline) override { co_return core::TrafficSeen{}; }
  Task<Result<void>> set(core::SetWeight, Deadline deadline) override {
    given = std::chrono::round<std::chrono::seconds>(deadline - clock_.now().mono);
    if (fails) co_return fail(*fails, "no answer");
    co_return Result<void>();
  }
  std::optional<Code> fails;
  Duration given{};

 private:
  Clock& clock_;
};

TEST(LeasedRouter, WithoutTheLeaseOnlyWeightZeroIsPassedOn) {
  LeasedRouterUnderTest world;
  ASSERT_TRUE(world.set(Percent::whole(25)));
  world.held.give_back();
  for (const int percent : {50, 25, 5}) {
    const auto refused = world.set(Percent::whole(percent));
    ASSERT_FALSE(refused) << percent;
    EXPECT_EQ(refused.error().code, Code::conflict);
    EXPECT_EQ(world.read().weight, Percent::whole(25));
  }
  ASSERT_TRUE(world.set(Percent(), true));
  EXPECT_TRUE(world.read().weight.is_zero());
  EXPECT_TRUE(world.read().taken_back);
}

TEST(LeasedRouter, AnEngineThatSleptForLongerThanItsLeaseTakesNothingBackOfOthers) {
  LeasedRouterUnderTest world;
  LaterClock clock(world.clock());
  k8s::Lease lease(world.client(), clock, "shop", "linnet-slept", "anna");
  ASSERT_TRUE(run(world.context, lease.acquire(clock.now().mono + 20s)));
  LeasedRouter router(world.ClusterRouter::router(), lease, clock);
  const auto take_back = [&] {
    return run(world.context, router.set({Percent(), true}, clock.now().mono + 5s));
  };
  ASSERT_TRUE(world.set(Percent::whole(25)));
  clock.later = 12s;  // not renewed for so long, but nobody else may have taken it
  ASSERT_FALSE(lease.held());
  EXPECT_TRUE(take_back());
  world.another_hand_sets(Percent::whole(25));
  clock.later = 1h;
  const Result<void> refused = take_back();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::conflict);
  EXPECT_EQ(world.read().weight, Percent::whole(25));
}

TEST(LeasedRouter, AWriteThatIsNotAnsweredInTimeGetsMoreOfItUntilOneIs) {
  LeasedRouterUnderTest world;
  FakeRouter slow(world.clock());
  LeasedRouter router(slow, world.held.lease(), world.clock());
  const auto given = [&] {
    (void)run(world.context, router.set({Percent(), true}, world.clock().now().mono + 5s));
    return slow.given;
  };
  slow.fails = Code::unknown_outcome;
  EXPECT_EQ(given(), 5s);
  EXPECT_EQ(given(), 10s);
  slow.fails = Code::timed_out;
  EXPECT_EQ(given(), 20s);
  EXPECT_EQ(given(), 35s);
  EXPECT_EQ(given(), 35s);
  slow.fails.reset();
  EXPECT_EQ(given(), 35s);
  EXPECT_EQ(given(), 5s);
  slow.fails = Code::unavailable;  // an answer: more time would not help
  EXPECT_EQ(given(), 5s);
  EXPECT_EQ(given(), 5s);
}

// ---- The workload -------------------------------------------------------------------------------

class LeasedWorkloadUnderTest final : public k8s::DeploymentsUnderTest {
 public:
  Workload& workload() override { return leased_; }
  core::WorkloadSeen observe() { return run(context, leased_.observe(soon())).value(); }
  Result<void> set(Track track, const std::string& version, int replicas) {
    const core::SetTrack level{track, version, replicas};
    return run(context, leased_.set(level, soon()));
  }
  template <class Holds>
  bool reach(Holds holds) {
    const Deadline end = soon();
    while (!holds(observe().stable) && clock().now().mono < end) wait_a_little();
    return holds(observe().stable);
  }
  bool begin_with_v1() {
    return set(Track::stable, "v1", 2).has_value() &&
           reach([](const core::TrackSeen& stable) { return stable.ready_of("v1") == 2; });
  }

  HeldLease held{context, client(), clock()};
  Lines told;

 private:
  LeasedWorkload leased_{DeploymentsUnderTest::workload(), held.lease(),
                         [this](const std::string& text) { told.push_back(text); }};
};

TEST(LeasedWorkload, WithoutTheLeaseNothingIsChanged) {
  LeasedWorkloadUnderTest world;
  ASSERT_TRUE(world.begin_with_v1());
  ASSERT_TRUE(world.set(Track::canary, "v2", 1));
  world.held.give_back();
  for (const auto& refused : {world.set(Track::stable, "v2", 2), world.set(Track::canary, "v3", 1),
                              world.set(Track::canary, "", 0)}) {
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::conflict);
  }
  const core::WorkloadSeen seen = world.observe();
  EXPECT_EQ(seen.stable.wanted_version, "v1");
  EXPECT_EQ(seen.canary.wanted_version, "v2");
  EXPECT_EQ(seen.canary.wanted, 1);
}

TEST(LeasedWorkload, WhatAnotherHandChangedIsToldOnceAsItIsSetAgain) {
  LeasedWorkloadUnderTest world;
  ASSERT_TRUE(world.begin_with_v1());
  world.owner_gives_stable("v2");
  ASSERT_TRUE(world.reach([](const auto& stable) { return stable.wanted_version == "v2"; }));
  EXPECT_EQ(world.told, Lines());
  ASSERT_TRUE(world.set(Track::stable, "v1", 2));
  ASSERT_TRUE(world.set(Track::stable, "v1", 2));
  EXPECT_EQ(world.told, (Lines{"the stable Deployment was changed to 2 replicas of v2 by another "
                               "hand: 2 of v1 are set again"}));
}

TEST(LeasedWorkload, AStableThatHasNobodyLeftToAnswerIsToldOnce) {
  LeasedWorkloadUnderTest world;
  ASSERT_TRUE(world.begin_with_v1());
  EXPECT_EQ(world.told, Lines());
  world.owner_scales_stable(0);
  ASSERT_TRUE(world.reach([](const auto& stable) { return stable.count() == 0; }));
  (void)world.observe();
  ASSERT_EQ(world.told.size(), 1U);
  EXPECT_TRUE(world.told[0].starts_with("stable has no ready instance any more")) << world.told[0];
}

// ---- The store ----------------------------------------------------------------------------------

class ToldStoreUnderTest final : public k8s::ConfigMapStoreUnderTest {
 public:
  ToldStoreUnderTest() { begin(); }
  ~ToldStoreUnderTest() override { end(); }
  Store& store() override { return *told_; }
  void reopen() override {
    end();
    ConfigMapStoreUnderTest::reopen();
    begin();
  }
  Result<std::int64_t> save(std::int64_t version, std::vector<core::Entry> entries) {
    Saving saving;
    saving.entries = std::move(entries);
    saving.at = WallTime{1'700'000'000'000};
    return run(context, told_->save("shop", version, std::move(saving)));
  }
  /// In the order of their names, which is that in which they were told, once there are so many.
  Lines events(std::size_t count) {
    Lines found;
    const Deadline end = soon();
    while (found.size() < count && clock().now().mono < end) {
      found.clear();
      const k8s::Resource all{"events.k8s.io/v1", "events", "shop"};
      const k8s::Json list = run(context, client().list(all, "", soon())).value();
      for (const k8s::Json& event : list.at("items").as_array())
        found.push_back(k8s::text_at(event, {"reason"}) + ": " + k8s::text_at(event, {"note"}));
    }
    return found;
  }

  int saved = 0;

 private:
  Deadline soon() { return clock().now().mono + 20s; }
  void begin() {
    const auto executor = context.get_executor();
    tasks_ = std::make_unique<runtime::TaskGroup>(executor);
    poster_ = std::make_unique<k8s::EventPoster>(executor, client(), clock(),
                                                 k8s::EventSource{"shop", "web", "anna", {}},
                                                 [](const std::string&) {});
    tasks_->spawn("events", poster_->run());
    told_.emplace(ConfigMapStoreUnderTest::store(), *poster_, [this] { ++saved; });
  }
  /// What is being posted ends before its client does.
  void end() {
    tasks_->cancel();
    context.restart();
    while (tasks_->running() > 0 && context.run_one() > 0) {
    }
  }

  std::unique_ptr<runtime::TaskGroup> tasks_;
  std::unique_ptr<k8s::EventPoster> poster_;
  std::optional<ToldStore> told_;
};

TEST(ToldStore, EachEntryIsToldAsAnEventAndOnlyWhenItWasSaved) {
  ToldStoreUnderTest world;
  const auto first =
      world.save(0, {{"phase", "stepping: step 1 of 4"}, {"weight", "the canary's weight is 5 %"}});
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(world.saved, 1);
  const auto stale = world.save(0, {{"weight", "the canary's weight is 50 %"}});
  ASSERT_FALSE(stale);
  EXPECT_EQ(world.saved, 1);
  ASSERT_TRUE(world.save(*first, {{"verdict", "error_rate: 7 %"}}));
  EXPECT_EQ(world.saved, 2);
  EXPECT_EQ(world.events(3),
            (Lines{"Stepping: step 1 of 4", "TrafficWeight: the canary's weight is 5 %",
                   "CheckFailed: error_rate: 7 %"}));
}

// ---- What was counted ---------------------------------------------------------------------------

class SummedSourceUnderTest final : public prometheus::ScrapeUnderTest {
 public:
  MetricSource& source() override { return *summed; }
  void reopen() override {
    ScrapeUnderTest::reopen();
    summed.emplace(ScrapeUnderTest::source());
  }
  core::Sample since(const std::string& cursor) {
    return run(context, summed->since(cursor, soon())).value();
  }
  bool look() { return run(context, summed->look(soon())).has_value(); }

  std::optional<SummedSource> summed{ScrapeUnderTest::source()};
};

TEST(SummedSource, OnlyWhatItCountedItselfIsSummedUp) {
  SummedSourceUnderTest world;
  const std::string before = world.since("").cursor;
  world.serve(Track::canary, 4, 1, 0);
  world.reopen();
  const core::Sample reaches_back = world.since(before);
  EXPECT_EQ(reaches_back.canary.requests, 5);
  EXPECT_EQ(world.summed->canary().requests, 0);
  world.serve(Track::stable, 3, 0, 1);
  world.serve(Track::canary, 1, 1, 0);
  const core::Sample next = world.since(reaches_back.cursor);
  world.serve(Track::canary, 3, 0, 0);
  (void)world.since(next.cursor);
  EXPECT_EQ(world.summed->stable().requests, 4);
  EXPECT_EQ(world.summed->canary().requests, 5);
  EXPECT_EQ(world.summed->canary().bad, 1);
}

// As after a save that failed.
TEST(SummedSource, WhatACursorBringsAgainIsSummedUpOnce) {
  SummedSourceUnderTest world;
  const std::string start = world.since("").cursor;
  world.serve(Track::canary, 4, 1, 0);
  EXPECT_EQ(world.since(start).canary.requests, 5);
  EXPECT_EQ(world.since(start).canary.requests, 5);
  world.serve(Track::canary, 2, 0, 0);
  const core::Sample last = world.since(start);
  EXPECT_EQ(last.canary.requests, 7);
  EXPECT_EQ(world.summed->canary(), last.canary);
  world.serve(Track::canary, 1, 0, 0);
  (void)world.since(last.cursor);
  EXPECT_EQ(world.summed->canary().requests, 8);
}

TEST(SummedSource, WhoLookedAndThenDrivesSumsNothingUpTwice) {
  SummedSourceUnderTest world;
  const std::string of_the_record = world.since("").cursor;
  world.reopen();
  ASSERT_TRUE(world.look());
  world.serve(Track::canary, 4, 0, 0);
  ASSERT_TRUE(world.look());
  EXPECT_EQ(world.summed->canary().requests, 4);
  const core::Sample taken_up = world.since(of_the_record);
  EXPECT_EQ(taken_up.canary.requests, 4);
  EXPECT_EQ(world.summed->canary().requests, 4);
  world.serve(Track::canary, 2, 0, 0);
  (void)world.since(taken_up.cursor);
  EXPECT_EQ(world.summed->canary().requests, 6);
}

template <class Made>
auto maker() {
  return [] { return std::make_unique<Made>(); };
}

}  // namespace
}  // namespace linnet::cluster

namespace linnet::contract {

INSTANTIATE_TEST_SUITE_P(Leased, RouterContract,
                         testing::Values(cluster::maker<cluster::LeasedRouterUnderTest>()));
INSTANTIATE_TEST_SUITE_P(Leased, WorkloadContract,
                         testing::Values(cluster::maker<cluster::LeasedWorkloadUnderTest>()));
INSTANTIATE_TEST_SUITE_P(Leased, PlatformContract,
                         testing::Values(cluster::maker<cluster::LeasedWorkloadUnderTest>()));
INSTANTIATE_TEST_SUITE_P(Told, StoreContract,
                         testing::Values(cluster::maker<cluster::ToldStoreUnderTest>()));
INSTANTIATE_TEST_SUITE_P(Summed, MetricContract,
                         testing::Values(cluster::maker<cluster::SummedSourceUnderTest>()));

}  // namespace linnet::contract
