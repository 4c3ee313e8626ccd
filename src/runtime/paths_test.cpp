#include "runtime/paths.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

namespace linnet::runtime {
namespace {

Environment anna() { return Environment{.uid = 1000, .home = "/home/anna"}; }

TEST(PathsFor, AUserHasThemBelowXdg) {
  Environment environment = anna();
  environment.xdg_state_home = "/home/anna/state/";
  environment.xdg_runtime_dir = "/run/user/1000";
  const auto paths = paths_for(environment);
  ASSERT_TRUE(paths) << paths.error().message;
  EXPECT_EQ(paths->state_dir, "/home/anna/state/linnet");
  EXPECT_EQ(paths->store, "/home/anna/state/linnet/linnet.db");
  EXPECT_EQ(paths->serve_log, "/home/anna/state/linnet/serve.log");
  EXPECT_EQ(paths->runtime_dir, "/run/user/1000/linnet");
  EXPECT_EQ(paths->socket, "/run/user/1000/linnet/linnet.sock");
}

TEST(PathsFor, WithoutXdgTheyAreBelowHomeAndTmp) {
  const auto paths = paths_for(anna());
  ASSERT_TRUE(paths) << paths.error().message;
  EXPECT_EQ(paths->state_dir, "/home/anna/.local/state/linnet");
  EXPECT_EQ(paths->runtime_dir, "/tmp/linnet-1000");
}

TEST(PathsFor, RootHasTheSystemsPlacesWhateverItsShellSays) {
  Environment environment{.uid = 0, .home = "/root"};
  environment.xdg_runtime_dir = "/run/user/0";
  environment.xdg_state_home = "/root/.local/state";
  const auto paths = paths_for(environment);
  ASSERT_TRUE(paths) << paths.error().message;
  EXPECT_EQ(paths->state_dir, "/var/lib/linnet");
  EXPECT_EQ(paths->socket, "/run/linnet/linnet.sock");
}

TEST(PathsFor, LinnetsOwnVariablesWinForEverybody) {
  for (const uid_t uid : {0U, 1000U}) {
    Environment environment{.uid = uid, .home = "/home/anna"};
    environment.linnet_state_dir = "/srv/a/../state";
    environment.linnet_runtime_dir = "/srv/run/";
    const auto paths = paths_for(environment);
    ASSERT_TRUE(paths) << paths.error().message;
    EXPECT_EQ(paths->state_dir, "/srv/state");
    EXPECT_EQ(paths->socket, "/srv/run/linnet.sock");
  }
}

TEST(PathsFor, ARelativePathIsRefusedByName) {
  Environment environment = anna();
  environment.xdg_runtime_dir = "run";
  const auto paths = paths_for(environment);
  ASSERT_FALSE(paths);
  EXPECT_EQ(paths.error(),
            (Error{Code::invalid, "XDG_RUNTIME_DIR is 'run': it must be an absolute path"}));
}

TEST(PathsFor, NoHomeAtAllSaysWhatToSet) {
  const auto paths = paths_for(Environment{.uid = 1000});
  ASSERT_FALSE(paths);
  EXPECT_NE(paths.error().message.find("LINNET_STATE_DIR"), std::string::npos);
}

TEST(PathsFor, ASocketPathThatTheSystemWouldCutIsRefused) {
  Environment environment = anna();
  environment.linnet_runtime_dir = "/" + std::string(max_socket_path - 13, 'x');
  const auto longest = paths_for(environment);
  ASSERT_TRUE(longest) << longest.error().message;
  EXPECT_EQ(longest->socket.size(), max_socket_path);
  environment.linnet_runtime_dir += "x";
  const auto too_long = paths_for(environment);
  ASSERT_FALSE(too_long);
  EXPECT_EQ(too_long.error().code, Code::invalid);
  EXPECT_NE(too_long.error().message.find("has 108 bytes, the system allows 107"),
            std::string::npos);
  EXPECT_NE(too_long.error().message.find("LINNET_RUNTIME_DIR"), std::string::npos);
}

struct PrivateDirectoryTest : testing::Test {
  PrivateDirectoryTest() {
    char name[] = "/tmp/linnet-paths-XXXXXX";
    base = ::mkdtemp(name);
  }
  ~PrivateDirectoryTest() override { std::filesystem::remove_all(base); }
  static unsigned mode_of(const std::string& path) {
    struct stat found {};
    return ::lstat(path.c_str(), &found) == 0 ? found.st_mode & 07777 : 0;
  }
  std::string base;
};

TEST_F(PrivateDirectoryTest, IsCreatedForItsOwnerAloneWithItsParents) {
  const std::string path = base + "/a/b/linnet";
  const auto made = make_private_directory(path, ::geteuid());
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(mode_of(path), 0700U);
  EXPECT_EQ(mode_of(base + "/a"), 0700U);
  EXPECT_TRUE(make_private_directory(path, ::geteuid())) << "once more is harmless";
}

TEST_F(PrivateDirectoryTest, RootsStateCanBePassedThroughAndItsSocketCannot) {
  Environment environment{.uid = ::geteuid(), .home = base};
  environment.linnet_state_dir = base + "/state/linnet";
  environment.linnet_runtime_dir = base + "/run/linnet";
  const auto paths = paths_for(environment);
  ASSERT_TRUE(paths) << paths.error().message;
  const auto made = make_directories(*paths, ::geteuid());
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(mode_of(paths->state_dir), ::geteuid() == 0 ? 0711U : 0700U);
  EXPECT_EQ(mode_of(base + "/state"), ::geteuid() == 0 ? 0711U : 0700U);
  EXPECT_EQ(mode_of(paths->runtime_dir), 0700U);
}

TEST_F(PrivateDirectoryTest, OneOfSomebodyElseIsRefused) {
  const auto made = make_private_directory(base, ::geteuid() + 1);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Code::denied);
  EXPECT_NE(made.error().message.find("belongs to user"), std::string::npos);
}

TEST_F(PrivateDirectoryTest, OneThatOthersMayWriteToIsRefusedAndLeftAsItIs) {
  ASSERT_EQ(::chmod(base.c_str(), 01777), 0);
  const auto made = make_private_directory(base, ::geteuid());
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Code::denied);
  EXPECT_EQ(mode_of(base), 01777U);
}

TEST_F(PrivateDirectoryTest, ALinkToADirectoryIsRefused) {
  ASSERT_EQ(::symlink(base.c_str(), (base + "/link").c_str()), 0);
  const auto made = make_private_directory(base + "/link", ::geteuid());
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Code::denied);
}

TEST_F(PrivateDirectoryTest, AFileInItsPlaceIsNamed) {
  ASSERT_EQ(::mknod((base + "/file").c_str(), S_IFREG | 0600, 0), 0);
  const auto made = make_private_directory(base + "/file", ::geteuid());
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message.find("/file' is a link or a file"), std::string::npos);
}

}  // namespace
}  // namespace linnet::runtime
