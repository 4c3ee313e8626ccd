// One release supervised by one run of linnet; what happens over several runs is in
// process_adoption_test.cpp.
#include "local/process_workload.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "local/process_log.h"
#include "local/process_testing.h"

namespace linnet::local {
namespace {

using core::Instance;
using core::Track;
using testing::Directory;
using testing::fixture_spec;
using testing::quick_options;
using testing::read_text;
using testing::Stranger;
using testing::Supervision;
using testing::write_text;
using State = Instance::State;

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(ProcessWorkload, StartsStableAndTellsWhenItIsReady) {
  const Directory directory;
  Supervision run(directory, fixture_spec());
  EXPECT_EQ(run.seen().stable.count(), 0);
  ASSERT_TRUE(run.set(Track::stable, "v1", 2));
  ASSERT_TRUE(run.until_stable_runs("v1", 2)) << run.states();
  EXPECT_GE(run.rings, 2);
  const std::vector<ProcessView> views = run.workload.processes();
  ASSERT_EQ(views.size(), 2U);
  EXPECT_EQ(views[0].instance.id, "stable-0");
  EXPECT_EQ(views[0].port, run.slots.stable[0]);
  EXPECT_EQ(views[0].instance.trouble, "");
  EXPECT_TRUE(std::filesystem::exists(views[0].log));
  EXPECT_TRUE(run.workload.troubles().empty());
}

TEST(ProcessWorkload, StartsNothingTwiceWhenALevelIsRepeated) {
  const Directory directory;
  Supervision run(directory, fixture_spec());
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(run.set(Track::stable, "v1", 2));
  ASSERT_TRUE(run.until_stable_runs("v1", 2)) << run.states();
  const std::int64_t pid = run.workload.processes()[0].pid;
  ASSERT_TRUE(run.set(Track::stable, "v1", 2));
  run.io.poll();
  EXPECT_EQ(run.workload.processes()[0].pid, pid);
  EXPECT_EQ(directory.marked("stable-0").size(), 1U);
}

TEST(ProcessWorkload, RefusesWhatDoesNotFit) {
  const Directory directory;
  Supervision run(directory, fixture_spec());
  EXPECT_EQ(run.set(Track::stable, "v1", 4).error().code, Code::invalid);
  EXPECT_EQ(run.set(Track::canary, "v1", -1).error().code, Code::invalid);
  EXPECT_EQ(run.set(Track::canary, "../v1", 1).error().code, Code::invalid);
  EXPECT_TRUE(run.set(Track::canary, "", 0)) << "no canary needs no version";
}

TEST(ProcessWorkload, FillsInVersionAndPort) {
  const Directory directory;
  core::ProcessWorkload spec = fixture_spec({"--report", directory.file("r"), "{{version}};id"}, 1);
  spec.env = {{"SHOP", "{{version}} on {{port}} $(id)"}};
  Supervision run(directory, spec);
  ASSERT_TRUE(run.set(Track::stable, "v1.2+x", 1));
  ASSERT_TRUE(run.until_stable_runs("v1.2+x", 1)) << run.states();
  const std::string report = read_text(directory.file("r"));
  const auto port = std::to_string(run.slots.stable[0]);
  EXPECT_TRUE(has(report, "argument --port\nargument " + port + "\n")) << report;
  EXPECT_TRUE(has(report, "argument v1.2+x;id\n")) << report;
  EXPECT_TRUE(has(report, "env SHOP=v1.2+x on " + port + " $(id)\n")) << report;
  EXPECT_TRUE(has(report, "directory " + directory.path() + "\n")) << report;
}

// Plays a replacement and looks after every single event.
void replace(Supervision& run, const std::string& version, int replicas) {
  ASSERT_TRUE(run.set(Track::stable, version, replicas));
  int least = replicas;
  int most = 0;
  const auto done = [&] {
    const core::TrackSeen track = run.stable();
    least = std::min(least, track.ready());
    int live = 0;
    for (const Instance& instance : track.instances) live += instance.state != State::stopping;
    most = std::max(most, live);
    return track.count() == replicas && track.ready_of(version) == replicas;
  };
  ASSERT_TRUE(run.until(done)) << run.states();
  EXPECT_EQ(least, replicas) << "stable went below its size";
  EXPECT_EQ(most, replicas + 1) << "one at a time";
}

TEST(ProcessWorkload, ReplacesStableReplicaByReplicaAndNeverBelowItsSize) {
  const Directory directory;
  Supervision run(directory, fixture_spec({}, 3));
  ASSERT_TRUE(run.set(Track::stable, "v1", 3));
  ASSERT_TRUE(run.until_stable_runs("v1", 3)) << run.states();
  replace(run, "v2", 3);
  replace(run, "v3", 3);
}

TEST(ProcessWorkload, TurnsAroundInTheMiddleOfAReplacement) {
  const Directory directory;
  Supervision run(directory, fixture_spec({}, 2));
  ASSERT_TRUE(run.set(Track::stable, "v1", 2));
  ASSERT_TRUE(run.until_stable_runs("v1", 2)) << run.states();
  ASSERT_TRUE(run.set(Track::stable, "v2", 2));
  ASSERT_TRUE(run.until([&] { return run.stable().ready_of("v2") == 1; })) << run.states();
  int least = 2;
  ASSERT_TRUE(run.set(Track::stable, "v1", 2));
  ASSERT_TRUE(run.until([&] {
    const core::TrackSeen track = run.stable();
    least = std::min(least, track.ready());
    return track.count() == 2 && track.ready_of("v1") == 2;
  })) << run.states();
  EXPECT_EQ(least, 2);
}

TEST(ProcessWorkload, KeepsTheOldStableWhenTheNewOneNeverGetsReady) {
  const Directory directory;
  core::ProcessWorkload spec =
      fixture_spec({"--fail-while-file", directory.file("{{version}}.bad")});
  write_text(directory.file("v2.bad"), "");
  Supervision run(directory, spec);
  ASSERT_TRUE(run.set(Track::stable, "v1", 2));
  ASSERT_TRUE(run.until_stable_runs("v1", 2)) << run.states();
  ASSERT_TRUE(run.set(Track::stable, "v2", 2));
  ASSERT_TRUE(run.until([&] {
    const core::TrackSeen track = run.stable();
    return track.count() == 3 && track.instances[2].trouble == "health path /health answers 503";
  })) << run.states();
  EXPECT_EQ(run.stable().ready_of("v1"), 2);
  ASSERT_TRUE(run.set(Track::stable, "v1", 2));
  EXPECT_TRUE(run.until_stable_runs("v1", 2)) << run.states();
}

TEST(ProcessWorkload, ScalesTheCanaryUpAndTheNewestDown) {
  const Directory directory;
  Supervision run(directory, fixture_spec({}, 3));
  ASSERT_TRUE(run.set(Track::canary, "v2", 1));
  ASSERT_TRUE(run.until([&] { return run.canary().ready_of("v2") == 1; })) << run.states();
  const std::int64_t first = run.workload.processes()[0].pid;
  ASSERT_TRUE(run.set(Track::canary, "v2", 3));
  ASSERT_TRUE(run.until([&] { return run.canary().ready_of("v2") == 3; })) << run.states();
  ASSERT_TRUE(run.set(Track::canary, "v2", 1));
  ASSERT_TRUE(run.until([&] { return run.canary().count() == 1; })) << run.states();
  EXPECT_EQ(run.workload.processes()[0].pid, first);
  ASSERT_TRUE(run.set(Track::canary, "", 0));
  ASSERT_TRUE(run.until([&] { return run.canary().count() == 0; })) << run.states();
  for (int slot = 0; slot < 3; ++slot)
    EXPECT_TRUE(directory.marked(fmt::format("canary-{}", slot)).empty());
  EXPECT_TRUE(std::filesystem::is_empty(directory.file("instances"))) << "no record is left";
}

TEST(ProcessWorkload, ReplacesACanaryThatFillsAllItsSlots) {
  const Directory directory;
  Supervision run(directory, fixture_spec({}, 2));
  ASSERT_TRUE(run.set(Track::canary, "v2", 2));
  ASSERT_TRUE(run.until([&] { return run.canary().ready_of("v2") == 2; })) << run.states();
  ASSERT_TRUE(run.set(Track::canary, "v3", 2));
  EXPECT_TRUE(run.until([&] {
    return run.canary().count() == 2 && run.canary().ready_of("v3") == 2;
  })) << run.states();
}

TEST(ProcessWorkload, StartsAKilledCanaryAgainAndCountsIt) {
  const Directory directory;
  Supervision run(directory, fixture_spec());
  ASSERT_TRUE(run.set(Track::canary, "v2", 1));
  ASSERT_TRUE(run.until([&] { return run.canary().ready() == 1; })) << run.states();
  std::string trouble;
  ::kill(static_cast<pid_t>(run.workload.processes()[0].pid), SIGKILL);
  ASSERT_TRUE(run.until([&] {
    const core::TrackSeen track = run.canary();
    if (track.instances[0].state == State::backoff) trouble = track.instances[0].trouble;
    return track.ready() == 1 && track.restarts() == 1;
  })) << run.states();
  EXPECT_TRUE(has(trouble, "killed by signal 9 (Killed) after ")) << trouble;
  EXPECT_FALSE(run.canary().instances[0].crash_loop);
  EXPECT_EQ(run.canary().instances[0].trouble, "");
}

TEST(ProcessWorkload, CallsThreeEarlyDeathsACrashLoopAndQuotesTheLog) {
  const Directory directory;
  Supervision run(directory, fixture_spec({"--print", "cannot open \x1b[31mdatabase",
                                           "--exit-after-ms", "30", "--exit-code", "7"}));
  ASSERT_TRUE(run.set(Track::canary, "v2", 1));
  ASSERT_TRUE(run.until([&] {
    const core::TrackSeen track = run.canary();
    return track.count() == 1 && track.instances[0].crash_loop &&
           track.instances[0].state == State::backoff;
  })) << run.states();
  const Instance instance = run.canary().instances[0];
  EXPECT_GE(instance.restarts, 2);
  EXPECT_TRUE(has(instance.trouble, "exited with status 7 after ")) << instance.trouble;
  EXPECT_TRUE(has(instance.trouble, ", 3 times")) << instance.trouble;
  EXPECT_TRUE(has(instance.trouble, "last lines of its log: cannot open ?[31mdatabase"))
      << instance.trouble;
  ASSERT_TRUE(run.set(Track::canary, "", 0));
  EXPECT_TRUE(run.until([&] { return run.canary().count() == 0; })) << "not wanted: not restarted";
}

TEST(ProcessWorkload, ForgetsEarlyDeathsAfterAHealthyTime) {
  const Directory directory;
  write_text(directory.file("bad"), "");
  ProcessOptions options = quick_options();
  options.settled = 50ms;
  Supervision run(directory, fixture_spec({"--exit-while-file", directory.file("bad")}), options);
  ASSERT_TRUE(run.set(Track::canary, "v2", 1));
  ASSERT_TRUE(run.until([&] {
    return run.canary().count() == 1 && run.canary().instances[0].crash_loop;
  })) << run.states();
  std::filesystem::remove(directory.file("bad"));
  EXPECT_TRUE(run.until([&] {
    const Instance instance = run.canary().instances[0];
    return instance.state == State::ready && !instance.crash_loop;
  })) << run.states();
}

TEST(ProcessWorkload, SaysThatTheCommandDoesNotExist) {
  const Directory directory;
  core::ProcessWorkload spec = fixture_spec();
  spec.command = {directory.file("{{version}}/bin/shop")};
  Supervision run(directory, spec);
  ASSERT_TRUE(run.set(Track::canary, "v9", 1));
  ASSERT_TRUE(run.until([&] { return run.canary().count() == 1; }));
  const Instance instance = run.canary().instances[0];
  EXPECT_TRUE(instance.crash_loop) << "waiting will not help";
  EXPECT_EQ(instance.trouble, fmt::format("command not found: {} (does version v9 exist?)",
                                          directory.file("v9/bin/shop")));
  // It is tried again: the files may come.
  std::filesystem::create_directories(directory.file("v9/bin"));
  std::filesystem::create_symlink("/nowhere", directory.file("v9/bin/shop"));
  write_text(directory.file("v9/bin/shop.new"), "#!/bin/sh\nexec " LINNET_PROCESS_FIXTURE
                                                " --port " +
                                                    std::to_string(run.slots.canary[0]) + "\n");
  std::filesystem::permissions(directory.file("v9/bin/shop.new"),
                               std::filesystem::perms::owner_all);
  std::filesystem::rename(directory.file("v9/bin/shop.new"), directory.file("v9/bin/shop"));
  EXPECT_TRUE(run.until([&] { return run.canary().ready() == 1; })) << run.states();
  EXPECT_FALSE(run.canary().instances[0].crash_loop);
}

TEST(ProcessWorkload, SaysThatTheCommandMayNotBeExecuted) {
  const Directory directory;
  write_text(directory.file("shop"), "#!/bin/sh\n");
  core::ProcessWorkload spec = fixture_spec();
  spec.command = {directory.file("shop")};
  Supervision run(directory, spec);
  ASSERT_TRUE(run.set(Track::canary, "v9", 1));
  ASSERT_TRUE(run.until([&] { return run.canary().count() == 1; }));
  EXPECT_TRUE(has(run.canary().instances[0].trouble, "permission denied")) << run.states();
}

TEST(ProcessWorkload, EndsWhatIsNotReadyInTime) {
  const Directory directory;
  core::ProcessWorkload spec = fixture_spec({"--no-listen"});
  spec.health.startup = 60ms;
  Supervision run(directory, spec);
  ASSERT_TRUE(run.set(Track::canary, "v2", 1));
  ASSERT_TRUE(run.until([&] {
    return run.canary().count() == 1 && run.canary().instances[0].restarts >= 1;
  })) << run.states();
  EXPECT_TRUE(
      has(run.canary().instances[0].trouble,
          fmt::format("not ready within 60ms: nothing listens on port {}", run.slots.canary[0])))
      << run.states();
}

TEST(ProcessWorkload, TellsReadyFromUnreadyWithoutARestart) {
  const Directory directory;
  Supervision run(directory, fixture_spec({"--fail-while-file", directory.file("bad")}, 1));
  ASSERT_TRUE(run.set(Track::stable, "v1", 1));
  ASSERT_TRUE(run.until_stable_runs("v1", 1)) << run.states();
  write_text(directory.file("bad"), "");
  ASSERT_TRUE(run.until([&] { return run.stable().instances[0].state == State::unready; }));
  EXPECT_EQ(run.stable().instances[0].trouble, "health path /health answers 503");
  std::filesystem::remove(directory.file("bad"));
  ASSERT_TRUE(run.until_stable_runs("v1", 1)) << run.states();
  EXPECT_EQ(run.stable().restarts(), 0);
  EXPECT_EQ(run.stable().instances[0].trouble, "");
}

TEST(ProcessWorkload, KillsWhatIgnoresTheAskToStop) {
  const Directory directory;
  core::ProcessWorkload spec = fixture_spec({"--ignore-term"});
  spec.stop.kill_after = 100ms;
  Supervision run(directory, spec);
  ASSERT_TRUE(run.set(Track::canary, "v2", 1));
  ASSERT_TRUE(run.until([&] { return run.canary().ready() == 1; })) << run.states();
  ASSERT_TRUE(run.set(Track::canary, "v2", 0));
  bool was_stopping = false;
  ASSERT_TRUE(run.until([&] {
    const core::TrackSeen track = run.canary();
    was_stopping |= track.count() == 1 && track.instances[0].state == State::stopping;
    return track.count() == 0;
  })) << run.states();
  EXPECT_TRUE(was_stopping);
  EXPECT_TRUE(directory.marked("canary-0").empty());
}

TEST(ProcessWorkload, LeavesNoChildOfTheServiceOnThePort) {
  const Directory directory;
  Supervision run(directory, fixture_spec({"--leave-child"}));
  ASSERT_TRUE(run.set(Track::canary, "v2", 1));
  ASSERT_TRUE(run.until([&] { return run.canary().ready() == 1; })) << run.states();
  ASSERT_TRUE(run.until([&] { return directory.marked("canary-0").size() == 2; }));
  ASSERT_TRUE(run.set(Track::canary, "v2", 0));
  ASSERT_TRUE(run.until([&] { return run.canary().count() == 0; })) << run.states();
  EXPECT_TRUE(run.until([&] { return directory.marked("canary-0").empty(); }));
}

TEST(ProcessWorkload, UsesAnotherSlotWhenAStrangerHasThePort) {
  const Directory directory;
  const core::ProcessWorkload spec = fixture_spec({}, 1);
  const Slots slots = choose_slots(directory.path(), spec).value().slots;
  const Stranger stranger(slots.stable[0]);
  Supervision run(directory, spec);
  ASSERT_TRUE(run.set(Track::stable, "v1", 1));
  ASSERT_TRUE(run.until_stable_runs("v1", 1)) << run.states();
  EXPECT_EQ(run.workload.processes()[0].port, slots.stable[1]);
  const std::vector<std::string> troubles = run.workload.troubles();
  ASSERT_EQ(troubles.size(), 1U);
  EXPECT_TRUE(has(troubles[0], fmt::format("port {} is taken by ", slots.stable[0])))
      << troubles[0];
  EXPECT_TRUE(has(troubles[0], fmt::format("(pid {})", ::getpid()))) << troubles[0];
  // Now no slot is left for a replacement: that is said where people look.
  ASSERT_TRUE(run.set(Track::stable, "v2", 1));
  ASSERT_TRUE(run.until([&] { return !run.stable().instances[0].trouble.empty(); }));
  EXPECT_EQ(run.stable().ready_of("v1"), 1) << "the old one goes on serving";
}

TEST(ProcessWorkload, WaitsForAPortThatIsTakenWhenThereIsNoOther) {
  const Directory directory;
  const core::ProcessWorkload spec = fixture_spec({}, 1);
  const Slots slots = choose_slots(directory.path(), spec).value().slots;
  std::optional<Stranger> stranger(slots.canary[0]);
  Supervision run(directory, spec);
  ASSERT_TRUE(run.set(Track::canary, "v1", 1));
  ASSERT_TRUE(run.until([&] {
    return run.canary().count() == 1 &&
           has(run.canary().instances[0].trouble, fmt::format("port {} is taken", slots.canary[0]));
  })) << run.states();
  EXPECT_FALSE(run.canary().instances[0].crash_loop);
  stranger.reset();
  EXPECT_TRUE(run.until([&] { return run.canary().ready() == 1; })) << run.states();
}

TEST(ProcessWorkload, BoundsTheLogOfAFlood) {
  const Directory directory;
  ProcessOptions options = quick_options();
  options.log_limit_bytes = 100'000;
  Supervision run(directory, fixture_spec({"--print-flood", "20000000"}, 1), options);
  ASSERT_TRUE(run.set(Track::stable, "v1", 1));
  ASSERT_TRUE(run.until_stable_runs("v1", 1)) << run.states();
  const std::string log = run.workload.processes()[0].log;
  ASSERT_TRUE(run.until([&] {
    return log_size(log) <= options.log_limit_bytes && std::filesystem::exists(log + ".1");
  }));
  std::uintmax_t sum = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory.file("logs")))
    sum += entry.file_size();
  EXPECT_LE(sum, 1'000'000U) << "of 20 MB";
}

TEST(ProcessWorkload, StartsNothingWhoseRecordCannotBeWritten) {
  const Directory directory;
  Supervision run(directory, fixture_spec({}, 1));
  // As on a full disk: the record can be neither written nor renamed.
  std::filesystem::create_directory(directory.record("canary-0") + ".new");
  ASSERT_TRUE(run.set(Track::canary, "v1", 1));
  ASSERT_TRUE(run.until([&] { return run.canary().count() == 1; }));
  EXPECT_TRUE(has(run.canary().instances[0].trouble, "canary-0.json.new")) << run.states();
  EXPECT_EQ(run.workload.processes()[0].pid, 0);
  EXPECT_TRUE(directory.marked("canary-0").empty());
  std::filesystem::remove(directory.record("canary-0") + ".new");
  EXPECT_TRUE(run.until([&] { return run.canary().ready() == 1; })) << run.states();
}

TEST(ProcessWorkload, LeavesTheProcessesAloneWhenItStops) {
  const Directory directory;
  Supervision run(directory, fixture_spec({}, 1));
  ASSERT_TRUE(run.set(Track::stable, "v1", 1));
  ASSERT_TRUE(run.until_stable_runs("v1", 1)) << run.states();
  run.workload.stop();
  const int rings = run.rings;
  run.io.restart();
  run.io.run_for(testing::deadline);  // returns at once: nothing is waited for any more
  EXPECT_TRUE(run.io.stopped());
  EXPECT_EQ(run.rings, rings);
  EXPECT_EQ(directory.marked("stable-0").size(), 1U);
  EXPECT_EQ(run.set(Track::stable, "v2", 1).error().code, Code::unavailable);
}

}  // namespace
}  // namespace linnet::local
