// The store on a disk that refuses: full, limited, read-only. Nothing that was saved is lost, the
// message says what to do, and once there is room again it goes on.
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cstdio>

#include "local/sqlite_test_support.h"

namespace linnet::local {
namespace {

constexpr int cannot_try = 77;

int complain(const char* what, const std::string& detail = {}) {
  std::fprintf(stderr, "%s %s\n", what, detail.c_str());
  return 1;
}

Saving bulky(std::int64_t n) {
  Saving saving = turn(n);
  saving.entries.push_back({"trouble", std::string(3000, 'x')});
  return saving;
}

/// Saves until the disk refuses, checks that the last good state is still there, makes room and
/// goes on. Runs in a child of its own.
int fill_and_recover(const std::string& path, const std::function<bool()>& narrow,
                     const std::function<bool()>& widen) {
  auto opened = SqliteStore::open(path);
  if (!opened) return complain("open:", opened.error().message);
  SqliteStore& store = **opened;
  if (!store.put_release("shop", "a: 1")) return complain("put");
  std::int64_t version = 0;
  if (!narrow()) return cannot_try;
  while (version < 2000) {
    const auto saved = now(store.save("shop", version, bulky(version + 1)));
    if (saved) {
      version = *saved;
      continue;
    }
    if (saved.error().code != Code::unavailable) return complain("save:", saved.error().message);
    std::fprintf(stderr, "as expected: %s\n", saved.error().message.c_str());
    break;
  }
  if (version == 0 || version == 2000) return complain("the disk never refused");
  const auto refused = store.add_intent("shop", core::Intent{});
  if (refused || refused.error().code != Code::unavailable) {
    // A small write may still fit; what counts is that the answer is true.
    if (!refused) return complain("intent:", refused.error().message);
    if (now(store.intents("shop", 0))->empty()) return complain("intent accepted and lost");
  }
  const auto kept = now(store.load("shop"));
  if (!kept) return complain("load:", kept.error().message);
  if (kept->version != version || kept->status.notices != version) return complain("lost a turn");
  if (!widen()) return complain("widen");
  const auto again = now(store.save("shop", version, bulky(version + 1)));
  if (!again) return complain("again:", again.error().message);
  opened->reset();
  auto reopened = SqliteStore::open(path);
  if (!reopened) return complain("reopen:", reopened.error().message);
  const auto after = now((*reopened)->load("shop"));
  return after && after->version == version + 1 ? 0 : complain("lost the turn after");
}

TEST(SqliteDiskTest, AFileSizeLimitRefusesAndWhenRaisedItGoesOn) {
  Folder folder;
  const int result = in_child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    rlimit limit{};
    ::getrlimit(RLIMIT_FSIZE, &limit);
    const rlim_t before = limit.rlim_cur;
    const auto set = [&](rlim_t bytes) {
      limit.rlim_cur = bytes;
      return ::setrlimit(RLIMIT_FSIZE, &limit) == 0;
    };
    return fill_and_recover(
        folder.file(), [&] { return set(300'000); }, [&] { return set(before); });
  });
  EXPECT_EQ(result, 0);
}

TEST(SqliteDiskTest, AFullDiskRefusesAndWithRoomAgainItGoesOn) {
  Folder folder;
  const int result = in_child([&] {
    // A file system of our own, seen by this child only.
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", folder.path().c_str(), "tmpfs", 0, "size=1200k") != 0)
      return cannot_try;
    const auto grow = [&] {
      return ::mount("tmpfs", folder.path().c_str(), "tmpfs", MS_REMOUNT, "size=64m") == 0;
    };
    return fill_and_recover(
        folder.file(), [] { return true; }, grow);
  });
  if (result == cannot_try) GTEST_SKIP() << "may not mount here";
  EXPECT_EQ(result, 0);
}

TEST(SqliteDiskTest, AReadOnlyFileIsToldAtTheStart) {
  Folder folder;
  open_store(folder.file()).reset();
  ::chmod(folder.file().c_str(), 0444);
  ::chmod(folder.path().c_str(), 0777);
  ::chmod(folder.file("linnet.db.lock").c_str(), 0666);
  const std::string before = bytes_of(folder.file());
  const int result = in_child([&] {
    if (::geteuid() == 0 && ::setresuid(65534, 65534, 65534) != 0) return cannot_try;
    const auto store = SqliteStore::open(folder.file());
    if (store) return complain("opened");
    if (store.error().code != Code::unavailable) return complain("code");
    return store.error().message.find(folder.file()) != std::string::npos
               ? 0
               : complain("message:", store.error().message);
  });
  if (result == cannot_try) GTEST_SKIP() << "may not change the user here";
  EXPECT_EQ(result, 0);
  EXPECT_EQ(bytes_of(folder.file()), before);
}

TEST(SqliteDiskTest, AFolderThatBecomesReadOnlyIsToldAtTheStart) {
  Folder folder;
  open_store(folder.file()).reset();
  const int result = in_child([&] {
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount(folder.path().c_str(), folder.path().c_str(), nullptr, MS_BIND, nullptr) != 0 ||
        ::mount("none", folder.path().c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY,
                nullptr) != 0)
      return cannot_try;
    const auto store = SqliteStore::open(folder.file());
    return !store && store.error().code == Code::unavailable ? 0 : complain("opened");
  });
  if (result == cannot_try) GTEST_SKIP() << "may not mount here";
  EXPECT_EQ(result, 0);
}

}  // namespace
}  // namespace linnet::local
