// The SQLite store against the contract of every store, and what it keeps beyond it. The journal in
// it is the daemon's: src/daemon/store_journal_test.cpp.
#include "local/sqlite_store.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>

#include <chrono>
#include <random>

#include "contract/store_contract.h"
#include "local/sqlite_database.h"
#include "local/sqlite_schema.h"
#include "local/sqlite_test_support.h"

namespace linnet::local {
namespace {

class SqliteUnderTest final : public contract::StoreUnderTest {
 public:
  SqliteUnderTest() {
    reopen();
    EXPECT_TRUE(store_->put_release("shop", "a: 1"));
    EXPECT_TRUE(store_->put_release("api", "b: 2"));
  }
  Store& store() override { return *store_; }
  Result<std::int64_t> add_intent(const std::string& release, const core::Intent& intent) override {
    return store_->add_intent(release, intent);
  }
  std::optional<core::Answer> answer_of(std::int64_t intent) override {
    const auto state = store_->intent_state(intent);
    EXPECT_TRUE(state) << state.error().message;
    return state ? state->answer : std::nullopt;
  }
  void reopen() override {
    store_.reset();
    store_ = open_store(folder_.file());
  }

 private:
  Folder folder_;
  std::unique_ptr<SqliteStore> store_;
};

class SqliteStoreTest : public testing::Test {
 protected:
  void put_shop() { ASSERT_TRUE(store->put_release("shop", "a: 1")); }
  std::int64_t add() {
    const auto id = store->add_intent("shop", core::Intent{});
    EXPECT_TRUE(id) << id.error().message;
    return id.value_or(0);
  }

  Folder folder;
  std::unique_ptr<SqliteStore> store = open_store(folder.file());
};

TEST_F(SqliteStoreTest, SpecsAreKeptInOrderOfNames) {
  ASSERT_TRUE(store->put_release("shop", "a: 1"));
  ASSERT_TRUE(store->put_release("api", "b: ß"));
  ASSERT_TRUE(store->put_release("shop", "a: 2"));
  store.reset();
  store = open_store(folder.file());
  const std::vector<StoredRelease> expected{{"api", "b: ß"}, {"shop", "a: 2"}};
  EXPECT_EQ(store->releases(), expected);
}

TEST_F(SqliteStoreTest, ARemovedReleaseIsForgottenAndItsIntentNumbersAreNotUsedAgain) {
  put_shop();
  const auto before = add();
  ASSERT_TRUE(now(store->save("shop", 0, turn(1))));
  ASSERT_TRUE(store->remove_release("shop"));
  EXPECT_EQ(store->remove_release("shop").error().code, Code::not_found);
  EXPECT_EQ(store->intent_state(before).error().code, Code::not_found);
  store.reset();
  store = open_store(folder.file());
  put_shop();
  EXPECT_EQ(now(store->load("shop"))->version, 0);
  EXPECT_TRUE(store->journal("shop", 0, 10)->empty());
  EXPECT_TRUE(store->history("shop", 10)->empty());
  EXPECT_GT(add(), before);
}

TEST_F(SqliteStoreTest, AnIntentForAReleaseThatDoesNotExistIsRefused) {
  EXPECT_EQ(store->add_intent("shop", core::Intent{}).error().code, Code::not_found);
}

TEST_F(SqliteStoreTest, TheJournalIsReadPageByPage) {
  for (std::int64_t n = 1; n <= 25; ++n) ASSERT_TRUE(now(store->save("shop", n - 1, turn(n))));
  ASSERT_TRUE(now(store->save("api", 0, turn(99))));
  std::int64_t after = 0;
  std::vector<std::string> texts;
  while (true) {
    const auto page = store->journal("shop", after, 10);
    ASSERT_TRUE(page);
    if (page->empty()) break;
    EXPECT_LE(page->size(), 10u);
    for (const wire::JournalLine& line : *page) {
      EXPECT_GT(line.seq, after);
      after = line.seq;
      texts.push_back(line.entry.text);
    }
  }
  ASSERT_EQ(texts.size(), 25u);
  EXPECT_EQ(texts.front(), "turn 1");
  EXPECT_EQ(texts.back(), "turn 25");
  const auto tail = store->journal_tail("shop", 2);
  ASSERT_TRUE(tail);
  ASSERT_EQ(tail->size(), 2u);
  EXPECT_EQ((*tail)[0].entry.text, "turn 24");
  EXPECT_EQ((*tail)[1].at, WallTime{25});
  EXPECT_TRUE(store->journal("shop", 0, -1)->empty());
}

TEST_F(SqliteStoreTest, NotesStandInTheJournalBetweenTheTurns) {
  ASSERT_TRUE(now(store->save("shop", 0, turn(1))));
  ASSERT_TRUE(store->note("shop", WallTime{5}, {"weight", "canary weight is 5 %"}));
  ASSERT_TRUE(now(store->save("shop", 1, turn(2))));
  const auto lines = store->journal("shop", 0, 10);
  ASSERT_TRUE(lines);
  ASSERT_EQ(lines->size(), 3u);
  EXPECT_EQ((*lines)[1].entry, (core::Entry{"weight", "canary weight is 5 %"}));
}

TEST_F(SqliteStoreTest, HistoryIsNewestFirst) {
  for (std::int64_t n = 1; n <= 3; ++n) ASSERT_TRUE(now(store->save("shop", n - 1, turn(n))));
  const auto newest = store->history("shop", 2);
  ASSERT_TRUE(newest);
  ASSERT_EQ(newest->size(), 2u);
  EXPECT_EQ((*newest)[0].rollout.id, "shop-3");
  EXPECT_EQ((*newest)[1].rollout.id, "shop-2");
}

TEST_F(SqliteStoreTest, OnlyTheNewestIsKept) {
  store.reset();
  store = open_store(folder.file(), {.journal_lines = 40, .rollouts = 7, .answered_intents = 5});
  put_shop();
  const std::int64_t open = add();  // never answered: never dropped
  std::vector<std::int64_t> ids;
  for (std::int64_t n = 1; n <= 100; ++n) {
    ids.push_back(add());
    ASSERT_TRUE(now(store->save("shop", n - 1, turn(n, ids.back()))));
    ASSERT_TRUE(now(store->save("api", n - 1, turn(n))));
  }
  for (const char* release : {"shop", "api"}) {
    const auto lines = store->journal(release, 0, 1000);
    ASSERT_TRUE(lines);
    EXPECT_GE(lines->size(), 40u);
    EXPECT_LE(lines->size(), 45u);
    EXPECT_EQ(lines->back().entry.text, "turn 100");
    EXPECT_EQ(store->history(release, 1000)->size(), 7u);
  }
  EXPECT_FALSE(store->intent_state(open)->answer);
  EXPECT_EQ(store->intent_state(ids[94]).error().code, Code::not_found);
  EXPECT_TRUE(store->intent_state(ids[95])->answer);
  EXPECT_EQ(now(store->intents("shop", 0))->size(), 1u);
}

TEST_F(SqliteStoreTest, ASecondDaemonIsToldWhoHasTheStore) {
  const auto second = SqliteStore::open(folder.file());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::conflict);
  EXPECT_NE(second.error().message.find(fmt::format("pid {}", ::getpid())), std::string::npos)
      << second.error().message;
  EXPECT_EQ(in_child([&] {
              const auto other = SqliteStore::open(folder.file());
              return !other && other.error().code == Code::conflict ? 0 : 1;
            }),
            0);
  store.reset();
  EXPECT_TRUE(SqliteStore::open(folder.file()));
}

TEST_F(SqliteStoreTest, TheStoreIsReadableForItsOwnerOnly) {
  put_shop();
  for (const char* name : {"linnet.db", "linnet.db-wal", "linnet.db.lock"}) {
    struct stat found {};
    ASSERT_EQ(::stat(folder.file(name).c_str(), &found), 0) << name;
    EXPECT_EQ(found.st_mode & 0777, 0600u) << name;
  }
}

TEST_F(SqliteStoreTest, AStoreThatWasMovedAwayTakesNoMoreWrites) {
  put_shop();
  std::filesystem::rename(folder.file(), folder.file("elsewhere"));
  const auto lost = store->add_intent("shop", core::Intent{});
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, Code::unavailable);
  write_bytes(folder.file(), "another");
  EXPECT_EQ(now(store->save("shop", 0, turn(1))).error().code, Code::unavailable);
  std::filesystem::rename(folder.file("elsewhere"), folder.file());
  EXPECT_TRUE(store->add_intent("shop", core::Intent{}));
}

TEST_F(SqliteStoreTest, AFolderThatDoesNotExistIsNamed) {
  const auto store_or = SqliteStore::open(folder.file("none/linnet.db"));
  ASSERT_FALSE(store_or);
  EXPECT_EQ(store_or.error().code, Code::unavailable);
  EXPECT_NE(store_or.error().message.find("none/linnet.db"), std::string::npos);
}

TEST_F(SqliteStoreTest, AnUpgradeKeepsEverythingAndACopyOfTheOldFile) {
  put_shop();
  ASSERT_TRUE(now(store->save("shop", 0, turn(1))));
  store.reset();
  std::vector<std::string_view> steps(migrations().begin(), migrations().end());
  steps.push_back("CREATE TABLE extra (x INTEGER) STRICT");
  {
    auto database = Database::open(folder.file());
    ASSERT_TRUE(database);
    const auto upgraded = prepare_schema(*database, steps);
    ASSERT_TRUE(upgraded) << upgraded.error().message;
    EXPECT_EQ(database->integer("SELECT count(*) FROM status"), 1);
    EXPECT_EQ(database->integer("SELECT count(*) FROM extra"), 0);
  }
  const std::string copy = folder.file(fmt::format("linnet.db.before-schema-{}", steps.size()));
  auto old = open_store(copy);
  ASSERT_TRUE(old);
  EXPECT_EQ(now(old->load("shop"))->status.reason, "1");
  // Going back without the copy is refused, and says so.
  const auto refused = SqliteStore::open(folder.file());
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("newer linnet"), std::string::npos);
}

TEST_F(SqliteStoreTest, AFailingUpgradeLeavesTheFileAsItWas) {
  put_shop();
  store.reset();
  std::vector<std::string_view> steps(migrations().begin(), migrations().end());
  steps.push_back("CREATE TABLE extra (x INTEGER) STRICT; CREATE TABLE nonsense (");
  {
    auto database = Database::open(folder.file());
    ASSERT_TRUE(database);
    EXPECT_FALSE(prepare_schema(*database, steps));
  }
  store = open_store(folder.file());
  EXPECT_EQ(store->releases()->size(), 1u);
}

/// Saves until it is killed; tells each version through `out` once it is durable.
int save_for_ever(const std::string& path, int out) {
  auto store = SqliteStore::open(path);
  if (!store || !(*store)->put_release("shop", "a: 1")) return 1;
  std::int64_t version = now((*store)->load("shop"))->version;
  while (true) {
    const auto intent = (*store)->add_intent("shop", core::Intent{});
    if (!intent) return 2;
    const auto saved = now((*store)->save("shop", version, turn(version + 1, *intent)));
    if (!saved) return 3;
    version = *saved;
    if (::write(out, &version, sizeof version) != sizeof version) return 4;
  }
}

TEST(SqliteKillTest, NoHalfTurnIsSeenAndNoneIsLostAfterAKill) {
  Folder folder;
  std::mt19937 random(20261123);
  for (int round = 0; round < 25; ++round) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const pid_t child = ::fork();
    if (child == 0) ::_exit(save_for_ever(folder.file(), ends[1]));
    ::close(ends[1]);
    std::int64_t told = 0;
    const auto read_one = [&] { return ::read(ends[0], &told, sizeof told) == sizeof told; };
    ASSERT_TRUE(read_one());
    // The kill hits an instant that no step of the save decides.
    const auto end =
        std::chrono::steady_clock::now() + std::chrono::microseconds(random() % 40'000);
    while (true) {
      const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(
          end - std::chrono::steady_clock::now());
      if (left.count() <= 0) break;
      const timespec wait{0, left.count()};
      pollfd ready{ends[0], POLLIN, 0};
      if (::ppoll(&ready, 1, &wait, nullptr) <= 0) continue;
      ASSERT_TRUE(read_one());
    }
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    while (read_one()) {
    }
    ::close(ends[0]);

    auto store = open_store(folder.file());
    ASSERT_TRUE(store);
    const auto record = now(store->load("shop"));
    ASSERT_TRUE(record) << record.error().message;
    EXPECT_GE(record->version, told);
    EXPECT_LE(record->version, told + 1);
    // Every part of a turn is there, or none.
    EXPECT_EQ(record->status.notices, record->version);
    EXPECT_EQ(store->journal("shop", 0, 100'000)->size(),
              static_cast<std::size_t>(record->version));
    EXPECT_EQ(store->history("shop", 1)->front().rollout.id,
              fmt::format("shop-{}", record->version));
    // Each intent was answered by its turn; one per kill may still wait.
    EXPECT_LE(now(store->intents("shop", 0))->size(), static_cast<std::size_t>(round) + 1);
  }
}

}  // namespace
}  // namespace linnet::local

namespace linnet::contract {
INSTANTIATE_TEST_SUITE_P(Sqlite, StoreContract,
                         testing::Values([]() -> std::unique_ptr<StoreUnderTest> {
                           return std::make_unique<local::SqliteUnderTest>();
                         }));
}  // namespace linnet::contract
