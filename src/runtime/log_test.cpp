#include "runtime/log.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace linnet::runtime {
namespace {

struct StoppedClock : Clock {
  Now now() override { return Now{WallTime{1'795'467'727'123}, MonoTime{0}}; }
};

struct LogTest : testing::Test {
  LogTest() {
    char name[] = "/tmp/linnet-log-XXXXXX";
    directory = ::mkdtemp(name);
    file = directory + "/serve.log";
  }
  ~LogTest() override { std::filesystem::remove_all(directory); }
  std::string text() const {
    std::ostringstream all;
    all << std::ifstream(file).rdbuf();
    return all.str();
  }
  std::string directory, file;
  StoppedClock clock;
};

TEST_F(LogTest, ALineHasTimeLevelAndText) {
  Log log(clock, Log::Level::info);
  ASSERT_TRUE(log.open(file));
  log.info("release {} is at {}", "shop", Percent::whole(25).text());
  log.debug("not seen");
  EXPECT_EQ(text(), clock.now().wall.text() + " info release shop is at 25 %\n");
}

TEST_F(LogTest, TextCannotForgeALine) {
  Log log(clock, Log::Level::info);
  ASSERT_TRUE(log.open(file));
  log.warning("{}", "a\n2026 error b\x1b[31m");
  EXPECT_EQ(text(), clock.now().wall.text() + " warning a\\n2026 error b\\x1b[31m\n");
}

TEST_F(LogTest, AnEndlessTextIsCutAndSaysSo) {
  Log log(clock, Log::Level::info);
  ASSERT_TRUE(log.open(file));
  log.error("{}", std::string(100'000, 'x'));
  EXPECT_LT(text().size(), 9000U);
  EXPECT_NE(text().find("(91808 bytes cut)"), std::string::npos);
}

TEST_F(LogTest, OnlyTheOwnerMayReadIt) {
  Log log(clock, Log::Level::info);
  ASSERT_TRUE(log.open(file));
  struct stat found {};
  ASSERT_EQ(::stat(file.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0600U);
}

TEST_F(LogTest, AFileThatCannotBeOpenedIsAnErrorWithItsName) {
  Log log(clock, Log::Level::info);
  const auto opened = log.open(directory + "/missing/serve.log");
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message.find("/missing/serve.log"), std::string::npos);
}

TEST_F(LogTest, AFullDiskDoesNotStopTheDaemon) {
  Log log(clock, Log::Level::info);
  ASSERT_TRUE(log.open("/dev/full"));
  log.info("this line is lost");
}

}  // namespace
}  // namespace linnet::runtime
