// What one release's loop does beside the simulation, which runs it in whole worlds.
#include "engine/release_loop.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "core/testing.h"

namespace linnet::engine {
namespace {

/// All that a loop touches, answering at once. Time passes between turns.
struct World final : Clock,
                     Doorbell,
                     Store,
                     Journal,
                     Workload,
                     TrafficRouter,
                     MetricSource,
                     Notifier,
                     Calendar {
  Now now() override { return time; }
  Task<void> wait(std::string, Duration) override {
    if (--turns_left == 0) throw std::runtime_error("the Lease was lost");
    pass(1s);
    co_return;
  }
  void ring(const std::string&) override {}
  Task<Result<Record>> load(std::string) override { co_return record; }
  Task<Result<std::int64_t>> save(std::string, std::int64_t version, Saving saving) override {
    if (version != record.version) co_return fail(Code::conflict, "saved by another");
    record = {std::move(saving.status), version + 1};
    co_return record.version;
  }
  Task<Result<std::vector<core::Intent>>> intents(std::string, std::int64_t) override {
    co_return std::vector<core::Intent>();
  }
  void note(const std::string&, const core::Entry&) override {}
  Task<Result<core::WorkloadSeen>> observe(Deadline) override { co_return workload; }
  Task<Result<void>> set(core::SetTrack, Deadline) override { co_return Result<void>(); }
  Task<Result<core::TrafficSeen>> read(Deadline) override { co_return traffic; }
  Task<Result<void>> set(core::SetWeight level, Deadline) override {
    traffic = {level.weight, level.taken_back, ""};
    weights.push_back(level.weight);
    co_return Result<void>();
  }
  Task<Result<core::Sample>> since(std::string, Deadline) override { co_return core::Sample(); }
  void send(const core::Notice&) override {}
  std::vector<std::int64_t> delivered() override { return {}; }
  std::string closed(const core::Release&, WallTime) override { return {}; }

  void pass(Duration span) {
    time.wall.ms += span.count();
    time.mono.ms += span.count();
  }
  Ports ports() { return {*this, *this, *this, *this, *this, *this, *this, *this, *this}; }
  /// Runs the loop for some turns, and ends it as a lost Lease does.
  void run(ReleaseLoop& loop, int turns) {
    turns_left = turns;
    boost::asio::io_context io;
    bool ended = false;
    boost::asio::co_spawn(io, loop.run(),
                          [&ended](const std::exception_ptr& why) { ended = why != nullptr; });
    io.run();
    EXPECT_TRUE(ended);
  }
  void add(core::TrackSeen& track, const char* id, const char* version) {
    core::Instance instance;
    instance.id = id;
    instance.version = version;
    instance.state = core::Instance::State::ready;
    track.instances.push_back(instance);
  }

  Now time{{1'760'000'000'000}, {1'000'000}};
  Record record;
  core::WorkloadSeen workload;
  core::TrafficSeen traffic;
  std::vector<Percent> weights;  // as written
  int turns_left = 0;
};

TEST(ReleaseLoop, ThatRunsAgainGoesOnWithWhatOthersSavedMeanwhile) {
  World world;
  world.add(world.workload.stable, "stable-0", "v1");
  world.add(world.workload.stable, "stable-1", "v1");
  world.add(world.workload.canary, "canary-0", "v2");  // it does not stop
  core::Status& status = world.record.status;
  status.stable_version = "v1";
  status.rollout.emplace();
  status.rollout->to = "v2";
  core::RollingBack stopping;
  stopping.part = core::RollingBack::Part::canary_stops;
  status.phase = stopping;
  ReleaseLoop loop(core::testing::a_release(), world.ports(), [] {});
  world.run(loop, 3);
  ASSERT_EQ(core::phase_name(world.record.status.phase), "rolling_back");

  // While this one slept another ended that, and released v3 up to its promotion.
  world.pass(1h);
  world.workload.canary.instances.clear();
  world.add(world.workload.canary, "canary-1", "v3");
  world.add(world.workload.canary, "canary-2", "v3");
  world.traffic = {Percent::whole(100), false, ""};
  status.rollout->to = "v3";
  status.phase = core::AwaitingPromotion();
  status.weight = status.weight_before = Percent::whole(100);
  status.canary_replicas = 2;
  world.record.version += 10;
  world.weights.clear();
  world.run(loop, 3);
  EXPECT_EQ(world.weights, std::vector<Percent>());
  EXPECT_EQ(world.traffic.weight, Percent::whole(100));
  EXPECT_EQ(core::phase_name(world.record.status.phase), "awaiting_promotion");
}

}  // namespace
}  // namespace linnet::engine
