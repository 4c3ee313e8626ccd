#include "cli/leftovers.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <set>

#include "cli/command_test_case.h"
#include "net/listen.h"

namespace linnet::cli {
namespace {

using namespace testing;

// The number of a process that has ended.
pid_t dead_process() {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(0);
  ::waitpid(pid, nullptr, 0);
  return pid;
}

TEST(Leftovers, OfADeadCommandAreRemovedAndNothingElse) {
  const Scratch scratch;
  const std::string dead = fmt::format("cluster-{}.sock", dead_process());
  const std::string alive = fmt::format("cluster-{}.sock", ::getpid());
  const std::string other = "cluster-1234567.log";
  for (const std::string& name : {dead, dead + ".lock", dead + "-shop-1.log", alive,
                                  alive + ".lock", std::string("linnet.sock"), other})
    scratch.write(name, "");
  remove_leftovers(scratch.path());
  std::set<std::string> left;
  for (const auto& each : std::filesystem::directory_iterator(scratch.path()))
    left.insert(each.path().filename());
  EXPECT_EQ(left, (std::set<std::string>{alive, alive + ".lock", "linnet.sock", other}));
}

TEST(Leftovers, OfAnEngineThatOutlivesItsCommandStay) {
  const Scratch scratch;
  const std::string socket = fmt::format("{}/cluster-{}.sock", scratch.path(), dead_process());
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t engine = ::fork();
  if (engine == 0) {  // a lock of this process would not stop this process
    const auto listener = net::UnixListener::open(socket);
    (void)!::write(ready[1], listener ? "y" : "n", 1);
    ::pause();
    ::_exit(0);
  }
  char said = 0;
  ASSERT_EQ(::read(ready[0], &said, 1), 1);
  EXPECT_EQ(said, 'y');
  remove_leftovers(scratch.path());
  EXPECT_TRUE(std::filesystem::exists(socket));
  EXPECT_TRUE(std::filesystem::exists(socket + ".lock"));
  ::kill(engine, SIGKILL);
  ::waitpid(engine, nullptr, 0);
  remove_leftovers(scratch.path());
  EXPECT_FALSE(std::filesystem::exists(socket));
  EXPECT_FALSE(std::filesystem::exists(socket + ".lock"));
  ::close(ready[0]);
  ::close(ready[1]);
}

}  // namespace
}  // namespace linnet::cli
