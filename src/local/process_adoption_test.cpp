// Instances over several runs of linnet: they live on, are found again and never doubled, whenever
// and however the run before ended.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>

#include <algorithm>

#include "local/process_log.h"
#include "local/process_record.h"
#include "local/process_testing.h"

namespace linnet::local {
namespace {

using core::Track;
using testing::Directory;
using testing::fixture_spec;
using testing::Supervision;
using testing::write_text;
using State = core::Instance::State;

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// A daemon of its own: runs until it is killed. `wanted` of v1 for stable.
class OtherDaemon {
 public:
  OtherDaemon(const Directory& directory, const core::ProcessWorkload& spec, int wanted)
      : pid_(::fork()) {
    if (pid_ != 0) return;
    Supervision run(directory, spec);
    [[maybe_unused]] const Result<void> set = run.set(Track::stable, "v1", wanted);
    for (;;) run.io.run_one();
  }
  ~OtherDaemon() { kill(); }
  void kill() {
    if (pid_ == 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

 private:
  pid_t pid_;
};

bool wait_for(const std::function<bool()>& holds) {
  testing::RealClock clock;
  const MonoTime end = clock.now().mono + testing::deadline;
  while (!holds()) {
    if (clock.now().mono > end) return false;
    ::poll(nullptr, 0, 2);
  }
  return true;
}

bool is_ready(const Directory& directory, const std::string& id) {
  const Result<ProcessRecord> record = read_record(directory.record(id));
  return record && record->ready;
}

std::vector<std::int64_t> pids(const Supervision& run) {
  std::vector<std::int64_t> out;
  for (const ProcessView& view : run.workload.processes()) out.push_back(view.pid);
  return out;
}

// Each slot has at most one process, and it is the one that the supervisor knows.
void expect_none_doubled(const Directory& directory, const Supervision& run) {
  std::size_t all = 0;
  for (int slot = 0; slot < 4; ++slot) {
    const auto marked = directory.marked(fmt::format("stable-{}", slot));
    EXPECT_LE(marked.size(), 1U) << "slot " << slot;
    all += marked.size();
    for (const MarkedProcess& process : marked) {
      const auto known = pids(run);
      EXPECT_EQ(std::count(known.begin(), known.end(), process.pid), 1) << "an orphan";
    }
  }
  EXPECT_EQ(all, run.workload.processes().size());
}

TEST(ProcessAdoption, TakesOverWhatAKilledDaemonLeftAsReadyAsItWas) {
  const Directory directory;
  const core::ProcessWorkload spec = fixture_spec();
  OtherDaemon other(directory, spec, 2);
  ASSERT_TRUE(
      wait_for([&] { return is_ready(directory, "stable-0") && is_ready(directory, "stable-1"); }));
  const pid_t first = read_record(directory.record("stable-0"))->pid;
  other.kill();
  Supervision run(directory, spec);
  EXPECT_EQ(run.stable().ready_of("v1"), 2) << "at once: no gap that looks like a failure";
  EXPECT_EQ(run.stable().restarts(), 0);
  ASSERT_TRUE(run.set(Track::stable, "v1", 2));
  run.io.run_for(50ms);
  EXPECT_EQ(pids(run)[0], first);
  expect_none_doubled(directory, run);
}

TEST(ProcessAdoption, WatchesAndStopsProcessesThatAreNotItsChildren) {
  const Directory directory;
  const core::ProcessWorkload spec = fixture_spec();
  OtherDaemon other(directory, spec, 2);
  ASSERT_TRUE(
      wait_for([&] { return is_ready(directory, "stable-0") && is_ready(directory, "stable-1"); }));
  other.kill();
  Supervision run(directory, spec);
  ASSERT_TRUE(run.set(Track::stable, "v1", 2));
  ::kill(static_cast<pid_t>(pids(run)[0]), SIGKILL);
  ASSERT_TRUE(run.until([&] { return run.stable().restarts() == 1; })) << run.states();
  ASSERT_TRUE(run.until_stable_runs("v1", 2)) << run.states();
  ASSERT_TRUE(run.set(Track::stable, "v1", 0));
  ASSERT_TRUE(run.until([&] { return run.stable().count() == 0; })) << run.states();
  EXPECT_TRUE(directory.marked("stable-0").empty());
  EXPECT_TRUE(directory.marked("stable-1").empty());
}

TEST(ProcessAdoption, StartsAgainWhatDiedWhileNobodyWatched) {
  const Directory directory;
  const core::ProcessWorkload spec = fixture_spec({}, 1);
  OtherDaemon other(directory, spec, 1);
  ASSERT_TRUE(wait_for([&] { return is_ready(directory, "stable-0"); }));
  other.kill();
  ::kill(read_record(directory.record("stable-0"))->pid, SIGKILL);
  ASSERT_TRUE(wait_for([&] { return directory.marked("stable-0").empty(); }));
  Supervision run(directory, spec);
  EXPECT_EQ(run.stable().ready(), 0);
  EXPECT_TRUE(has(run.stable().instances[0].trouble, "ended while linnet was not running"))
      << run.states();
  ASSERT_TRUE(run.until_stable_runs("v1", 1)) << "by itself: the record says what ran";
  EXPECT_EQ(run.stable().restarts(), 1);
}

TEST(ProcessAdoption, DoesNotTakeAReusedPidForTheInstance) {
  const Directory directory;
  const core::ProcessWorkload spec = fixture_spec({}, 1);
  {
    Supervision run(directory, spec);
    ASSERT_TRUE(run.set(Track::stable, "v1", 1));
    ASSERT_TRUE(run.until_stable_runs("v1", 1)) << run.states();
    ASSERT_TRUE(run.set(Track::stable, "v1", 0));
    ASSERT_TRUE(run.until([&] { return run.stable().count() == 0; }));
  }
  ProcessRecord record;
  record.id = "stable-0";
  record.version = "v1";
  record.port = choose_slots(directory.path(), spec)->slots.stable[0];
  record.pid = ::getpid();  // this test: it must survive
  record.start_ticks = process_stat(::getpid())->start_ticks + 1;
  record.boot = boot_id();
  record.ready = true;
  ASSERT_TRUE(write_record(directory.record("stable-0"), record, Sync::none));
  Supervision run(directory, spec);
  EXPECT_EQ(run.stable().ready(), 0);
  ASSERT_TRUE(run.until_stable_runs("v1", 1)) << run.states();
  EXPECT_NE(pids(run)[0], ::getpid());
}

TEST(ProcessAdoption, CountsARestartOfTheMachineAsNoDeath) {
  const Directory directory;
  const core::ProcessWorkload spec = fixture_spec({}, 1);
  ProcessRecord record;
  record.id = "stable-0";
  record.version = "v1";
  record.port = choose_slots(directory.path(), spec)->slots.stable[0];
  record.pid = ::getpid();
  record.start_ticks = process_stat(::getpid())->start_ticks;
  record.boot = "an earlier one";
  record.ready = true;
  std::filesystem::create_directory(directory.file("instances"));
  ASSERT_TRUE(write_record(directory.record("stable-0"), record, Sync::none));
  Supervision run(directory, spec);
  ASSERT_TRUE(run.until_stable_runs("v1", 1)) << run.states();
  EXPECT_EQ(run.stable().restarts(), 0);
}

TEST(ProcessAdoption, GoesOnStoppingWhatWasBeingStopped) {
  const Directory directory;
  core::ProcessWorkload spec = fixture_spec({"--ignore-term"}, 1);
  {
    Supervision run(directory, spec);
    ASSERT_TRUE(run.set(Track::canary, "v2", 1));
    ASSERT_TRUE(run.until([&] { return run.canary().ready() == 1; })) << run.states();
    ASSERT_TRUE(run.set(Track::canary, "v2", 0));
    ASSERT_TRUE(run.until([&] { return run.canary().instances[0].state == State::stopping; }));
  }
  spec.stop.kill_after = 20ms;
  Supervision run(directory, spec);
  EXPECT_EQ(run.canary().instances[0].state, State::stopping);
  EXPECT_TRUE(run.until([&] { return run.canary().count() == 0; })) << run.states();
  EXPECT_TRUE(directory.marked("canary-0").empty());
}

TEST(ProcessAdoption, FindsTheProcessOfADamagedRecord) {
  for (const char* damage : {"", "{\"id\": \"stable-0\", \"pid\":", "\xff\xfe"}) {
    const Directory directory;
    const core::ProcessWorkload spec = fixture_spec({}, 1);
    OtherDaemon other(directory, spec, 1);
    ASSERT_TRUE(wait_for([&] { return is_ready(directory, "stable-0"); }));
    const pid_t pid = read_record(directory.record("stable-0"))->pid;
    other.kill();
    write_text(directory.record("stable-0"), damage);
    Supervision run(directory, spec);
    ASSERT_TRUE(run.set(Track::stable, "v1", 1));
    ASSERT_TRUE(run.until_stable_runs("v1", 1)) << run.states();
    EXPECT_EQ(pids(run)[0], pid);
    expect_none_doubled(directory, run);
    ASSERT_EQ(run.workload.troubles().size(), 1U);
    EXPECT_TRUE(has(run.workload.troubles()[0], "stable-0.json is damaged"));
    EXPECT_TRUE(has(run.workload.troubles()[0], fmt::format("its process {} was found", pid)));
  }
}

TEST(ProcessAdoption, FindsTheProcessOfADeletedRecord) {
  const Directory directory;
  const core::ProcessWorkload spec = fixture_spec({}, 1);
  OtherDaemon other(directory, spec, 1);
  ASSERT_TRUE(wait_for([&] { return is_ready(directory, "stable-0"); }));
  const pid_t pid = read_record(directory.record("stable-0"))->pid;
  other.kill();
  std::filesystem::remove(directory.record("stable-0"));
  Supervision run(directory, spec);
  ASSERT_TRUE(run.set(Track::stable, "v1", 1));
  ASSERT_TRUE(run.until_stable_runs("v1", 1)) << run.states();
  EXPECT_EQ(pids(run)[0], pid);
  expect_none_doubled(directory, run);
}

TEST(ProcessAdoption, SetsADamagedRecordWithoutAProcessAside) {
  const Directory directory;
  const core::ProcessWorkload spec = fixture_spec({}, 1);
  std::filesystem::create_directory(directory.file("instances"));
  write_text(directory.record("stable-0"), "{");
  Supervision run(directory, spec);
  ASSERT_TRUE(run.set(Track::stable, "v1", 1));
  ASSERT_TRUE(run.until_stable_runs("v1", 1)) << run.states();
  EXPECT_TRUE(has(run.workload.troubles().at(0), "no process of it was found")) << run.states();
  EXPECT_TRUE(std::filesystem::exists(directory.record("stable-0") + ".damaged"));
}

TEST(ProcessAdoption, RollsAnInstanceThatStandsOnAPortOutsideItsSlot) {
  const Directory directory;
  const core::ProcessWorkload spec = fixture_spec({}, 1);
  OtherDaemon other(directory, spec, 1);
  ASSERT_TRUE(wait_for([&] { return is_ready(directory, "stable-0"); }));
  other.kill();
  // The ports were lost and are chosen anew; the process still runs on its old one.
  const Slots before = choose_slots(directory.path(), spec)->slots;
  write_text(directory.file("slots.json"),
             fmt::format(R"({{"stable":[{},{}],"canary":[{}]}})", before.stable[1],
                         before.canary[0], before.stable[0] == 9999 ? 9998 : 9999));
  Supervision run(directory, spec);
  ASSERT_TRUE(run.set(Track::stable, "v1", 1));
  ASSERT_TRUE(run.until([&] {
    const auto views = run.workload.processes();
    return views.size() == 1 && views[0].port != before.stable[0] &&
           views[0].instance.state == State::ready;
  })) << run.states();
}

// At any instant: whatever a killed daemon was doing, the next one knows all that runs.
TEST(ProcessAdoption, NeverDoublesNorLosesAProcessHoweverOftenTheDaemonIsKilled) {
  const Directory directory;
  const core::ProcessWorkload spec = fixture_spec({}, 3);
  ASSERT_TRUE(choose_slots(directory.path(), spec));
  std::uint32_t random = 12345;
  for (int round = 0; round < 25; ++round) {
    OtherDaemon other(directory, spec, round % 4);
    random = random * 1664525U + 1013904223U;
    ::usleep((random >> 16) % 40'000);  // a random instant is the point, nothing is waited for
    other.kill();
  }
  Supervision run(directory, spec);
  ASSERT_TRUE(run.set(Track::stable, "v1", 3));
  ASSERT_TRUE(run.until_stable_runs("v1", 3)) << run.states();
  expect_none_doubled(directory, run);
  EXPECT_TRUE(run.workload.troubles().empty());
}

}  // namespace
}  // namespace linnet::local
