#include "runtime/background.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace linnet::runtime {
namespace {

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

std::string read_all(const std::string& path) {
  std::ostringstream all;
  all << std::ifstream(path).rdbuf();
  return all.str();
}

struct BackgroundTest : testing::Test {
  BackgroundTest() {
    char name[] = "/tmp/linnet-background-XXXXXX";
    directory = ::mkdtemp(name);
  }
  ~BackgroundTest() override { std::filesystem::remove_all(directory); }
  Background shell(const std::string& script) const {
    return Background{.command = {"/bin/sh", "-c", script},
                      .log_file = directory + "/serve.log",
                      .directory = directory,
                      .answers = [ready = directory + "/ready"] { return exists(ready); },
                      .limit = 20s};
  }
  std::string directory;
};

TEST_F(BackgroundTest, ReturnsThePidOfADetachedProcessOnceItAnswers) {
  // Writes its own pid, parent's pid group, session and descriptors; "ready" comes last.
  const auto started = start_in_background(
      shell("echo out; echo err >&2; ls /proc/self/fd > fds; cut -d' ' -f6 /proc/$$/stat > session;"
            "echo $$ > pid; : > ready; exec sleep 600"));
  ASSERT_TRUE(started) << started.error().message;
  EXPECT_EQ(read_all(directory + "/pid"), std::to_string(*started) + "\n");
  EXPECT_EQ(read_all(directory + "/serve.log"), "out\nerr\n");
  // ls itself opens one more. A session of its own, of which it is not the leader.
  EXPECT_EQ(read_all(directory + "/fds"), "0\n1\n2\n3\n");
  const pid_t session = std::atoi(read_all(directory + "/session").c_str());
  EXPECT_NE(session, ::getsid(0));
  EXPECT_NE(session, *started);
  EXPECT_EQ(::kill(*started, SIGKILL), 0);
}

TEST_F(BackgroundTest, OneThatDiesAtOnceIsReportedWithItsLastWords) {
  std::ofstream(directory + "/serve.log") << "an old line\n";
  const auto started = start_in_background(shell("echo 'store is damaged' >&2; exit 1"));
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Code::unavailable);
  EXPECT_NE(started.error().message.find("ended at once"), std::string::npos);
  EXPECT_NE(started.error().message.find("store is damaged"), std::string::npos);
  EXPECT_EQ(started.error().message.find("an old line"), std::string::npos);
}

TEST_F(BackgroundTest, OneThatNeverAnswersIsReportedAtTheLimit) {
  Background background = shell("echo loading; echo $$ > pid; exec sleep 600");
  background.limit = 300ms;
  const auto started = start_in_background(background);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Code::timed_out);
  EXPECT_NE(started.error().message.find("did not answer within 300ms"), std::string::npos);
  ::kill(std::atoi(read_all(directory + "/pid").c_str()), SIGKILL);
}

TEST_F(BackgroundTest, AProgramThatIsNotThereIsNamed) {
  Background background = shell("");
  background.command = {"/nonexistent/linnet", "serve"};
  const auto started = start_in_background(background);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().message, "starting the daemon: executing '/nonexistent/linnet' in '" +
                                         directory + "': No such file or directory");
}

TEST_F(BackgroundTest, LosingARaceAgainstAnotherDaemonIsNotAnError) {
  const auto started = start_in_background(shell(": > ready; exit 1"));
  EXPECT_TRUE(started) << started.error().message;
}

TEST_F(BackgroundTest, AHugeLogIsSetAside) {
  const std::string log = directory + "/serve.log";
  std::ofstream(log) << "x";
  ASSERT_EQ(::truncate(log.c_str(), 11 * 1024 * 1024), 0);
  ASSERT_TRUE(start_in_background(shell("echo fresh; : > ready")));
  EXPECT_TRUE(exists(log + ".1"));
  EXPECT_LT(std::filesystem::file_size(log), 100U);
}

TEST_F(BackgroundTest, LastLinesAreTheLastAndHarmless) {
  const std::string log = directory + "/serve.log";
  std::ofstream(log) << "one\ntwo\nthree \x1b[31mred\n";
  EXPECT_EQ(last_lines(log, 2), "two\nthree [31mred");
  EXPECT_EQ(last_lines(log, 9), "one\ntwo\nthree [31mred");
  EXPECT_EQ(last_lines(log, 9, 4), "two\nthree [31mred");
  EXPECT_EQ(last_lines(log, 9, 4000), "");
  EXPECT_EQ(last_lines(directory + "/missing", 9), "");
  std::ofstream(log) << std::string(100'000, 'x') << "\nlast\n";
  EXPECT_EQ(last_lines(log, 9), "last");
  std::ofstream(log) << std::string(100'000, 'x');
  EXPECT_LE(last_lines(log, 9).size(), 4096U);
}

}  // namespace
}  // namespace linnet::runtime
