#include "local/guardian.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "local/testing/world.h"
#include "local/weight_switch.h"

namespace linnet::local {
namespace {

using namespace testing;  // NOLINT: the world of these tests

class GuardianTest : public ::testing::Test {
 protected:
  GuardianTest() {
    for (const char* name : {"shop", "cart", "idle"})
      EXPECT_TRUE(WeightSwitch(root() + "/" + name).prepare());
    EXPECT_TRUE(of("shop").set(Percent::whole(25), false));
    EXPECT_TRUE(of("cart").set(Percent::from_ppm(1000), false));
    std::ofstream(root() + "/not-a-switch") << "x";
  }
  std::string root() const { return folder_.path(); }
  std::string lock() const { return folder_.path() + "/.lock"; }
  WeightSwitch of(const std::string& name) const { return WeightSwitch(root() + "/" + name); }
  GuardianKeeper::Options options(Duration limit) {
    GuardianKeeper::Options options;
    options.command = {LINNET_GUARDIAN_PROGRAM};
    options.root = root();
    options.lock = lock();
    options.limit = limit;
    options.say = [this](std::string text) { said_.push_back(std::move(text)); };
    return options;
  }
  static bool alive(pid_t pid) {
    std::ifstream file(fmt::format("/proc/{}/stat", pid));
    std::string text;
    std::getline(file, text);
    return !text.empty() && text.find(") Z ") == std::string::npos;
  }

  ScratchFolder folder_;
  boost::asio::io_context io_;
  std::vector<std::string> said_;
};

TEST_F(GuardianTest, TakesTrafficBackWhenTheDaemonIsNotBackInTime) {
  auto held = DaemonLock::take(lock());
  ASSERT_TRUE(held);
  auto keeper = std::make_unique<GuardianKeeper>(io_, options(50ms));
  ASSERT_TRUE(keeper->start());
  const pid_t guardian = keeper->pid();
  EXPECT_EQ(of("shop").read()->weight, Percent::whole(25)) << "nothing while the daemon lives";
  { const auto dies_with_the_daemon = std::move(*held); }
  keeper.reset();  // no goodbye
  ASSERT_TRUE(until(io_, [&] { return !alive(guardian); }));
  for (const char* name : {"shop", "cart"})
    EXPECT_EQ(*of(name).read(), (SwitchState{Percent(), true, "guardian"})) << name;
  EXPECT_EQ(*of("idle").read(), SwitchState{}) << "there was nothing to take back";
  int status = 0;
  ASSERT_EQ(::waitpid(guardian, &status, 0), guardian);
  EXPECT_EQ(WEXITSTATUS(status), 1);
}

TEST_F(GuardianTest, LeavesEverythingWhenADaemonHoldsTheLockAgain) {
  auto keeper = std::make_unique<GuardianKeeper>(io_, options(10s));
  ASSERT_TRUE(keeper->start());
  const pid_t guardian = keeper->pid();
  auto next = DaemonLock::take(lock());
  ASSERT_TRUE(next);
  keeper.reset();
  ASSERT_TRUE(until(io_, [&] { return !alive(guardian); }));
  EXPECT_EQ(of("shop").read()->weight, Percent::whole(25));
  int status = -1;
  ASSERT_EQ(::waitpid(guardian, &status, 0), guardian);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(GuardianTest, DoesNotTakeTheDyingDaemonForOneThatIsBack) {
  // The kernel closes a killed process's files one after the other: the pipe's end may be gone
  // while the lock still stands.
  auto dying = DaemonLock::take(lock());
  ASSERT_TRUE(dying);
  auto keeper = std::make_unique<GuardianKeeper>(io_, options(50ms));
  ASSERT_TRUE(keeper->start());
  const pid_t guardian = keeper->pid();
  keeper.reset();
  ASSERT_TRUE(until(io_, [&] { return !alive(guardian); }));
  EXPECT_EQ(*of("shop").read(), (SwitchState{Percent(), true, "guardian"}));
  ::waitpid(guardian, nullptr, 0);
}

TEST_F(GuardianTest, GoesHomeWhenTheDaemonSaysGoodbye) {
  GuardianKeeper keeper(io_, options(50ms));
  ASSERT_TRUE(keeper.start());
  const pid_t guardian = keeper.pid();
  keeper.goodbye();
  EXPECT_FALSE(alive(guardian));
  EXPECT_EQ(of("shop").read()->weight, Percent::whole(25));
}

TEST_F(GuardianTest, IsStartedAgainWhenItDies) {
  GuardianKeeper keeper(io_, options(10s));
  ASSERT_TRUE(keeper.start());
  const pid_t first = keeper.pid();
  ASSERT_EQ(::kill(first, SIGKILL), 0);
  ASSERT_TRUE(until(io_, [&] { return keeper.pid() > 0 && keeper.pid() != first; }));
  EXPECT_FALSE(said_.empty());
  EXPECT_TRUE(alive(keeper.pid()));
  keeper.goodbye();
}

TEST_F(GuardianTest, OutlivesTheSignalsOfATerminalInASessionOfItsOwn) {
  GuardianKeeper keeper(io_, options(10s));
  ASSERT_TRUE(keeper.start());
  // It has set its signals once it carries its own name.
  ASSERT_TRUE(until(io_, [&] {
    std::ifstream file(fmt::format("/proc/{}/comm", keeper.pid()));
    std::string name;
    std::getline(file, name);
    return name == "linnet-guardian";
  }));
  EXPECT_EQ(::getsid(keeper.pid()), keeper.pid());
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::kill(keeper.pid(), signal);
  std::ifstream file(fmt::format("/proc/{}/status", keeper.pid()));
  std::string text((std::istreambuf_iterator<char>(file)), {});
  EXPECT_NE(text.find("SigPnd:\t0000000000000000"), std::string::npos) << "ignored, not only late";
  EXPECT_TRUE(alive(keeper.pid()));
  keeper.goodbye();
}

TEST_F(GuardianTest, ASecondDaemonIsRefusedTheLock) {
  auto first = DaemonLock::take(lock());
  ASSERT_TRUE(first);
  const std::string name = DaemonLock::holder(lock());
  EXPECT_FALSE(name.empty());
  const auto second = DaemonLock::take(lock());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::conflict);
  { const auto gone = std::move(*first); }
  EXPECT_EQ(DaemonLock::holder(lock()), "");
  EXPECT_EQ(DaemonLock::holder(lock() + ".missing"), "");
  const auto third = DaemonLock::take(lock());
  ASSERT_TRUE(third);
  EXPECT_NE(DaemonLock::holder(lock()), name) << "each daemon is told from the one before";
}

TEST_F(GuardianTest, ReportsWhatItCouldNotTakeBackAndTakesTheRest) {
  std::filesystem::create_directory(root() + "/broken");
  std::filesystem::create_directory(root() + "/broken/cur");
  std::ofstream(root() + "/broken/cur/3");
  std::ofstream(root() + "/broken/taken-back.guardian");
  const auto done = take_back_all(root());
  EXPECT_EQ(done.releases.size(), 3u);
  EXPECT_TRUE(done.errors.empty());
  EXPECT_TRUE(of("broken").read()->taken_back);
}

}  // namespace
}  // namespace linnet::local
