#include "local/process_launch.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>

#include "local/process_record.h"
#include "local/process_testing.h"

namespace linnet::local {
namespace {

using testing::Directory;
using testing::read_text;

Launch fixture_launch(const Directory& directory, std::vector<std::string> more) {
  Launch what;
  what.program = LINNET_PROCESS_FIXTURE;
  what.arguments = {"fixture"};
  what.arguments.insert(what.arguments.end(), more.begin(), more.end());
  what.environment = {"LINNET_RECORD=" + directory.record("stable-0"), "PATH=/usr/bin:/bin"};
  what.directory = directory.path();
  what.log = directory.file("out.log");
  return what;
}

Result<void> recorded(const Launched&) { return {}; }

// Blocks until the process has ended; false when it does not in time.
bool ends(const Launched& launched) {
  pollfd waiting{launched.pidfd.get(), POLLIN, 0};
  return ::poll(&waiting, 1, static_cast<int>(testing::deadline.count())) == 1;
}

TEST(ProcessLaunch, ReplacesVersionAndPortOnlyOnce) {
  EXPECT_EQ(expand("/opt/{{version}}/{{port}}-{{port}}", "v1", 80), "/opt/v1/80-80");
  EXPECT_EQ(expand("{{version}}", "{{port}}", 80), "{{port}}");
  EXPECT_EQ(expand("{{versio}} {{ port }} {", "v1", 80), "{{versio}} {{ port }} {");
}

TEST(ProcessLaunch, HandsTheEnvironmentOnButNotWhatIsMeantForLinnet) {
  const std::vector<std::string> environment = child_environment(
      {"PATH=/bin", "NOTIFY_SOCKET=/run/x", "LISTEN_FDS=1", "LINNET_SPEC=s", "A=1"},
      {{"A", "2"}, {"B", "3"}});
  EXPECT_EQ(environment, (std::vector<std::string>{"PATH=/bin", "A=2", "B=3"}));
}

TEST(ProcessLaunch, SaysWhyAProgramIsNotFound) {
  const Directory directory;
  const auto missing = find_program("/opt/nowhere/x", directory.path(), {});
  EXPECT_EQ(missing.error().message, "command not found: /opt/nowhere/x");
  testing::write_text(directory.file("plain"), "no program");
  const auto plain = find_program(directory.file("plain"), "/", {});
  EXPECT_EQ(plain.error().code, Code::denied);
  EXPECT_NE(plain.error().message.find("permission denied"), std::string::npos);
  EXPECT_EQ(find_program("./plain", directory.path(), {}).error().code, Code::denied);
  EXPECT_FALSE(find_program(directory.path(), "/", {})) << "a directory is no program";
  EXPECT_TRUE(find_program("sh", "/", {"PATH=/nowhere:/usr/bin:/bin"}));
  EXPECT_EQ(find_program("sh", "/", {"PATH=/nowhere"}).error().code, Code::not_found);
}

TEST(ProcessLaunch, GivesTheChildASessionOfItsOwnAndNoDescriptorOfOurs) {
  const Directory directory;
  const Descriptor leaky(::dup(2));  // without close-on-exec, as many libraries open theirs
  sigset_t blocked, before;
  ::sigemptyset(&blocked);
  ::sigaddset(&blocked, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
  const Launched launched =
      launch(fixture_launch(directory, {"--report", directory.file("r"), "--exit-after-ms", "0"}),
             recorded)
          .value();
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ASSERT_TRUE(ends(launched));
  ::waitpid(launched.pid, nullptr, 0);
  const std::string report = read_text(directory.file("r"));
  EXPECT_NE(report.find("session 1\n"), std::string::npos) << report;
  EXPECT_NE(report.find("stdin_at_end 1\n"), std::string::npos) << report;
  EXPECT_NE(report.find("term_blocked 0\n"), std::string::npos) << report;
  EXPECT_NE(report.find("directory " + directory.path() + "\n"), std::string::npos) << report;
  for (int fd = 3; fd < 64; ++fd)
    EXPECT_EQ(report.find(fmt::format("descriptor {}\n", fd)), std::string::npos) << report;
}

TEST(ProcessLaunch, PassesShellCharactersAsTheyAre) {
  const Directory directory;
  const std::string nasty = "$(touch " + directory.file("pwned") + "); `id` && 'x' > y | *";
  const Launched launched = launch(fixture_launch(directory, {"--report", directory.file("r"),
                                                              "--exit-after-ms", "0", nasty}),
                                   recorded)
                                .value();
  ASSERT_TRUE(ends(launched));
  ::waitpid(launched.pid, nullptr, 0);
  EXPECT_NE(read_text(directory.file("r")).find("argument " + nasty + "\n"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(directory.file("pwned")));
}

TEST(ProcessLaunch, ExecutesNothingWhenTheRecordCannotBeWritten) {
  const Directory directory;
  pid_t pid = 0;
  const auto refused = [&](const Launched& launched) -> Result<void> {
    pid = launched.pid;
    return fail(Code::unavailable, "no space left");
  };
  const auto launched =
      launch(fixture_launch(directory, {"--report", directory.file("r")}), refused);
  ASSERT_FALSE(launched);
  EXPECT_EQ(launched.error().message, "no space left");
  EXPECT_FALSE(process_stat(pid)) << "reaped already";
  EXPECT_FALSE(std::filesystem::exists(directory.file("r")));
}

TEST(ProcessLaunch, SaysWhyTheProgramCouldNotBeExecuted) {
  const Directory directory;
  testing::write_text(directory.file("script"), "#!/nowhere/python\n");
  testing::write_text(directory.file("text"), "neither\n");
  for (const char* name : {"script", "text"})
    std::filesystem::permissions(directory.file(name), std::filesystem::perms::owner_all);
  const auto why = [&](const std::string& program, const std::string& in) {
    Launch what = fixture_launch(directory, {});
    what.program = program;
    what.directory = in;
    const Launched launched = launch(what, recorded).value();
    EXPECT_TRUE(ends(launched));
    ::waitpid(launched.pid, nullptr, 0);
    return exec_failure(launched.failure, what).error().message;
  };
  EXPECT_NE(why(directory.file("script"), "/").find("the interpreter that it names does not exist"),
            std::string::npos);
  EXPECT_NE(why(directory.file("text"), "/").find("neither a program nor a script"),
            std::string::npos);
  EXPECT_EQ(why(LINNET_PROCESS_FIXTURE, "/nowhere"),
            "working directory /nowhere: No such file or directory");
}

// A supervisor that is killed within launch(): at `when`, seen from the record.
struct Killed {
  pid_t child = 0;
  std::uint64_t start_ticks = 0;
};
enum class When { before_record, after_record };

Killed supervisor_killed(const Directory& directory, When when) {
  int ends[2];
  CHECK(::pipe2(ends, O_CLOEXEC) == 0);
  const Descriptor read(ends[0]);
  Descriptor write(ends[1]);
  const pid_t supervisor = ::fork();
  if (supervisor == 0) {
    const auto die = [&](const Launched& launched) -> Result<void> {
      const Killed said{launched.pid, launched.start_ticks};
      [[maybe_unused]] const ssize_t n = ::write(write.get(), &said, sizeof said);
      ProcessRecord record;
      record.id = "stable-0";
      record.version = "v1";
      record.port = 1;
      record.pid = launched.pid;
      record.start_ticks = launched.start_ticks;
      record.boot = boot_id();
      if (when == When::after_record)
        CHECK(write_record(directory.file("record.json"), record, Sync::full));
      ::kill(::getpid(), SIGKILL);
      return {};
    };
    [[maybe_unused]] const auto never =
        launch(fixture_launch(directory, {"--report", directory.file("r")}), die);
    ::_exit(1);
  }
  write.reset();
  Killed said;
  CHECK(::read(read.get(), &said, sizeof said) == sizeof said);
  int status = 0;
  CHECK(::waitpid(supervisor, &status, 0) == supervisor && WIFSIGNALED(status));
  return said;
}

// Waits on the kernel, not on a clock: a pidfd of the orphan, if it is there still.
void expect_gone_unexecuted(const Directory& directory, const Killed& killed) {
  const Result<Descriptor> orphan = open_process(killed.child, killed.start_ticks);
  ASSERT_TRUE(orphan);
  if (orphan->valid()) {
    pollfd waiting{orphan->get(), POLLIN, 0};
    ASSERT_EQ(::poll(&waiting, 1, static_cast<int>(testing::deadline.count())), 1);
  }
  EXPECT_FALSE(std::filesystem::exists(directory.file("r"))) << "it ran unrecorded";
  EXPECT_TRUE(directory.marked("stable-0").empty());
}

TEST(ProcessLaunch, LeavesNoProcessWhenTheSupervisorIsKilledBeforeTheRecord) {
  const Directory directory;
  expect_gone_unexecuted(directory, supervisor_killed(directory, When::before_record));
}

TEST(ProcessLaunch, LeavesNoProcessWhenTheSupervisorIsKilledAfterTheRecord) {
  const Directory directory;
  const Killed killed = supervisor_killed(directory, When::after_record);
  expect_gone_unexecuted(directory, killed);
  const ProcessRecord record = read_record(directory.file("record.json")).value();
  EXPECT_EQ(record.pid, killed.child);
  EXPECT_FALSE(open_process(record.pid, record.start_ticks)->valid())
      << "the record names a dead one";
}

TEST(ProcessTable, DoesNotTakeALaterProcessForTheOneRecorded) {
  const ProcessStat self = process_stat(::getpid()).value();
  EXPECT_TRUE(open_process(::getpid(), self.start_ticks)->valid());
  EXPECT_FALSE(open_process(::getpid(), self.start_ticks + 1)->valid());
  EXPECT_FALSE(open_process(4'194'304, 1)->valid());
}

}  // namespace
}  // namespace linnet::local
